"""Small eager classifiers with a known penultimate layer, and their TorchScript files."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


def seeded(module: nn.Module, seed: int = 0) -> nn.Module:
    """The module in evaluation mode with weights from a generator of its own."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / max(1, parameter[0].numel()) ** 0.5)
    return module.eval()


def noise(*shape: int, seed: int = 1) -> Tensor:
    """Pixels in [0, 1]."""
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def save(module: nn.Module, path: Path, how: str, example: Tensor) -> Path:
    """Write a file: ``script``, ``trace``, or ``frozen`` (scripted, then frozen)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exported: Any = torch.jit.trace(module, example) if how == "trace" else torch.jit.script(module)
        if how == "frozen":
            exported = torch.jit.freeze(exported)
        exported.save(str(path))
    return path


class Mlp(nn.Module):
    """Vectors of 16: 16-8-3, logits."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.last = nn.Linear(16, 8), nn.Linear(8, 3)

    def penultimate(self, x: Tensor) -> Tensor:
        return torch.relu(self.hidden(x))

    def logits(self, x: Tensor) -> Tensor:
        return self.last(torch.relu(self.hidden(x)))

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.relu(self.hidden(x)))


class Cnn(nn.Module):
    """Images 3x8x8 with dropout, softmax head."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.norm = nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6)
        self.dropout, self.last = nn.Dropout(0.5), nn.Linear(6, 4)

    def penultimate(self, x: Tensor) -> Tensor:
        return torch.relu(self.norm(self.convolution(x))).mean(dim=(2, 3))

    def logits(self, x: Tensor) -> Tensor:
        return self.last(self.penultimate(x))

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.norm(self.convolution(x))).mean(dim=(2, 3))
        return torch.softmax(self.last(self.dropout(h)), dim=1)


class Functional(nn.Module):
    """Images 1x4x4, a matrix product with bias and temperature in place of a linear layer, softmax head."""

    def __init__(self) -> None:
        super().__init__()
        self.w1, self.b1 = nn.Parameter(torch.zeros(16, 8)), nn.Parameter(torch.zeros(8))
        self.w2, self.b2 = nn.Parameter(torch.zeros(8, 3)), nn.Parameter(torch.zeros(3))

    def penultimate(self, x: Tensor) -> Tensor:
        return torch.tanh(x.flatten(1) @ self.w1 + self.b1)

    def logits(self, x: Tensor) -> Tensor:
        return (self.penultimate(x) @ self.w2 + self.b2) / 2.0

    def forward(self, x: Tensor) -> Tensor:
        h = torch.tanh(x.flatten(1) @ self.w1 + self.b1)
        return torch.softmax((h @ self.w2 + self.b2) / 2.0, dim=1)


class Sigmoid(nn.Module):
    """Vectors of 16, one sigmoid."""

    def __init__(self, outputs: int = 1) -> None:
        super().__init__()
        self.hidden, self.last = nn.Linear(16, 8), nn.Linear(8, outputs)

    def penultimate(self, x: Tensor) -> Tensor:
        return torch.relu(self.hidden(x))

    def logits(self, x: Tensor) -> Tensor:
        return self.last(torch.relu(self.hidden(x)))

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.last(torch.relu(self.hidden(x))))


class Convolutional(nn.Module):
    """Images 3x8x8, a convolution as last layer, pooled: as in SqueezeNet."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last, self.pool = nn.Conv2d(3, 5, 3), nn.Conv2d(5, 4, 1), nn.AdaptiveAvgPool2d(1)

    def penultimate(self, x: Tensor) -> Tensor:
        return torch.relu(self.first(x)).mean(dim=(2, 3))

    def logits(self, x: Tensor) -> Tensor:
        return self.pool(self.last(torch.relu(self.first(x)))).flatten(1)

    def forward(self, x: Tensor) -> Tensor:
        return self.pool(self.last(torch.relu(self.first(x)))).flatten(1)


class LogSoftmax(Mlp):
    """Vectors of 16, log-probabilities."""

    def logits(self, x: Tensor) -> Tensor:
        return torch.log_softmax(self.last(torch.relu(self.hidden(x))), dim=1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.log_softmax(self.last(torch.relu(self.hidden(x))), dim=1)


class Branching(nn.Module):
    """Vectors of 16; the last layer sits in a branch on ``training``, as in models with auxiliary heads."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.last, self.other = nn.Linear(16, 8), nn.Linear(8, 3), nn.Linear(8, 3)

    def penultimate(self, x: Tensor) -> Tensor:
        return torch.relu(self.hidden(x))

    def logits(self, x: Tensor) -> Tensor:
        return self.last(torch.relu(self.hidden(x)))

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.hidden(x))
        y = self.other(h) if self.training else self.last(h)
        return torch.softmax(y, dim=1)
