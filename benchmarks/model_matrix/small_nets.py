"""A small convolutional and a small dense network for the rows about the file rather than the network."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from benchmarks.model_matrix.exports import telling
from benchmarks.model_matrix.reference import noise

IMAGE, VECTOR, CLASSES = (3, 16, 16), (20,), 5


class Cnn(nn.Module):
    """3x16x16 images: two convolutions with batch normalisation, pooling, 12-5."""

    def __init__(self, classes: int = CLASSES) -> None:
        super().__init__()
        self.first, self.norm1 = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.second, self.norm2 = nn.Conv2d(8, 12, 3, stride=2), nn.BatchNorm2d(12)
        self.pool, self.last = nn.AdaptiveAvgPool2d(1), nn.Linear(12, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, C)``."""
        h = torch.relu(self.norm1(self.first(x)))
        h = torch.nn.functional.silu(self.norm2(self.second(h)))
        return self.last(self.pool(h).flatten(1))


class Dense(nn.Sequential):
    """Vectors of 20: 20-16-12-5 with ReLU and GELU."""

    def __init__(self, classes: int = CLASSES) -> None:
        super().__init__(
            nn.Linear(20, 16), nn.ReLU(), nn.Linear(16, 12), nn.LayerNorm(12), nn.GELU(), nn.Linear(12, classes)
        )


def cnn(classes: int = CLASSES) -> nn.Module:
    """The convolutional network with telling weights, the same each time."""
    torch.manual_seed(0)
    return telling(Cnn(classes), noise(16, *IMAGE, seed=1))


def dense(classes: int = CLASSES) -> nn.Module:
    """The dense network with telling weights, the same each time."""
    torch.manual_seed(0)
    return telling(Dense(classes), noise(16, *VECTOR, seed=1))
