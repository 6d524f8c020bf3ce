"""Pictures of textures, drawn from nothing but a generator: what the large networks of this benchmark are trained on.

A picture is the texture of its class, laid over that of another class by a weight of 0.45 to 1, in two colours, at a
scale, turn and place of its own, under uneven light, with noise. Below 0.5 the other texture is the stronger one, so
that no classifier is right about all of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

KINDS = ("blobs", "checks", "checks turned", "grain", "rays", "rings", "stripes 0", "stripes 45", "stripes 90",
         "stripes 135")  # fmt: skip
"""The textures; those with an angle keep to within 15 degrees of it."""
FOUR = ("blobs", "checks", "stripes 0", "stripes 45")


@dataclass(frozen=True)
class Pictures:
    """Pictures of some kinds of texture.

    Args:
        kinds: of ``KINDS``, in the order of the classes.
        size: edge in pixels.
        waves: fewest and most periods of a texture along an edge.
    """

    kinds: tuple[str, ...]
    size: int
    waves: tuple[float, float]

    def draw(self, labels: Tensor, generator: torch.Generator) -> Tensor:
        """Pictures of the classes ``labels``, int64 ``(N,)``: float32 ``(N, 3, size, size)`` in [0, 1]."""
        n = len(labels)
        others = (labels + torch.randint(1, len(self.kinds), (n,), generator=generator)) % len(self.kinds)
        weight = _uniform((n, 1, 1), 0.45, 1, generator)
        wave = weight * self._textures(labels, generator) + (1 - weight) * self._textures(others, generator)
        wave = torch.tanh(_uniform((n, 1, 1), 1, 4, generator) * wave)[:, None]
        one = torch.rand(n, 3, 1, 1, generator=generator)
        other = (one + _uniform(one.shape, 0.25, 0.75, generator)) % 1
        x = (one + other) / 2 + (one - other) / 2 * wave
        across, down = self._grid()
        slope = _uniform((2, n, 1, 1, 1), -0.3, 0.3, generator)
        x = x + slope[0] * (across - 0.5) + slope[1] * (down - 0.5)
        return (x + _uniform((n, 1, 1, 1), 0, 0.15, generator) * torch.randn(x.shape, generator=generator)).clamp(0, 1)

    def _grid(self) -> tuple[Tensor, Tensor]:
        line = torch.arange(self.size) / self.size
        return line.expand(self.size, -1), line[:, None].expand(-1, self.size)

    def _textures(self, labels: Tensor, generator: torch.Generator) -> Tensor:
        """The texture of each class, about -1 to 1, ``(N, size, size)``."""
        found = torch.empty(len(labels), self.size, self.size)
        for label, kind in enumerate(self.kinds):
            chosen = labels == label
            if chosen.any():
                found[chosen] = self.texture(kind, int(chosen.sum()), generator)
        return found

    def texture(self, kind: str, n: int, generator: torch.Generator) -> Tensor:
        """``n`` waves of a texture, about -1 to 1: ``(n, size, size)``."""
        name, _, degrees = kind.partition(" ")
        across, down = self._grid()
        x, y = across - torch.rand(n, 1, 1, generator=generator), down - torch.rand(n, 1, 1, generator=generator)
        waves = 2 * math.pi * _uniform((n, 1, 1), *self.waves, generator)
        if name in ("blobs", "grain"):
            return self._noise(n, waves / (2 * math.pi) * (2.5 if name == "grain" else 1), generator)
        if name == "rings":
            return torch.sin(waves * torch.hypot(x, y))
        if name == "rays":
            return torch.sin(torch.atan2(y, x) * (waves / 2).round() + waves)
        middle = {"": 0.0, "turned": 45.0}[degrees] if not degrees.isdigit() else float(degrees)
        angle = _uniform((n, 1, 1), middle - 15, middle + 15, generator).deg2rad()
        u, v = angle.cos() * x + angle.sin() * y, angle.cos() * y - angle.sin() * x
        return torch.sin(waves * u) if name == "stripes" else 1.4 * torch.sin(waves * u) * torch.sin(waves * v)

    def _noise(self, n: int, waves: Tensor, generator: torch.Generator) -> Tensor:
        """Noise of about ``waves`` periods along an edge, in no direction."""
        of = torch.fft.fftfreq(self.size, 1 / self.size)
        distance = torch.hypot(of[:, None], of[None, :])
        passed = torch.exp(-(((distance - waves) / (0.3 * waves)) ** 2))
        noise = torch.randn(n, self.size, self.size, generator=generator)
        wave = torch.fft.ifft2(torch.fft.fft2(noise) * passed).real
        return 0.7 * wave / wave.flatten(1).std(dim=1).view(-1, 1, 1)


def _uniform(shape: tuple[int, ...], low: float, high: float, generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(shape, generator=generator)
