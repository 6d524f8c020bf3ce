"""From what was generated and measured, direction by direction, to the pairs of the results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from auditor.audit.generation import Generated, generation_counts
from auditor.audit.instances import write_instances
from auditor.audit.measuring import Battery
from auditor.audit.pairs import Pair as Classes
from auditor.audit.samples import sample_grid, shrink_factor
from auditor.audit.subject import Subject
from auditor.boundary.base import BoundaryInstances
from auditor.characteristics.base import Findings
from auditor.results import Baseline, Direction, NotMeasured, Pair


def assembled(
    chosen: Sequence[Classes],
    class_names: Sequence[str],
    battery: Battery,
    generated: Generated,
    measured: Sequence[Findings],
) -> list[Pair]:
    """The pairs of the results, without sample images and without baselines."""
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
    pairs: Sequence[Pair], shown: int, subject: Subject, instances: Sequence[BoundaryInstances]
) -> list[Pair]:
    """The pairs, with sample images.

    Args:
        shown: directions whose images the report will show in the end; they share a bound on their size.
    """
    shape = subject.dataset.image_shape
    factor = shrink_factor(shape, shown) if shape else 1
    found = {(one.source, one.target): one for one in instances}

    def direction_with_samples(direction: Direction) -> Direction:
        grid = sample_grid(subject.classifier, found[direction.source, direction.target], shape, factor)
        return direction.model_copy(update={"samples": grid})

    return [
        pair.model_copy(update={"directions": [direction_with_samples(d) for d in pair.directions]}) for pair in pairs
    ]


def with_baselines(pairs: Sequence[Pair], measured: Mapping[Classes, dict[str, Baseline | NotMeasured]]) -> list[Pair]:
    """The pairs, with the baselines of each direction ``(s, t)`` that is in ``measured``."""

    def filled(direction: Direction) -> Direction:
        found = measured.get((direction.source, direction.target), direction.baselines)
        return direction.model_copy(update={"baselines": found})

    return [pair.model_copy(update={"directions": [filled(d) for d in pair.directions]}) for pair in pairs]


def without_samples(pair: Pair) -> Pair:
    """The pair without its images, which the report would not show."""
    none = NotMeasured(not_measured="sample images are kept for the ranked pairs only")
    return pair.model_copy(update={"directions": [d.model_copy(update={"samples": none}) for d in pair.directions]})


def save_instances(folder: Path, instances: Sequence[BoundaryInstances]) -> None:
    """Write the boundary instances of every direction, in the model's input shape and in pixel space."""
    for found in instances:
        names = ("x_source", "x_adversarial", "x_adversarial_of_adversarial", "x_boundary", "p_boundary")
        write_instances(folder, found.source, found.target, {name: getattr(found, name).numpy() for name in names})


def _direction(found: BoundaryInstances, measured: Findings) -> Direction:
    return Direction(
        source=found.source,
        target=found.target,
        generation=generation_counts(found),
        baselines={},
        characteristics=dict(measured.measures),
        series=dict(measured.series),
        samples=NotMeasured(not_measured="sample images were not asked for"),
    )
