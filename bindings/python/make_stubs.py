#!/usr/bin/env python3
"""Writes the type stubs of the package, merx/*.pyi, from the package itself.

    PYTHONPATH=build/release/python python bindings/python/make_stubs.py [FOLDER]

Names, parameters and defaults come from the modules; types of an estimator's parameters from its `_constraints`, of generated classes and of a shop's answers from
the option tables of the C library. What no table says stands in the tables here; a name that none of them has is an error, so that nothing goes out without a type.
merx.keras is annotated in its sources, and merx/_merx.pyi is written by hand. tests/test_stubs.py holds the stubs to the modules, and the files to this script.
"""
import importlib
import inspect
import re
import sys
from pathlib import Path

WIDTH = 150
ARRAY = "NDArray[Any]"

# ---- types that no table of the package says ----

# By the name of the parameter, wherever it stands.
PARAMETERS = {
    "X": "MatrixLike", "y": "ArrayLike", "sample_weight": "ArrayLike | None", "deep": "bool", "row": "int", "target": "int", "output": "Any",
    "cluster": "int | None", "copy": "bool | None", "input_features": "ArrayLike | None", "path": "Path", "progress": "Progress", "show_progress": "Progress",
    "random_state": "RandomState", "num_threads": "int", "seed": "int", "transform": 'Literal["default", "pandas", "polars"] | None',
    # figures of quality
    "y_true": "ArrayLike", "y_pred": "ArrayLike", "y_score": "ArrayLike", "y_proba": "ArrayLike", "labels_true": "ArrayLike", "labels_pred": "ArrayLike",
    "pos_label": "Any", "normalize": "bool", "adjusted": "bool", "average": 'Literal["binary", "micro", "macro", "weighted", "samples"] | None',
    "scale_by_half": 'bool | Literal["auto"]', "zero_division": 'float | Literal["warn"]', "multioutput": 'ArrayLike | Literal["raw_values", "uniform_average"]',
    "force_finite": "bool", "k": "int", "ignore_ties": "bool", "drop_intermediate": "bool", "max_fpr": "float | None",
    "multi_class": 'Literal["raise", "ovr", "ovo"]', "metric": 'Literal["euclidean"]', "sample_size": "int | None", "relevant": "Any", "ranked": "Any",
    "labels": "ArrayLike | None",
    # recommenders
    "user_items": "SparseRows", "userid": "Any", "N": "int", "filter_already_liked_items": "bool", "filter_items": "ArrayLike | None", "recalculate_user": "bool",
    "items": "ArrayLike | None", "itemid": "ArrayLike", "user_weights": "Any", "sequences": "ArrayLike", "sequence": "ArrayLike",
    # shops
    "folder": "Path", "create": "bool", "read_only": "bool", "threads": "int", "mapping": "Path | None", "replace": "bool", "max_refused": "int",
    "customer": "str", "with_models": "bool", "force": "bool", "again": "bool", "truth": "Path | None", "html": "Path | None",
    "language": 'Literal["en", "zh"]', "columns": "int", "why": "bool", "split": "str | date | None", "ax": "Any", "most": "int", "products": "int",
    "customers": "int", "events": "int", "title": "str", "score": "float", "unit": "str", "reasons": "list[Reason]",
}
# Where a name means something else: "Class.method.parameter", "function.parameter".
SPECIAL = {
    "Interval.__init__.kind": "type[Any]", "Interval.__init__.low": "float | None", "Interval.__init__.high": "float | None", "Interval.__init__.open_low": "bool",
    "Interval.__init__.open_high": "bool", "Interval.holds.value": "object", "Estimator.__deepcopy__.memo": "Any", "not_fitted.estimator": "object",
    "Shop.train.answer": "str | Sequence[str] | None", "Shop.train.options": "Mapping[str, OptionValue | bool] | None", "Shop.ask.answer": "str",
    "Shop.evaluate.answer": "str", "ALS.recommend.user_items": "SparseRows | None", "EASE.recommend.user_items": "SparseRows | None",
    "ItemNeighbours.recommend.user_items": "SparseRows | None", "ALS.explain.userid": "int", "EASE.explain.userid": "int", "ItemNeighbours.explain.userid": "int",
    "ALS.explain.itemid": "int", "EASE.explain.itemid": "int", "ItemNeighbours.explain.itemid": "int", "SequenceRecommender.explain.itemid": "int | str",
    "SequenceRecommender.explain.N": "int | None", "confusion_matrix.normalize": 'Literal["true", "pred", "all"] | None', "ndcg_score.k": "int | None",
    "silhouette_score.labels": "ArrayLike", "silhouette_samples.labels": "ArrayLike",
    "average_precision_score.average": 'Literal["micro", "macro", "weighted", "samples"] | None',
    "roc_auc_score.average": 'Literal["micro", "macro", "weighted", "samples"] | None', "Training.__getitem__.at": "Any", "Reply.__getitem__.at": "int",
    "Evaluation.__getitem__.name": "str", "OneHotEncoder.dtype": "DTypeLike", "SimpleImputer.missing_values": "Any", "SimpleImputer.fill_value": "Any",
    "Ridge.alpha": "ArrayLike", "Network.class_weight": 'Literal["none", "balanced"] | Mapping[Any, float]', "LogisticRegression.class_weight":
    'Literal["balanced"] | Mapping[Any, float] | None', "MinMaxScaler.feature_range": "tuple[float, float]",
}
STARRED = {"fit_params": "Any", "kwargs": "Any", "params": "Any", "exception": "object", "settings": "OptionValue | bool | None", "options": "OptionValue | bool | None",
           "fields": "Any"}
