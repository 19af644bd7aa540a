"""Golden ONNX files of another's making: networks of PyTorch, exported by it, with what it computes.

    python make_onnx.py            writes onnx_*.onnx and onnx.json beside this script

torch 2.15, opset 17, seed 5. Channels and steps come first there; merx is given them last.
"""
import json
import pathlib
import warnings

import numpy as np
import torch
from torch import nn

warnings.filterwarnings("ignore")
torch.manual_seed(5)
here = pathlib.Path(__file__).parent


class Pictures(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 8, (2, 3), stride=(1, 2), bias=False), nn.SiLU(),
            nn.Flatten(), nn.Dropout(0.3), nn.Linear(8 * 4 * 2, 7), nn.Tanh(), nn.Linear(7, 4), nn.Softmax(-1))

    def forward(self, x):
        return self.layers(x)


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(2, 4, 3, padding=1)
        self.b = nn.Conv2d(4, 4, 3, padding=1, groups=4)
        self.c = nn.Conv2d(4, 4, 1)
        self.norm = nn.BatchNorm2d(8)
        self.out = nn.Linear(8, 1)

    def forward(self, x):
        x = torch.relu(self.a(x))
        y = torch.sigmoid(self.c(self.b(x)) + x)
        z = self.norm(torch.cat([x, y], 1))
        return torch.sigmoid(self.out(nn.functional.adaptive_avg_pool2d(z, 1).flatten(1)))


class Sequence(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.first = kind(3, 5, batch_first=True)
        self.second = kind(5, 4, batch_first=True)
        self.norm = nn.LayerNorm(5)
        self.out = nn.Linear(4, 2)

    def forward(self, x):
        y, _ = self.first(x)
        _, h = self.second(self.norm(y))
        h = h[0] if isinstance(h, tuple) else h
        return self.out(h.squeeze(0))


def shaken(net):
    with torch.no_grad():
        for p in net.parameters():
            p += 0.2 * torch.randn_like(p)
        for name, b in net.named_buffers():
            if "mean" in name:
                b += 0.3 * torch.randn_like(b)
            if "var" in name:
                b *= 0.5 + torch.rand_like(b)
    return net.eval()


nets = {"pictures": (Pictures(), (2, 3, 10, 12)), "residual": (Residual(), (2, 2, 6, 5)), "lstm": (Sequence(nn.LSTM), (2, 7, 3)), "gru": (Sequence(nn.GRU), (2, 7, 3)),
        "rnn": (Sequence(nn.RNN), (2, 7, 3))}
golden = {"made by": f"torch {torch.__version__}", "seed": 5}
for name, (net, shape) in nets.items():
    net = shaken(net)
    x = torch.randn(shape)
    torch.onnx.export(net, (x,), str(here / f"onnx_{name}.onnx"), opset_version=17, dynamo=False, do_constant_folding=True)
    with torch.no_grad():
        y = net(x)
    last = x.permute(0, 2, 3, 1) if x.dim() == 4 else x
    golden[name] = {"x": np.asarray(last, np.float64).ravel().tolist(), "y": np.asarray(y, np.float64).ravel().tolist()}
(here / "onnx.json").write_text(json.dumps(golden))
