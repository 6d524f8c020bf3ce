"""From what was generated and measured, direction by direction, to the pairs of the results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from auditor.audit.generation import Generated, generation_counts
from auditor.audit.measuring import Battery, DirectionFindings
from auditor.audit.pairs import Pair as Classes
from auditor.audit.samples import sample_grid, shrink_factor
from auditor.audit.store import write_instances
from auditor.audit.subject import Subject
from auditor.boundary.base import BoundaryInstances
from auditor.results import Direction, NotMeasured, Pair


def assembled(
    chosen: Sequence[Classes],
    class_names: Sequence[str],
    battery: Battery,
    generated: Generated,
    measured: Sequence[DirectionFindings],
) -> list[Pair]:
    """The pairs of the results, without sample images."""
    directions = [_direction(*parts) for parts in zip(generated.instances, measured, strict=True)]
    return [
        Pair(
            classes=(a, b),
            names=(class_names[a], class_names[b]),
            directions=[forth, back],
            characteristics=battery.compare(forth.characteristics, back.characteristics),
        )
        for (a, b), forth, back in zip(chosen, directions[::2], directions[1::2], strict=True)
    ]


def with_samples(
    pairs: Sequence[Pair], ranked: Sequence[Classes], subject: Subject, instances: Sequence[BoundaryInstances]
) -> list[Pair]:
    """The pairs, with sample images for those that the report gives a page of their own."""
    shape = subject.dataset.image_shape
    factor = shrink_factor(shape, 2 * len(ranked)) if shape else 1
    found = {(one.source, one.target): one for one in instances}

    def direction_with_samples(direction: Direction) -> Direction:
        grid = sample_grid(subject.classifier, found[direction.source, direction.target], shape, factor)
        return direction.model_copy(update={"samples": grid})

    return [
        pair.model_copy(update={"directions": [direction_with_samples(d) for d in pair.directions]})
        if pair.classes in ranked
        else pair
        for pair in pairs
    ]


def save_instances(folder: Path, instances: Sequence[BoundaryInstances]) -> None:
    """Write the boundary instances of every direction, in the model's input shape and in pixel space."""
    for found in instances:
        names = ("x_source", "x_adversarial", "x_adversarial_of_adversarial", "x_boundary", "p_boundary")
        write_instances(folder, found.source, found.target, {name: getattr(found, name).numpy() for name in names})


def _direction(found: BoundaryInstances, measured: DirectionFindings) -> Direction:
    return Direction(
        source=found.source,
        target=found.target,
        generation=generation_counts(found),
        baselines=measured.baselines,
        characteristics=dict(measured.findings.measures),
        series=dict(measured.findings.series),
        samples=NotMeasured(not_measured="sample images are kept for the ranked pairs only"),
    )