SCORES = "tuple[NDArray[np.int32], NDArray[np.float64]]"
# By the name of the method or function; "Class.method" where it means something else.
RETURNS = {
    "__init__": "None", "fit": "Self", "partial_fit": "Self", "set_params": "Self", "set_output": "Self", "sparsify": "Self", "densify": "Self",
    "get_params": "dict[str, Any]", "predict": ARRAY, "predict_proba": "NDArray[np.floating[Any]]", "predict_log_proba": "NDArray[np.floating[Any]]",
    "decision_function": "NDArray[np.floating[Any]]", "fit_predict": "NDArray[np.int32]", "score": "float", "describe": "str", "explain": "Explanation",
    # A frame where set_output asked for one.
    "transform": "Any", "fit_transform": "Any", "inverse_transform": ARRAY, "get_feature_names_out": "NDArray[np.object_]", "save": "None",
    "tensors": f"dict[str, {ARRAY}]", "shapes_svg": "str", "families": "dict[str, dict[str, Any]]",
    "ALS.explain": "tuple[float, list[tuple[int, float]], None]", "EASE.explain": "tuple[float, list[tuple[int, float]], None]",
    "ItemNeighbours.explain": "tuple[float, list[tuple[int, float]], None]", "SequenceRecommender.explain": "tuple[float, list[tuple[Any, float]], float]",
    "recommend": SCORES, "similar_items": SCORES, "SequenceRecommender.recommend": f"tuple[{ARRAY}, NDArray[np.float64]]",
    "SequenceRecommender.similar_items": f"tuple[{ARRAY}, NDArray[np.float64]]", "Shop.recommend": "Reply",
    "confusion_matrix": ARRAY, "roc_curve": f"tuple[{ARRAY}, {ARRAY}, {ARRAY}]", "precision_recall_curve": f"tuple[{ARRAY}, {ARRAY}, {ARRAY}]",
    "silhouette_samples": "NDArray[np.float64]",
    # Shops
    "close": "None", "import_folder": "Import", "forget": "Receipt", "digest": "str", "train": "Training", "evaluate": "Evaluation", "versions": "ModelVersions",
    "ask": "Reply", "report": "str", "answers": "Answers", "write_sample": "None", "__enter__": "Self", "__exit__": "None", "to_dict": "dict[str, Any]",
    "RecordList.to_dict": "list[dict[str, Any]]", "to_frame": "Any", "plot": "Any", "__len__": "int", "Reply.__iter__": "Iterator[Item]",
    "Reply.__getitem__": "Item", "Evaluation.__getitem__": "Figure", "Training.__getitem__": "Any", "__bool__": "bool", "__deepcopy__": "Self", "__sklearn_is_fitted__": "bool", "__sklearn_tags__": "Any",
    "Interval.holds": "bool", "not_fitted": "Exception", "seed_of": "int",
    # Properties
    "sparse_coef_": "Any", "infrequent_categories_": f"list[{ARRAY} | None]", "n_items_": "int", "item_factors": "NDArray[np.float32]",
    "item_weights_": "tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]", "closed": "bool",
}
# Of several classes or outputs there is a figure for each: an array, where that was asked for.
FIGURES_OF_EACH = ("f1_score", "precision_score", "recall_score", "average_precision_score", "roc_auc_score", "mean_squared_error", "mean_absolute_error", "r2_score",
                   "root_mean_squared_error", "mean_absolute_percentage_error", "median_absolute_error", "explained_variance_score")
