"""PyTorch's half of the networks' figures: cnn, lstm (tanh: PyTorch has no other) and resnet as in bench/networks. FOLDER holds x (n, input) float32 and labels (n) int32.

    network_torch.py train FOLDER NETWORK N WAY       "go" trains on the N examples once, batch 32, shuffled
    network_torch.py infer FOLDER NETWORK N WAY       "go" classifies them in batches of 256
    network_torch.py one FOLDER NETWORK N WAY         "go COUNT" classifies COUNT of them one at a time; "seconds" is the median of a call
    network_torch.py step FOLDER lstm N WAY           the same of the next step of a sequence, the state kept

WAY is eager, last (channels last), single (one thread), compile (torch.compile), compile+last, frozen (traced, jit.freeze, jit.optimize_for_inference), cell (step: LSTMCell).
Single calls run on one thread: a second one only costs them. Adam is the fused one.
"""
import os
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import torch
import worker
from torch import nn
from torch.nn import functional as F

BATCH, INFER_BATCH, CLASSES = 32, 256, 10
SHAPES = {"cnn": (28, 28, 1), "lstm": (50, 32), "resnet": (64, 64, 3)}
VERSIONS = ("torch", "numpy")
warnings.filterwarnings("ignore")


class Cnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 32, 3)
        self.dense = nn.Linear(32 * 13 * 13, CLASSES)

    def forward(self, x):
        return self.dense(torch.flatten(F.max_pool2d(F.relu(self.conv(x)), 2), 1))


class Lstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(32, 128, batch_first=True)
        self.dense = nn.Linear(128, CLASSES)

    def forward(self, x):
        return self.dense(self.lstm(x)[0][:, -1])


class Step(nn.Module):
    """One event: x (1, 1, 32) and the state to the answer and the next state."""

    def __init__(self, cell):
        super().__init__()
        self.cell = nn.LSTMCell(32, 128) if cell else None
        self.lstm = None if cell else nn.LSTM(32, 128, batch_first=True)
        self.dense = nn.Linear(128, CLASSES)

    def forward(self, x, h, c):
        if self.cell is not None:
            h, c = self.cell(x[:, 0], (h, c))
            return F.softmax(self.dense(h), 1), h, c
        y, (h, c) = self.lstm(x, (h, c))
        return F.softmax(self.dense(y[:, -1]), 1), h, c


def norm(channels):
    return nn.BatchNorm2d(channels, eps=0.001, momentum=0.01)


class Block(nn.Module):
    def __init__(self, c, u, stride):
        super().__init__()
        self.first, self.first_norm = nn.Conv2d(c, u, 3, stride, 1, bias=False), norm(u)
        self.second, self.second_norm = nn.Conv2d(u, u, 3, 1, 1, bias=False), norm(u)
        self.shortcut = nn.Sequential(nn.Conv2d(c, u, 1, stride, bias=False), norm(u)) if stride > 1 else nn.Identity()

    def forward(self, x):
        y = self.second_norm(self.second(F.relu(self.first_norm(self.first(x)))))
        return F.relu(y + self.shortcut(x))


class Resnet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 32, 3, padding=1, bias=False), norm(32), nn.ReLU())
        blocks, c = [], 32
        for u in (32, 64, 128):
            for i in range(3):
                blocks.append(Block(c, u, 2 if u > 32 and i == 0 else 1))
                c = u
        self.blocks = nn.Sequential(*blocks)
        self.dense = nn.Linear(128, CLASSES)

    def forward(self, x):
        return self.dense(self.blocks(self.stem(x)).mean((2, 3)))


NETWORKS = {"cnn": Cnn, "lstm": Lstm, "resnet": Resnet}


def read(folder, network, n):
    """Pictures as (n, channels, height, width)."""
    x = np.fromfile(Path(folder) / "x", np.float32).reshape(n, *SHAPES[network])
    if x.ndim == 4:
        x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    return torch.from_numpy(x), torch.from_numpy(np.fromfile(Path(folder) / "labels", np.int32).astype(np.int64))


