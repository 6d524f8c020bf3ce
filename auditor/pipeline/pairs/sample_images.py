"""The few images of a direction that the report shows, as small PNGs inside the results."""

from __future__ import annotations

import base64
import io
import math
from typing import Literal

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from auditor.boundary.base import BoundaryInstances
from auditor.documents.results import ClassProbability, NotMeasured, SampleCell, SampleGrid, SampleRow
from auditor.models.classifier import Classifier

Label = Literal["typical", "nearest", "farthest", "strangest"]
Role = Literal["source", "adversarial", "adversarial_of_adversarial", "boundary"]
ImageShape = tuple[int, int, int]

BYTES = 4_000_000
"""Bytes of pixels in all grids of an audit, before compression."""
CELLS = 4 * 5
"""Images in the grid of one direction."""


def shrink_factor(shape: ImageShape, directions: int) -> int:
    """By how much the sides of every shown image are divided, so that all grids together stay within ``BYTES``."""
    channels, height, width = shape
    wanted = max(1, directions) * CELLS * channels * height * width
    return max(1, math.ceil(math.sqrt(wanted / BYTES)))


def chosen_rows(found: BoundaryInstances) -> dict[Label, int]:
    """Which instances stand for a direction; one instance stands for one thing only.

    Typical, nearest and farthest go by the distance (L2) of the boundary instance to its source; strangest
    is the one that the model gives to s and t the least.
    """
    distance = distances(found)
    sure = found.p_boundary[:, found.source] + found.p_boundary[:, found.target]
    median = distance.quantile(0.5) if len(distance) else torch.tensor(0.0)
    scores: dict[Label, Tensor] = {
        "typical": (distance - median).abs(),
        "nearest": distance,
        "farthest": -distance,
        "strangest": sure,
    }
    rows: dict[Label, int] = {}
    for label, score in scores.items():
        free = [row for row in score.argsort(stable=True).tolist() if row not in rows.values()]
        if free:
            rows[label] = free[0]
    return rows


def distances(found: BoundaryInstances) -> Tensor:
    """L2 distance of each boundary instance to its source, float32 ``(N,)``."""
    return torch.linalg.vector_norm((found.x_boundary - found.x_source).flatten(1), dim=1)


def sample_grid(
    classifier: Classifier, found: BoundaryInstances, shape: ImageShape | None, factor: int
) -> SampleGrid | NotMeasured:
    """The sample images of one direction.

    Args:
        found: its boundary instances.
        shape: ``(C, H, W)`` in which an instance is shown; None for vectors that are no image.
        factor: the sides of every image are divided by it.
    """
    if shape is None:
        return NotMeasured(not_measured="the instances are vectors that are no image")
    if shape[0] not in (1, 3):
        return NotMeasured(not_measured=f"an image of {shape[0]} channels cannot be shown; it takes 1 or 3")
    if not len(found):
        return NotMeasured(not_measured="no boundary instance was found")
    rows, distance = chosen_rows(found), distances(found)
    index = torch.tensor(list(rows.values()))
    images: dict[Role, Tensor] = {
        "source": found.x_source[index],
        "adversarial": found.x_adversarial[index],
        "adversarial_of_adversarial": found.x_adversarial_of_adversarial[index],
        "boundary": found.x_boundary[index],
    }
    tops = {role: _top_two(classifier.probabilities(x)) for role, x in images.items()}
    difference = found.x_boundary[index] - found.x_source[index]
    shown = [
        SampleRow(
            label=label,
            distance=float(distance[row]),
            cells=[
                *(
                    SampleCell(role=role, png=_png(x[i].view(shape), factor), top=tops[role][i])
                    for role, x in images.items()
                ),
                SampleCell(role="difference", png=_difference_png(difference[i].view(shape), factor), top=[]),
            ],
        )
        for i, (label, row) in enumerate(rows.items())
    ]
    height, width = _reduced(torch.zeros(shape), factor).shape[1:]
    return SampleGrid(height=height, width=width, rows=shown)


def _top_two(probabilities: Tensor) -> list[list[ClassProbability]]:
    values, classes = probabilities.topk(2, dim=1)
    return [
        [ClassProbability(index=c, probability=p) for c, p in zip(*row, strict=True)]
        for row in zip(classes.tolist(), values.tolist(), strict=True)
    ]


def _reduced(image: Tensor, factor: int) -> Tensor:
    """Means over blocks of ``factor`` x ``factor`` pixels; a block at the edge may be smaller."""
    return image if factor == 1 else F.avg_pool2d(image[None], factor, ceil_mode=True)[0]


def _png(image: Tensor, factor: int) -> str:
    grey_levels = (_reduced(image, factor) * 255).round().to(torch.uint8)
    return _encoded(grey_levels)


def _difference_png(difference: Tensor, factor: int) -> str:
    """Mean over channels of a difference in -1..1 as a grey level around 128."""
    signed = _reduced(difference, factor).mean(dim=0, keepdim=True)
    return _encoded((128 + 127 * signed).round().to(torch.uint8))


def _encoded(levels: Tensor) -> str:
    """Base64 of the PNG of uint8 ``(1, H, W)`` or ``(3, H, W)``."""
    array = levels.permute(1, 2, 0).contiguous().numpy()
    image = Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()