# What estimators have learnt, named in the section Attributes of their docstrings.
ATTRIBUTES = {
    "coef_": ARRAY, "intercept_": "Any", "rank_": "int", "n_iter_": "Any", "n_features_in_": "int", "feature_names_in_": "NDArray[np.object_]", "classes_": ARRAY,
    "cluster_centers_": "NDArray[np.floating[Any]]", "labels_": "NDArray[np.int32]", "inertia_": "float", "n_steps_": "int",
    "mean_": "NDArray[np.float64] | None", "var_": "NDArray[np.float64] | None", "scale_": "Any", "n_samples_seen_": "Any", "data_min_": ARRAY, "data_max_": ARRAY,
    "data_range_": ARRAY, "min_": ARRAY, "columns_": ARRAY, "categories_": f"list[{ARRAY}]", "drop_idx_": f"{ARRAY} | None", "statistics_": ARRAY,
    "indicator_": "Any", "items_": ARRAY, "best_epoch_": "int", "history_": "dict[str, list[float]]", "KMeans.n_iter_": "int", "MiniBatchKMeans.n_iter_": "int",
    "SequenceRecommender.n_iter_": "int",
}
MONEY = "Decimal"
# The fields of records.
FIELDS = {
    "ImportedFile": {"name": "str", "preset": "str", "note": "str | None", "unchanged": "bool", **dict.fromkeys(("rows", "accepted", "duplicates", "refused"), "int")},
    "Refusal": {"file": "str", "line": "int", "column": "str | None", "value": "str | None", "message": "str"},
    "Import": {"files": "ImportedFiles", "refusals": "Refusals", "amount": MONEY, "changed": "bool",
               **dict.fromkeys(("rows", "accepted", "duplicates", "refused", "events", "customers", "products", "orders"), "int")},
    "Trained": {"answer": "str", "outcome": "str", "note": "str | None", "version": "int", "live": "bool", "evaluation": "Evaluation | None"},
    "ModelVersion": {"answer": "str", "version": "int", "created": "datetime | None", "data_offset": "int", "live": "bool", "size_bytes": "int", "sha256": "str",
                     "evaluation": "Evaluation | None"},
    "Receipt": {"customer": "str", "answers": "dict[str, str]", "seconds": "float",
                **dict.fromkeys(("events", "orders", "messages", "reviews", "customers"), "int")},
    "AnswerInfo": {"name": "str", "title": "str", "text": "str", "needs": "str | None", "examples": "str", "training": "list[dict[str, Any]]",
                   "question": "list[dict[str, Any]]", "learns": "bool"},
    "Reason": {"kind": "str", "id": "str", "text": "str", "contribution": "float", "without": "float | None"},
    "Item": {"id": "str", "title": "str", "score": "float", "fields": "dict[str, Any]", "reasons": "list[Reason]"},
    "Reply": {"answer": "str", "sentence": "str", "score_unit": "str", "model_version": "int", "data_offset": "int", "items": "list[Item]", "notes": "list[str]"},
    "Figure": {"name": "str", **dict.fromkeys(("value", "low", "high"), "float"), "baseline_name": "str | None", "higher_is_better": "bool",
               **dict.fromkeys(("baseline", "difference", "difference_low", "difference_high", "best_reachable"), "float | None")},
    "Evaluation": {"split": "datetime | None", "until": "datetime | None", **dict.fromkeys(("train_rows", "test_rows", "test_units"), "int"), "unit": "str",
                   "protocol": "str", "figures": "Figures", "gate_passed": "bool", "gate": "str"},
    "Record": {},
}
LISTS = {"ImportedFiles": "ImportedFile", "Refusals": "Refusal", "Training": "Trained", "ModelVersions": "ModelVersion", "Answers": "AnswerInfo",
         "Figures": "Figure", "RecordList": "_T"}
