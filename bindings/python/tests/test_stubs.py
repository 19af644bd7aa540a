"""The stubs say what the modules have: names, parameters, defaults; and mypy is content with them, where it is installed."""
import ast
import importlib
import importlib.util
import inspect
import os
import pathlib
import re
import runpy
import subprocess
import sys

import pytest

import merx
from merx import _merx

HERE = pathlib.Path(__file__).resolve().parent
SOURCES = HERE.parent / "merx"
PACKAGE = pathlib.Path(merx.__file__).parent
MODULES = ["additive", "cluster", "linear_model", "metrics", "models", "neighbors", "preprocessing", "recommend", "shop"]
EXAMPLE = HERE / "typing_example.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("make_stubs", HERE.parent / "make_stubs.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def public(module):
    return getattr(module, "__all__", None) or [name for name in dir(module) if not name.startswith("_")]


class Stub:
    """What a file declares: names to their nodes; what is imported under a name to be seen is its name."""

    def __init__(self, path):
        self.names = {}
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
                self.names[node.name] = node
            elif isinstance(node, ast.AnnAssign):
                self.names[node.target.id] = node
            elif isinstance(node, ast.ImportFrom):
                self.names.update({one.asname: one.name for one in node.names if one.asname})


def members(node):
    """Methods and properties of a class in a stub by name, and its attributes."""
    functions = {one.name: one for one in node.body if isinstance(one, ast.FunctionDef)}
    return functions, {one.target.id for one in node.body if isinstance(one, ast.AnnAssign)}


def declared(node):
    """(name, kind, default as text) of the parameters of a function in a stub."""
    a, kinds = node.args, inspect.Parameter
    plain = [(one, kinds.POSITIONAL_ONLY) for one in a.posonlyargs] + [(one, kinds.POSITIONAL_OR_KEYWORD) for one in a.args]
    defaults = [None] * (len(plain) - len(a.defaults)) + list(a.defaults)
    found = [(one.arg, kind, default) for (one, kind), default in zip(plain, defaults)]
    found += [(a.vararg.arg, kinds.VAR_POSITIONAL, None)] if a.vararg else []
    found += [(one.arg, kinds.KEYWORD_ONLY, default) for one, default in zip(a.kwonlyargs, a.kw_defaults)]
    found += [(a.kwarg.arg, kinds.VAR_KEYWORD, None)] if a.kwarg else []
    return [(name, kind, None if default is None else ast.unparse(default)) for name, kind, default in found if name not in ("self", "cls")]


def check_function(where, node, function):
    real = [p for p in inspect.signature(function).parameters.values() if p.name not in ("self", "cls")]
    told = declared(node)
    assert [(p.name, p.kind) for p in real] == [(name, kind) for name, kind, _ in told], where
    for p, (name, _, default) in zip(real, told):
        assert (p.default is p.empty) == (default is None), f"{where}({name})"
        if default not in (None, "..."):
            value = ast.literal_eval(default)
            assert value == p.default and type(value) is type(p.default), f"{where}({name}={default})"
        elif default == "...":  # what can't be written down
            assert p.default != p.default or isinstance(p.default, type), f"{where}({name})"
    every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
    assert node.returns is not None and all(one is None or one.annotation or one.arg in ("self", "cls") for one in every), where


def inherited(stub, node):
    """Names that a class of a stub has from its bases."""
    found = set()
    for base in node.bases:
        name = base.value.id if isinstance(base, ast.Subscript) else getattr(base, "id", "")
        other = stub.names.get(name) if isinstance(stub.names.get(name), ast.ClassDef) else Stub(SOURCES / "_base.pyi").names.get(name)
        if isinstance(other, ast.ClassDef):
            functions, attributes = members(other)
            found |= set(functions) | attributes | inherited(stub, other)
    return found


