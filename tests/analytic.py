"""Classifiers whose decision boundary is known in closed form, as modules and as ``Classifier``.

- ``half_space``: class 1 where <w, x> + b > 0; the distance to the boundary is |<w, x> + b| / ||w||.
- ``spheres``: class 1 outside a sphere; the distance is | ||x - c|| - r |.
- ``sectors``: three classes in the plane, divided by three rays from the centre at 120 degrees.
- ``checkerboard``: two classes in 4x4 fields of the unit square; the distance is that to the nearest line.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from auditor.boundary.base import DirectionTask
from auditor.models.base import Backend, ModelInput
from auditor.models.classifier import Classifier, Preprocessing


class HalfSpace(nn.Module):
    """Logits (0, <w, x> + b)."""

    def __init__(self, normal: Tensor, offset: float) -> None:
        super().__init__()
        self.register_buffer("normal", normal)
        self.offset = offset

    def forward(self, x: Tensor) -> Tensor:
        z = x.flatten(1) @ self.normal + self.offset
        return torch.stack([torch.zeros_like(z), z], dim=1)

    def distance(self, x: Tensor) -> Tensor:
        """Signed Euclidean distance to the hyperplane, in float64."""
        normal = self.normal.double()
        return (x.flatten(1).double() @ normal + self.offset) / normal.norm()


class Spheres(nn.Module):
    """Logits (0, k (||x - c|| - r))."""

    def __init__(self, centre: Tensor, radius: float, sharpness: float = 20.0) -> None:
        super().__init__()
        self.register_buffer("centre", centre)
        self.radius, self.sharpness = radius, sharpness

    def distance(self, x: Tensor) -> Tensor:
        """Signed distance to the sphere, positive outside."""
        return (x.flatten(1) - self.centre).norm(dim=1) - self.radius

    def forward(self, x: Tensor) -> Tensor:
        z = self.sharpness * self.distance(x)
        return torch.stack([torch.zeros_like(z), z], dim=1)


class Sectors(nn.Module):
    """Logits k <u_j, x - c> with u_0, u_1, u_2 at 120 degrees in the plane."""

    def __init__(self, sharpness: float = 20.0) -> None:
        super().__init__()
        angle = torch.tensor([90.0, 210.0, 330.0]).deg2rad()
        self.register_buffer("directions", torch.stack([angle.cos(), angle.sin()]))
        self.sharpness = sharpness

    def forward(self, x: Tensor) -> Tensor:
        return self.sharpness * (x - 0.5) @ self.directions


class Checkerboard(nn.Module):
    """Logits (0, k sin(pi u) sin(pi v)), u = 0.02 + 3.96 x: 4x4 fields, a little cut at the border of the square.

    Uncut, float32 would round points on the border itself into the class outside.
    """

    def forward(self, x: Tensor) -> Tensor:
        u = torch.pi * (0.02 + 3.96 * x)
        z = 5 * torch.sin(u[:, 0]) * torch.sin(u[:, 1])
        return torch.stack([torch.zeros_like(z), z], dim=1)

    def distance(self, x: Tensor) -> Tensor:
        """Distance to the nearest inner line, in L2 and in the maximum norm alike: float64 ``(N,)``.

        A step along one axis crosses it into a neighbouring field, and every other way out is longer.
        """
        lines = (torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64) - 0.02) / 3.96
        return (x.double()[..., None] - lines).abs().amin(dim=(1, 2))


class EagerBackend(Backend):
    """A torch module as if it were a model file; the embedding is the input."""

    input = ModelInput(None)
    runtime, gradient, embedding = "torch", "torch", "input"
    head = "logits"
    device = torch.device("cpu")

    def __init__(self, module: nn.Module) -> None:
        self.module = module.eval().requires_grad_(False)

    def scores(self, x: Tensor) -> Tensor:
        return self.module(x)

    def logits(self, x: Tensor) -> Tensor:
        return self.module(x)

    def embeddings(self, x: Tensor) -> Tensor:
        return x.flatten(1)


def classifier(module: nn.Module, shape: tuple[int, ...], classes: int) -> Classifier:
    """The module as a ``Classifier`` on instances of this shape."""
    size = int(torch.tensor(shape).prod())
    return Classifier(EagerBackend(module), Preprocessing(), shape, classes, "logits", size)


def half_space(inputs: int = 32, seed: int = 0) -> tuple[HalfSpace, Classifier]:
    """A hyperplane through the middle of the unit box, with a random normal of length 20."""
    normal = torch.randn(inputs, generator=torch.Generator().manual_seed(seed))
    normal = 20 * normal / normal.norm()
    model = HalfSpace(normal, float(-(normal * 0.5).sum()))
    return model, classifier(model, (inputs,), 2)


def around_the_middle(count: int, inputs: int, seed: int, spread: float = 0.1) -> Tensor:
    """Points so near the middle of the unit box that their projection on a boundary stays inside it."""
    x = 0.5 + spread * torch.randn(count, inputs, generator=torch.Generator().manual_seed(seed))
    return x.clamp(0.05, 0.95)


def task(f: Classifier, x: Tensor, source: int, target: int, seed: int = 0) -> DirectionTask:
    """A direction whose samples are those of ``x`` that the model puts in s and in t."""
    predicted = f.predict(x)
    x_s, x_t = x[predicted == source], x[predicted == target]
    rng = torch.Generator().manual_seed(seed)
    return DirectionTask(source, target, x_s, x_t, x_s.flatten(1), x_t.flatten(1), rng)