# Attributes that instances get in __init__.
OWN = {"Interval": {"kind": "type[Any]", "low": "float | None", "high": "float | None", "open_low": "bool", "open_high": "bool"}, "Shop": {"folder": "str", "threads": "int"}, "Explanation": {"title": "str", "score": "float", "unit": "str", "reasons": "list[Reason]"}}
DUNDERS = ("__init__", "__len__", "__iter__", "__getitem__", "__bool__", "__enter__", "__exit__", "__deepcopy__", "__sklearn_is_fitted__", "__sklearn_tags__")

# ---- types out of the package's tables ----


def literal(words):
    return "Literal[" + ", ".join(quoted(word) for word in words) + "]"


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def of_constraint(constraint):
    from merx._base import Interval

    if isinstance(constraint, Interval):
        return "int" if constraint.kind is int else "float"
    if isinstance(constraint, set):
        return literal(sorted(constraint))
    if constraint is None:
        return "None"
    if isinstance(constraint, str):
        return {"verbose": "int", "random_state": "RandomState", "array": "Array"}[constraint]
    if constraint is callable:
        return "Callable[..., Any]"
    return {bool: "bool", list: "Sequence[Any]", tuple: "tuple[Any, ...]", dict: "Mapping[Any, Any]"}[constraint]


def of_option(option, default, words=None):
    """The type of an option of the C library; `words`: the option's word to the parameter's."""
    choices = [(words or {}).get(word, word) for word in (option["choices"] or "").split("|") if word]
    if option["type"] == "choice":
        found = literal(choices)
    else:
        found = {"bool": "bool", "int": "int", "real": "float", "text": "str"}[option["type"]]
        found += f" | {literal(choices)}" if choices else ""
    return found + (" | None" if default is None else "")


def of_parameters(cls):
    """Parameter of the constructor to type."""
    from merx._generate import families

    found = {}
    for name, allowed in getattr(cls, "_constraints", {}).items():
        parts = list(dict.fromkeys(of_constraint(one) for one in allowed))
        if "float" in parts and "int" in parts:
            parts.remove("int")
        parts.sort(key=lambda part: part == "None")
        found[name] = "RandomState" if "RandomState" in parts else " | ".join(parts)
    family = getattr(cls, "_family", None)
    names = getattr(cls, "_option_names", None) or {name: option for name, option in getattr(cls, "_options", {}).items()}
    if isinstance(family, str) and names:
        options = {option["name"]: option for option in families()[family]["options"]}
        back = {parameter: {ours: theirs for theirs, ours in table.items()} for parameter, table in getattr(cls, "_option_words", {}).items()}
        signature = inspect.signature(cls.__init__).parameters
        for name, option in names.items():
            found[name] = of_option(options[option], signature[name].default, back.get(name))
    return found


def of_answer(name):
    """Parameter of a shop's method to type."""
    from merx import _merx, shop
    from merx._options import default_of

    for info in _merx.answers():
        if shop._python_name(info["name"]) == name:
            types = {}
            for option in info["question"]:
                found = of_option(option, default_of(option))
                types[shop._python_name(option["name"])] = found.replace("str", "OptionValue") if option["type"] == "text" else found
            return types
    return {}


class Missing(Exception):
    """What has no type yet."""


def type_of(parameter, owner, method, known):
    where = f"{owner}.{method}" if owner else method
    if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
        return STARRED[parameter.name]
    for key in (f"{where}.{parameter.name}", f"{owner}.{parameter.name}"):
        if key in SPECIAL:
            return SPECIAL[key]
    if parameter.name in known:
        return known[parameter.name]
    if parameter.name == "y" and parameter.default is None:
        return "Any"
    if parameter.name not in PARAMETERS:
        raise Missing(f"{where}: the parameter {parameter.name} has no type: add it to PARAMETERS of make_stubs.py")
    return PARAMETERS[parameter.name]