def test_files_are_those_of_a_fresh_run(script):
    for name, text in script.stubs().items():
        assert (SOURCES / name).read_text(encoding="utf-8") == text, f"{name}: run bindings/python/make_stubs.py"
    assert {path.name for path in SOURCES.glob("*.pyi")} == {*script.stubs(), "_merx.pyi"}
    assert (PACKAGE / "py.typed").exists() and all((PACKAGE / path.name).exists() for path in SOURCES.glob("*.pyi"))


def test_what_has_no_type_is_an_error(script):
    class Odd:
        def method(self, nothing_like_it):
            pass

    with pytest.raises(script.Missing, match="Odd.method: the parameter nothing_like_it has no type"):
        script.class_lines(Odd, ())
    with pytest.raises(script.Missing, match="what it returns has no type"):
        script.function("odd", lambda: None)


@pytest.mark.parametrize("name", MODULES)
def test_every_public_name(name):
    module, stub = importlib.import_module(f"merx.{name}"), Stub(SOURCES / f"{name}.pyi")
    seen = 0
    for key in public(module):
        value, node = getattr(module, key), stub.names[key]
        if isinstance(node, str):
            assert value.__name__ == node
        elif inspect.isclass(value):
            functions, attributes = members(node)
            known = set(functions) | attributes | inherited(stub, node)
            for member in dir(value):
                if member.startswith("_") and member != "__init__":
                    continue
                real = inspect.getattr_static(value, member)
                if inspect.isfunction(real):
                    assert member in known, f"{name}.{key}.{member}"
                    if member in functions:
                        check_function(f"{name}.{key}.{member}", functions[member], real)
                        seen += 1
                elif isinstance(real, property) or type(real).__name__ == "member_descriptor":
                    assert member in known, f"{name}.{key}.{member}"
            assert not [f for f in functions if not hasattr(value, f)], key
        else:
            check_function(f"{name}.{key}", node, value)
            seen += 1
    assert seen > 0 and set(public(module)) <= set(stub.names)


def test_the_package_itself():
    names = Stub(SOURCES / "__init__.pyi").names
    assert set(names) == {*merx.__all__, *merx._FROM_C}
    for module in merx.__all__:
        assert module == "keras" or (SOURCES / f"{module}.pyi").exists(), module


def test_attributes_of_fitted_estimators():
    """What a fit leaves behind is in the stubs, and nothing else that ends in _."""
    from merx.cluster import KMeans, MiniBatchKMeans
    from merx.linear_model import ElasticNet, LinearRegression, LogisticRegression, Ridge
    from merx.preprocessing import LogTransformer, MinMaxScaler, OneHotEncoder, SimpleImputer, StandardScaler
    from merx.recommend import SequenceRecommender

    x = [[1.0, 2.0], [2.0, 1.0], [3.0, 5.0], [4.0, 3.0]]
    for name, fitted in [
        *(("linear_model", one().fit(x, [1.0, 2.0, 3.0, 5.0])) for one in (ElasticNet, LinearRegression, Ridge)), ("linear_model", LogisticRegression().fit(x, [0, 1, 0, 1])),
        *(("cluster", one(2).fit(x)) for one in (KMeans, MiniBatchKMeans)),
        *(("preprocessing", one().fit(x)) for one in (LogTransformer, MinMaxScaler, OneHotEncoder, SimpleImputer, StandardScaler)),
        ("recommend", SequenceRecommender(units=2, embedding=2, epochs=1).fit([[1, 2], [2, 1]])),
    ]:
        _, attributes = members(Stub(SOURCES / f"{name}.pyi").names[type(fitted).__name__])
        left = {key for key in vars(fitted) if key.endswith("_") and not key.startswith("_")}
        assert left <= attributes, (type(fitted).__name__, left - attributes)
        told = {key for key in attributes if key.endswith("_")} - {"feature_names_in_"}  # of frames alone
        assert told == left, (type(fitted).__name__, told - left)


