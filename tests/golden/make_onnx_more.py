"""More golden ONNX files: functions that exporters write as several operators, shapes worked out in the file, TensorFlow's ways.

    python make_onnx_more.py         writes onnx_functions.onnx, onnx_tensorflow.onnx, onnx_gelu.onnx and onnx_more.json beside this script

functions: exported by torch 2.15 with any number of examples (opset 17). tensorflow: put together here the way tf2onnx does (channels last, a Transpose on each side, biases
added apart, hard_sigmoid as Clip); gelu: opset 20's operator. Those two are judged by onnxruntime. Seed 6.
"""
import json
import pathlib
import warnings

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

warnings.filterwarnings("ignore")
torch.manual_seed(6)
random = np.random.default_rng(6)
here = pathlib.Path(__file__).parent


class Functions(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 3, 2)
        self.a = nn.Linear(3 * 4 * 3, 8)
        self.b = nn.Linear(8, 7)
        self.c = nn.Linear(7, 6)
        self.d = nn.Linear(6, 2)

    def forward(self, x):
        y = nn.functional.gelu(self.conv(x))
        y = y.view(y.size(0), -1)
        y = nn.functional.hardsigmoid(self.a(y))
        y = nn.functional.silu(self.b(y))
        y = nn.functional.elu(nn.functional.leaky_relu(self.c(y), 0.2))
        return nn.functional.softplus(self.d(y))


def values(*shape):
    return (0.5 * random.standard_normal(shape)).astype(np.float32)


def model(nodes, constants, x, y, opset):
    graph = helper.make_graph(nodes, "golden", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, *x])], [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, *y])],
                              [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.checker.check_model(made, full_check=True)
    return made


def tensorflow():
    n = helper.make_node
    constants = {"w": values(4, 2, 3, 3), "b": values(1, 4, 1, 1), "depth": values(4, 1, 2, 2), "flat": np.array([-1, 8], np.int64), "kernel": values(8, 5), "bias": values(5), "three": np.float32(3),
                 "zero": np.float32(0), "six": np.float32(6), "sixth": np.float32(1 / 6), "last": values(5, 3)}
    nodes = [
        n("Transpose", ["x"], ["x1"], perm=[0, 3, 1, 2]), n("Conv", ["x1", "w"], ["c"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]), n("Add", ["c", "b"], ["cb"]), n("Relu", ["cb"], ["r"]),
        n("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2]), n("Conv", ["p", "depth"], ["d"], group=4, kernel_shape=[2, 2], auto_pad="VALID"), n("Transpose", ["d"], ["t"], perm=[0, 2, 3, 1]),
        n("Reshape", ["t", "flat"], ["f"]), n("MatMul", ["f", "kernel"], ["m"]), n("Add", ["m", "bias"], ["mb"]), n("Add", ["mb", "three"], ["h1"]), n("Clip", ["h1", "zero", "six"], ["h2"]),
        n("Mul", ["h2", "sixth"], ["h3"]), n("MatMul", ["h3", "last"], ["z"]), n("Softmax", ["z"], ["y"], axis=-1)]
    return model(nodes, constants, (6, 4, 2), (3,), 17)


def gelu():
    n = helper.make_node
    constants = {"w": values(4, 5), "v": values(5, 3), "root": np.float32(np.sqrt(0.5)), "one": np.float32(1), "half": np.float32(0.5)}
    nodes = [n("MatMul", ["x", "w"], ["a"]), n("Gelu", ["a"], ["g"]), n("MatMul", ["g", "v"], ["b"]), n("Mul", ["b", "root"], ["s"]), n("Erf", ["s"], ["e"]), n("Add", ["one", "e"], ["r"]),
             n("Mul", ["r", "half"], ["h"]), n("Mul", ["b", "h"], ["y"])]
    return model(nodes, constants, (4,), (3,), 20)


golden = {"made by": f"torch {torch.__version__}, onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}", "seed": 6}
net = Functions().eval()
with torch.no_grad():
    for p in net.parameters():
        p += 0.2 * torch.randn_like(p)
x = torch.randn(2, 2, 5, 4)
torch.onnx.export(net, (x,), str(here / "onnx_functions.onnx"), opset_version=17, dynamo=False, input_names=["x"], output_names=["y"], dynamic_axes={"x": {0: "n"}, "y": {0: "n"}})
with torch.no_grad():
    y = net(x)
golden["functions"] = {"x": np.asarray(x.permute(0, 2, 3, 1), np.float64).ravel().tolist(), "y": np.asarray(y, np.float64).ravel().tolist()}
for make in (tensorflow, gelu):
    made = make()
    path = here / f"onnx_{make.__name__}.onnx"
    onnx.save(made, str(path))
    shape = [2] + [d.dim_value for d in made.graph.input[0].type.tensor_type.shape.dim[1:]]
    x = random.standard_normal(shape).astype(np.float32)
    y = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
    golden[make.__name__] = {"x": x.astype(np.float64).ravel().tolist(), "y": y.astype(np.float64).ravel().tolist()}
(here / "onnx_more.json").write_text(json.dumps(golden))
