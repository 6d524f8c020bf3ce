"""The networks of the sample models; each returns logits ``(N, 10)``.

``DigitsCnn`` and ``DigitsFcn`` are ours and small on purpose: an audit evaluates them millions of times. The others
have the shapes of the DeepDIG authors' code (arXiv 1912.11460), written anew.

Differences from the authors' code: only logits are returned, not the features beside them; batches are flattened from
axis 1 on, so that a wrong image size is an error and not another batch size.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

CLASSES = 10


class DigitsCnn(nn.Sequential):
    """1x8x8 images: two 3x3 convolutions (16, 32 channels) with pooling, then 128-64-10."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(128, 64),
            nn.ReLU(),
            nn.Linear(64, CLASSES),
        )


class DigitsFcn(nn.Sequential):
    """Vectors of 64 pixels: 64-64-32-10 with ReLU."""

    def __init__(self) -> None:
        super().__init__(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, CLASSES))


class AuthorsCnn(nn.Sequential):
    """1x28x28 images: two 3x3 convolutions (10, 10 channels) with pooling, then 250-50-10."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(1, 10, 3),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Conv2d(10, 10, 3),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(250, 50),
            nn.ReLU(),
            nn.Linear(50, CLASSES),
        )


class AuthorsFcn(nn.Sequential):
    """1x28x28 images, flattened: 784-50-50-10 with ReLU."""

    def __init__(self) -> None:
        super().__init__(
            nn.Flatten(), nn.Linear(784, 50), nn.ReLU(), nn.Linear(50, 50), nn.ReLU(), nn.Linear(50, CLASSES)
        )


def _convolution(inputs: int, outputs: int, kernel: int, stride: int = 1, bias: bool = True) -> list[nn.Module]:
    """Convolution that keeps the image size (at stride 1) with batch normalisation."""
    return [nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=bias), nn.BatchNorm2d(outputs)]


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut; He et al., arXiv 1512.03385."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            *_convolution(inputs, outputs, 3, stride, bias=False),
            nn.ReLU(),
            *_convolution(outputs, outputs, 3, bias=False),
        )
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if same else nn.Sequential(*_convolution(inputs, outputs, 1, stride, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        """ReLU of residual plus shortcut."""
        return torch.relu(self.residual(x) + self.shortcut(x))


class AuthorsResNet(nn.Sequential):
    """3x32x32 images: ResNet-34 (3, 4, 6, 3 basic blocks) with a 3x3 stem, 512-10."""

    def __init__(self) -> None:
        layers: list[nn.Module] = [*_convolution(3, 64, 3, bias=False), nn.ReLU()]
        width = 64
        for outputs, blocks, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
            for block in range(blocks):
                layers.append(ResidualBlock(width, outputs, stride if block == 0 else 1))
                width = outputs
        super().__init__(*layers, nn.AvgPool2d(4), nn.Flatten(), nn.Linear(width, CLASSES))


class Inception(nn.Module):
    """Four branches side by side: 1x1, 3x3, two 3x3 for the 5x5, and pooling; Szegedy et al., arXiv 1409.4842."""

    def __init__(self, inputs: int, n1: int, reduce3: int, n3: int, reduce5: int, n5: int, pooled: int) -> None:
        super().__init__()
        self.one = nn.Sequential(*_convolution(inputs, n1, 1), nn.ReLU())
        self.three = nn.Sequential(
            *_convolution(inputs, reduce3, 1), nn.ReLU(), *_convolution(reduce3, n3, 3), nn.ReLU()
        )
        self.five = nn.Sequential(
            *_convolution(inputs, reduce5, 1),
            nn.ReLU(),
            *_convolution(reduce5, n5, 3),
            nn.ReLU(),
            *_convolution(n5, n5, 3),
            nn.ReLU(),
        )
        self.pool = nn.Sequential(nn.MaxPool2d(3, 1, 1), *_convolution(inputs, pooled, 1), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        """The branches' channels, one after the other."""
        return torch.cat([self.one(x), self.three(x), self.five(x), self.pool(x)], dim=1)


class AuthorsGoogLeNet(nn.Sequential):
    """3x32x32 images: nine inception blocks behind a 3x3 stem of 192 channels, 1024-10."""

    def __init__(self) -> None:
        super().__init__(
            *_convolution(3, 192, 3),
            nn.ReLU(),
            Inception(192, 64, 96, 128, 16, 32, 32),
            Inception(256, 128, 128, 192, 32, 96, 64),
            nn.MaxPool2d(3, 2, 1),
            Inception(480, 192, 96, 208, 16, 48, 64),
            Inception(512, 160, 112, 224, 24, 64, 64),
            Inception(512, 128, 128, 256, 24, 64, 64),
            Inception(512, 112, 144, 288, 32, 64, 64),
            Inception(528, 256, 160, 320, 32, 128, 128),
            nn.MaxPool2d(3, 2, 1),
            Inception(832, 256, 160, 320, 32, 128, 128),
            Inception(832, 384, 192, 384, 48, 128, 128),
            nn.AvgPool2d(8, stride=1),
            nn.Flatten(),
            nn.Linear(1024, CLASSES),
        )