def return_of(owner, name, default=None):
    found = RETURNS.get(f"{owner}.{name}") or RETURNS.get(name) or default
    if found is None:
        raise Missing(f"{owner or ''}.{name}: what it returns has no type: add it to RETURNS of make_stubs.py")
    return found


# ---- text ----


def default_text(value):
    if value is None or isinstance(value, (bool, int, str)) or (isinstance(value, float) and value == value and abs(value) != float("inf")):
        return quoted(value) if isinstance(value, str) else repr(value)
    if isinstance(value, tuple):
        return "(" + ", ".join(default_text(part) for part in value) + ("," if len(value) == 1 else "") + ")"
    return "..."


def docstring(text, indent):
    lines = inspect.cleandoc(text).replace("\\", "\\\\").replace('"""', '\\"\\"\\"').splitlines()
    space = " " * indent
    if len(lines) == 1:
        return [f'{space}"""{lines[0]}"""']
    return [f'{space}"""{lines[0]}', *((space + line) if line else "" for line in lines[1:]), f'{space}"""']


def function(name, call, owner=None, known=None, returns=None, doc=None, indent=0):
    """The lines of a function's stub."""
    signature = inspect.signature(call)
    parts, kinds = [], inspect.Parameter
    star = positional = False
    for p in signature.parameters.values():
        if p.name == "self":
            parts.append("self")
            positional = positional or p.kind is kinds.POSITIONAL_ONLY and name != "__init__"
            continue
        if positional and p.kind is not kinds.POSITIONAL_ONLY:
            parts.append("/")
            positional = False
        positional = positional or p.kind is kinds.POSITIONAL_ONLY
        if p.kind is kinds.KEYWORD_ONLY and not star:
            parts.append("*")
            star = True
        mark = {kinds.VAR_POSITIONAL: "*", kinds.VAR_KEYWORD: "**"}.get(p.kind, "")
        star = star or mark == "*"
        default = "" if p.default is kinds.empty else f" = {default_text(p.default)}"
        parts.append(f"{mark}{p.name}: {type_of(p, owner, name, known or {})}{default}")
    returned = returns or return_of(owner, name)
    space = " " * indent
    end = f" -> {returned}:" + (" ..." if not doc else "")
    lines = [f"{space}def {name}({', '.join(parts)}){end}"]
    if len(lines[0]) > WIDTH:
        lines = [f"{space}def {name}(", *(f"{space}    {part}," for part in parts), f"{space}){end}"]
    return lines + (docstring(doc, indent + 4) + [f"{space}    ..."] if doc else [])


def learnt(cls):
    """Names in the section Attributes of the docstrings of a class and of those it is made of."""
    found = {}
    for one in cls.__mro__:
        lines = inspect.cleandoc(one.__dict__.get("__doc__") or "").splitlines()
        if "Attributes" not in lines:
            continue
        for line in lines[lines.index("Attributes") + 2 :]:
            if not line:
                break
            if line.startswith(" "):
                continue
            for piece in line.split(" · "):
                for name in piece.split(" : ")[0].split(", "):
                    if re.fullmatch(r"[a-z_]+_", name):
                        found[name] = None
    return list(found)


def members_of(classes):
    """Public members and some special ones of classes, the first one's before those of the others."""
    return {key: value for cls in reversed(classes) for key, value in vars(cls).items() if not key.startswith("_") or key in DUNDERS}


def fields_of(cls):
    """Attributes of instances, name to type."""
    name = cls.__name__
    if name in FIELDS:
        slots = [key for key in cls.__slots__ if not key.startswith("_")]
        if set(slots) != set(FIELDS[name]):
            raise Missing(f"{name} has the fields {slots}; FIELDS of make_stubs.py has {list(FIELDS[name])}")
        return {key: FIELDS[name][key] for key in slots}
    if name in LISTS:
        return {"columns": "ClassVar[tuple[Any, ...]]", "most": "ClassVar[int]"} if name == "RecordList" else {}
    if name in OWN:
        return OWN[name]
    found = {}
    if inspect.isfunction(cls.__init__):
        known, parameters = of_parameters(cls), inspect.signature(cls.__init__).parameters.values()
        found = {p.name: type_of(p, name, "__init__", known) for p in parameters if p.name != "self"}
    for key in learnt(cls):
        if not isinstance(inspect.getattr_static(cls, key, None), property):
            found[key] = ATTRIBUTES.get(f"{name}.{key}") or ATTRIBUTES.get(key)
            if found[key] is None:
                raise Missing(f"{name}.{key} has no type: add it to ATTRIBUTES of make_stubs.py")
    return found


