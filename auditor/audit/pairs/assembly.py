"""From what was generated and measured, direction by direction, to the pairs of the results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from auditor.audit.pairs.generation import generation_counts
from auditor.audit.pairs.instance_files import write_instances
from auditor.audit.pairs.margins import document
from auditor.audit.pairs.measuring import Battery
from auditor.audit.pairs.sample_images import sample_grid, shrink_factor
from auditor.audit.subject import Subject
from auditor.boundary.base import BoundaryInstances
from auditor.characteristics.base import Findings, SampleMargins, SplitName
from auditor.datasets.base import Dataset
from auditor.documents.results import Baseline, Direction, Flagged, NotMeasured, Pair, Sources
from auditor.numbers.class_pairs import Pair as Classes

SPLIT: SplitName = "train"
"""Where generators take their sources."""


@dataclass(frozen=True)
class DirectionOutcome:
    """All that an audit has of one direction.

    Args:
        sources: int64 ``(N,)``, places in the training split of the samples that the generator was given.
        instances: what it made of them.
        margins: of single samples, by split.
        findings: what was measured.
    """

    sources: Tensor
    instances: BoundaryInstances
    margins: Mapping[SplitName, SampleMargins]
    findings: Findings

    @property
    def origin(self) -> Tensor:
        """Places in the training split of the samples that the instances were made from, int64 ``(M,)``."""
        return self.sources[self.instances.origin]


def assembled(
    chosen: Sequence[Classes], dataset: Dataset, battery: Battery, outcomes: Sequence[DirectionOutcome]
) -> list[Pair]:
    """The pairs of the results, without sample images and without baselines."""
    directions, class_names = [_direction(outcome, dataset) for outcome in outcomes], dataset.class_names
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


def save_instances(folder: Path, outcomes: Sequence[DirectionOutcome], files: Sequence[str]) -> None:
    """Write the boundary instances of every direction, in the model's input shape and in pixel space.

    ``split`` and ``index`` say from which sample each was made, ``file`` from which file where there are ``files``.
    """
    for outcome in outcomes:
        made = outcome.instances
        names = ("x_source", "x_adversarial", "x_adversarial_of_adversarial", "x_boundary", "p_boundary")
        arrays = {name: getattr(made, name).numpy() for name in names}
        arrays |= {"split": np.array(SPLIT), "index": outcome.origin.numpy()}
        if files:
            arrays["file"] = np.array([files[place] for place in outcome.origin.tolist()], dtype=np.str_)
        write_instances(folder, made.source, made.target, arrays)


def _direction(outcome: DirectionOutcome, dataset: Dataset) -> Direction:
    made, measured = outcome.instances, outcome.findings
    of_class = dataset.train.of_class(made.source)
    return Direction(
        source=made.source,
        target=made.target,
        sources=Sources(split=SPLIT, index=outcome.sources.tolist()),
        margins={name: document(margins) for name, margins in outcome.margins.items()},
        flagged=[
            Flagged(flag=flag, split="train", index=of_class[rows].tolist()) for flag, rows in measured.flagged.items()
        ],
        generation=generation_counts(made),
        baselines={},
        characteristics=dict(measured.measures),
        by_generator={id: list(values) for id, values in measured.by_generator.items()},
        series=dict(measured.series),
        samples=NotMeasured(not_measured="sample images were not asked for"),
    )