def signature_of(doc):
    """A parameter list as the docstrings of the extension begin with it: [(name, default as text or None)]."""
    node = ast.parse(f"def {doc.splitlines()[0]}: pass").body[0]
    return [(name, default) for name, _, default in declared(node)]


def test_the_extension():
    stub = Stub(SOURCES / "_merx.pyi")
    real = {name for name in vars(_merx) if not name.startswith("_")} | {"__version__"}
    assert {name for name in stub.names if not name.startswith("_") or name == "__version__"} == real
    for name in sorted(real):
        value, node = getattr(_merx, name), stub.names[name]
        if not inspect.isclass(value):
            if callable(value):
                assert [(key, default) for key, _, default in declared(node)] == [(k, d) for k, d in signature_of(value.__doc__)], name
            continue
        if issubclass(value, BaseException):
            assert [base.__name__ for base in value.__bases__] == [ast.unparse(base) for base in node.bases], name
            continue
        functions, _ = members(node)
        assert set(functions) - {"__new__"} == {key for key in vars(value) if not key.startswith("_")}, name
        for key, one in functions.items():
            doc = value.__doc__ if key == "__new__" else getattr(value, key).__doc__
            if any(getattr(d, "id", "") == "property" for d in one.decorator_list):
                assert type(inspect.getattr_static(value, key)).__name__ == "getset_descriptor", key
            else:
                assert [(k, d) for k, _, d in declared(one)] == [(k, None if d is None else d.replace('"', "'")) for k, d in signature_of(doc)], f"{name}.{key}"
    with pytest.raises(merx.Error) as caught:
        _merx.Model("nothing like it")
    assert isinstance(caught.value.code, str) and isinstance(caught.value.where, str)


def test_the_example_runs():
    found = runpy.run_path(str(EXAMPLE))
    assert found["code"] and found["ids"].tolist() and found["strongest"] == "x0"


# ---- mypy ----


def mypy(*arguments, cwd):
    """The package is found as an installed one is, beside mypy: its own sources are not judged, and without py.typed its types would not be seen."""
    pytest.importorskip("mypy")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])])}
    environment.pop("MYPYPATH", None)
    return subprocess.run([sys.executable, "-m", *arguments], cwd=cwd, env=environment, capture_output=True, text=True)


def test_mypy_takes_the_example_and_refuses_mistakes(tmp_path):
    done = mypy("mypy", "--strict", str(EXAMPLE), *(str(path) for path in sorted(PACKAGE.glob("*.pyi"))), cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    mistakes = [
        ("from merx.linear_model import LinearRegression\nLinearRegression(alpha=1)", "call-arg"),
        ("from merx.cluster import KMeans\nKMeans(init='k-mean')", "arg-type"),
        ("from merx.neighbors import KNeighborsRegressor\nKNeighborsRegressor(weights='equal')", "arg-type"),
        ("from merx.shop import Shop\nShop('x').recommend(nothing=1)", "call-arg"),
        ("from merx.metrics import accuracy_score\naccuracy_score([1], [1]).shape", "attr-defined"),
        ("from merx.models import Nothing", "attr-defined"),
    ]
    for number, (text, _) in enumerate(mistakes):
        (tmp_path / f"mistake{number}.py").write_text(text + "\n")
    done = mypy("mypy", "--strict", *(f"mistake{number}.py" for number in range(len(mistakes))), cwd=tmp_path)
    for number, (text, kind) in enumerate(mistakes):
        assert re.search(rf"^mistake{number}\.py:\d+: error: .*\[{kind}\]", done.stdout, re.M), (text, done.stdout)


def test_stubtest(tmp_path):
    (tmp_path / "allowed").write_text("merx\\._reply\\..*\n")  # private; what it has stands in merx.shop
    (tmp_path / "mypy.ini").write_text("[mypy]\nignore_errors = True\n")  # of the sources that have no stub
    done = mypy("mypy.stubtest", "merx", "--concise", "--allowlist", "allowed", "--mypy-config-file", "mypy.ini", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