def bases_of(cls, bases):
    """The bases that are named, as the stub has them: those that come with another one are left out."""
    named = [base for base in cls.__mro__[1:] if base.__name__ in bases]
    named = [base.__name__ for base in named if not any(other is not base and issubclass(other, base) for other in named)]
    return ["list[_T]"] if cls.__name__ == "RecordList" else [f"RecordList[{LISTS[cls.__name__]}]" if name == "RecordList" else name for name in named]


def class_lines(cls, bases, doc=None, answers=False):
    """The lines of a class's stub: what it has from bases that are not named stands in it. answers: some methods are made from the table of answers."""
    name, head = cls.__name__, bases_of(cls, bases)
    members = members_of([base for base in cls.__mro__ if base is cls or base.__name__ not in ("object", "list", *bases)])
    attributes = fields_of(cls)
    if name not in LISTS:
        attributes |= {key: type(value).__name__ for key, value in members.items() if isinstance(value, (bool, int, float, str)) and key not in attributes}
    body = (docstring(doc, 4) if doc else []) + [f"    {key}: {found}" for key, found in attributes.items()]
    for key in sorted(members, key=lambda key: (key != "__init__", not key.startswith("__"), key)):
        value = members[key]
        if isinstance(value, property):
            body += ["    @property", f"    def {key}(self) -> {return_of(name, key)}: ..."]
        elif inspect.isfunction(value):
            asked = of_answer(key) if answers and "Returns Reply; raises as" in (value.__doc__ or "") else {}
            known = of_parameters(cls) if key == "__init__" else asked
            lines = function(key, value, name, known, "Reply" if asked else None, value.__doc__ if asked else None, 4)
            if key == "fit_transform" and "TransformerMixin" in head:  # narrower than the mixin's, which takes what fit takes
                lines[0] += "  # type: ignore[override]"
            body += lines
    line = f"class {name}({', '.join(head)}):" if head else f"class {name}:"
    return [line, *body] if body else [f"{line} ..."]


def stub(module, body, also=()):
    """A whole file: what it is, the imports it needs, its body."""
    text = "\n".join(body)
    code = re.sub(r'"""(?:[^"\\]|\\.|"(?!""))*"""', "", text)

    def used(names):
        return [name for name in names if re.search(rf"(?<![\w.]){name}\b", code)]

    lines = [f"# Written by bindings/python/make_stubs.py from merx.{module}." if module else "# Written by bindings/python/make_stubs.py.", ""]
    for source, names in (
        ("collections.abc", ["Callable", "Iterator", "Mapping", "Sequence"]), ("datetime", ["date", "datetime"]), ("decimal", ["Decimal"]),
        ("typing", ["Any", "ClassVar", "Literal", "Self", "TypeVar"]),
    ):
        if used(names):
            lines.append(f"from {source} import {', '.join(used(names))}")
    third = ["import numpy as np"] if used(["np"]) else []
    if used(["ArrayLike", "DTypeLike", "NDArray"]):
        third.append(f"from numpy.typing import {', '.join(used(['ArrayLike', 'DTypeLike', 'NDArray']))}")
    lines += ["", *third] if third else []
    own = list(also)
    defined = set(re.findall(r"^class (\w+)", code, re.M))
    for source, names in (
        ("_base", ["ClassifierMixin", "ClusterMixin", "Estimator", "RegressorMixin", "TransformerMixin"]), ("_explain", ["Explanation"]),
        ("_types", ["Array", "MatrixLike", "OptionValue", "Path", "Progress", "RandomState", "SparseRows"]),
    ):
        names = [name for name in used(names) if name not in defined]
        if names:
            own.append(f"from merx.{source} import {', '.join(names)}")
    lines += ["", *sorted(own)] if own else []
    return re.sub(r"\n{3,}", "\n\n", "\n".join([*lines, "", *body])) + "\n"