def layout(words, network, model, x):
    if "last" in words and network != "lstm":
        return model.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    return model, x


def weights(model):
    return sum(p.numel() for p in model.parameters()) + sum(b.numel() for name, b in model.named_buffers() if "running" in name)


def train(folder, network, n, words):
    x, labels = read(folder, network, n)
    model, x = layout(words, network, NETWORKS[network](), x)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001, eps=1e-7, fused=True)
    run = torch.compile(model) if "compile" in words else model

    def go(_):
        order, total = torch.randperm(n), 0.0
        for begin in range(0, n, BATCH):
            rows = order[begin:begin + BATCH]
            optimizer.zero_grad(set_to_none=True)
            loss = F.cross_entropy(run(x[rows]), labels[rows])
            loss.backward()
            optimizer.step()
            total += loss.detach()
        return float(total) / (n // BATCH)

    worker.serve(go, lambda loss, _: {"loss": loss}, versions=VERSIONS, rows=n, weights=weights(model))


def ready(words, network, model, x, example):
    """The model as it answers: probabilities."""
    model, x = layout(words, network, nn.Sequential(model, nn.Softmax(1)).eval(), x)
    if "frozen" in words:
        with torch.no_grad():
            return torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(model, example(x)))), x
    return (torch.compile(model) if "compile" in words else model), x


def infer(folder, network, n, words):
    x, _ = read(folder, network, n)
    with torch.inference_mode():
        model, x = ready(words, network, NETWORKS[network](), x, lambda v: v[:INFER_BATCH])

        def go(_):
            out = torch.empty(n, CLASSES)
            with torch.inference_mode():
                for begin in range(0, n, INFER_BATCH):
                    out[begin:begin + INFER_BATCH] = model(x[begin:begin + INFER_BATCH])
            return out

    worker.serve(go, lambda p, _: {"mass": float(p.sum())}, versions=VERSIONS, rows=n)


def timed(call, count):
    times = np.empty(count)
    for i in range(count):
        began = time.perf_counter()
        call(i)
        times[i] = time.perf_counter() - began
    return times


def report(times, _):
    return {"seconds": float(np.median(times)), "calls": len(times)}


def one(folder, network, n, words):
    x, _ = read(folder, network, n)
    with torch.inference_mode():
        model, x = ready(words, network, NETWORKS[network](), x, lambda v: v[:1])
        given = [x[i:i + 1].contiguous() for i in range(min(n, 1000))]

    def go(said):
        with torch.inference_mode():
            return timed(lambda i: model(given[i % len(given)]), int(said[0]))

    worker.serve(go, report, versions=VERSIONS)


def step(folder, network, n, words):
    x, _ = read(folder, network, n)
    events = [e.contiguous() for e in x.reshape(-1, 1, 1, x.shape[-1])[:1000]]
    model = Step("cell" in words).eval()
    start = torch.zeros(1, 128) if "cell" in words else torch.zeros(1, 1, 128)
    with torch.inference_mode():
        if "frozen" in words:
            model = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(model, (events[0], start, start))))
        elif "compile" in words:
            model = torch.compile(model)

    def go(said):
        state = [start, start]

        def call(i):
            p, state[0], state[1] = model(events[i % len(events)], state[0], state[1])
            return p

        with torch.inference_mode():
            return timed(call, int(said[0]))

    worker.serve(go, report, versions=VERSIONS)


if __name__ == "__main__":
    mode, where, name, count, way = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), set(sys.argv[5].split("+"))
    torch.manual_seed(1)
    torch.set_num_threads(1 if mode in ("one", "step") or "single" in way else len(os.sched_getaffinity(0)))
    {"train": train, "infer": infer, "one": one, "step": step}[mode](where, name, count, way)