# ---- modules ----

_MIXINS = ("ClassifierMixin", "ClusterMixin", "Estimator", "RegressorMixin", "TransformerMixin")


def all_line(names):
    line = f"__all__ = [{', '.join(quoted(name) for name in names)}]"
    return [line] if len(line) <= WIDTH else ["__all__ = [", *(f"    {quoted(name)}," for name in names), "]"]


def estimators(module, doc=False):
    """A module of estimators. doc: with their docstrings, where the sources have none to be found."""
    source = importlib.import_module(f"merx.{module}")
    body = all_line(source.__all__)
    for name in source.__all__:
        cls = getattr(source, name)
        body += ["", *class_lines(cls, _MIXINS, cls.__doc__ if doc and "_family" in vars(cls) else None)]
    return stub(module, body)


def base():
    source = importlib.import_module("merx._base")
    body = []
    for name in sorted(_MIXINS):
        body += ["", *class_lines(getattr(source, name), ())]
    body += ["", *class_lines(source.Interval, ()), "", "class InvalidParameterError(ValueError, TypeError): ..."]
    for name in ("not_fitted", "seed_of"):
        body += ["", *function(name, getattr(source, name))]
    return stub("_base", body)


def metrics():
    source = importlib.import_module("merx.metrics")
    body = all_line(source.__all__)
    for name in source.__all__:
        value = getattr(source, name)
        if inspect.isclass(value):
            body += ["", f"class {name}(UserWarning): ..."]
        else:
            returned = RETURNS.get(name) or ("float | Any" if name in FIGURES_OF_EACH else "float")
            body += ["", *function(name, value, returns=returned)]
    return stub("metrics", body)


def models():
    source = importlib.import_module("merx.models")
    body, also = [], []
    for name in dir(source):
        value = getattr(source, name)
        if name == "families":
            body += ["", *function(name, value)]
        elif value.__module__ == "merx.models":
            body += ["", *class_lines(value, _MIXINS, value.__doc__)]
        else:
            also.append(f"from {value.__module__} import {value.__name__} as {name}")
    return stub("models", body, also)


def shop():
    source = importlib.import_module("merx.shop")
    records = [name for name, value in sorted(vars(source).items()) if inspect.isclass(value) and value.__module__ in ("merx.shop", "merx._reply", "merx._record")]
    first = ["Record", "RecordList", "Reason", "Explanation", "Item", "Reply", "Figure", "Figures", "Evaluation"]
    reply = importlib.import_module("merx._reply")
    names = first + [name for name in records if name not in first and name != "Shop"] + ["Shop"]
    body = ['_T = TypeVar("_T")', "", *all_line(source.__all__)]
    for name in names:
        cls = getattr(source, name, None) or getattr(reply, name)
        body += ["", *class_lines(cls, ("Record", "RecordList"), answers=name == "Shop")]
    for name in source.__all__:
        if not inspect.isclass(getattr(source, name)):
            body += ["", *function(name, getattr(source, name))]
    return stub("shop", body)


def package():
    import merx

    modules = [f"from merx import {name} as {name}" for name in merx.__all__]
    names = [f"from merx._merx import {name} as {name}" for name in merx._FROM_C]
    return stub("", [*modules, *sorted(names), "", *all_line(merx.__all__)])


def stubs():
    """File name to text."""
    made = {f"{name}.pyi": estimators(name) for name in ("cluster", "linear_model", "preprocessing")}
    made |= {f"{name}.pyi": estimators(name, doc=True) for name in ("additive", "neighbors", "recommend")}
    made |= {"__init__.pyi": package(), "_base.pyi": base(), "metrics.pyi": metrics(), "models.pyi": models(), "shop.pyi": shop()}
    return dict(sorted(made.items()))


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent / "merx"
    try:
        made = stubs()
    except Missing as error:
        sys.exit(f"make_stubs.py: {error}")
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.path = [place for place in sys.path if Path(place or ".").resolve() != Path(__file__).resolve().parent]  # the sources there lack the extension
    main()
