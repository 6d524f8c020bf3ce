"""Embedding-space complexity (EDC): how the boundary lies to a straight cut between the two classes.

A linear SVM separates the training embeddings of s and t. For the training, the test and the boundary embeddings:

    accuracy    share on the side of their class; boundary instances belong to their source class s
    distance    m / (1 + m),  m = mean of |w.e + b| / |w|
    misclassified, minimum, maximum: the same of those on the wrong side, of the nearest, of the farthest

Two characteristics share the file, because baselines have boundary instances of their own and no training or test set.

Differences from the authors' code: directions are kept apart (it pools both); the minimum is a minimum (its is the
mean) and extremes are those of the distance, not of the signed one.
Source: arXiv 1912.11460, section 4.2.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from auditor.characteristics.base import Characteristic, Evidence, Findings, characteristic, series_values
from auditor.characteristics.hyperplane import Hyperplane, separating_hyperplane
from auditor.documents.results import Better, Definition, Measured, NotMeasured, ScatterGroup, ScatterSeries
from auditor.functional.statistics import evenly_spaced, mean_estimate
from auditor.numbers.intervals import Interval, wilson

Role = Literal["train_source", "train_target", "boundary"]
ROLES: dict[Role, str] = {
    "train_source": "source, training",
    "train_target": "target, training",
    "boundary": "boundary instances",
}
WRONG_SIDE = "wrong side of the linear separation"
"""What is said of training samples that the plane puts on the other class's side: worth a look, maybe mislabelled."""
SHOWN = 150
LEAST = 2
SPLITS = {"train": "training"}
"""How a set is called in a sentence where its short name is no word."""
SOURCE = "arXiv 1912.11460, section 4.2"


def _definitions(
    name: str, what: str, *, accuracy: dict[str, Any], distance: tuple[Better, str], text: str
) -> dict[str, Definition]:
    """The five measures of one set of embeddings; ``accuracy`` and ``distance`` say which values are better."""

    def entry(title: str, better: Better, reading: str, formula: str, explained: str, **more: Any) -> Definition:
        as_distance = {"unit": "d / (1 + d) of the SVM's plane", "scale": "number"}
        return Definition(
            title=f"Embedding-space complexity (EDC): {title}", better=better, reading=reading, bounds=(0.0, 1.0),
            formula=formula, text=explained, source=SOURCE, **(as_distance | more),
        )  # fmt: skip

    return {
        f"edc_{name}_accuracy": entry(
            f"SVM accuracy on {what}",
            formula="#{i : sign(w.e_i + b) = y_i} / N",
            explained=text,
            unit=f"share of {what}",
            scale="share",
            **accuracy,
        ),
        f"edc_{name}_distance": entry(
            f"distance of {what} from the plane",
            *distance,
            "m / (1 + m), m = mean of |w.e + b| / |w|",
            f"How far {what} lie from the plane that a linear SVM puts between the two classes in the model's "
            "embedding, on a scale from 0 (on it) to 1 (infinitely far).",
        ),
        f"edc_{name}_distance_misclassified": entry(
            f"distance of misclassified {what}",
            "lower",
            "lower is milder",
            "m / (1 + m), m = mean of |w.e + b| / |w| over the misclassified",
            f"The same distance for those {what} that lie on the wrong side of the plane.",
        ),
        f"edc_{name}_distance_min": entry(
            f"least distance of {what}",
            *distance,
            "d / (1 + d), d = min of |w.e + b| / |w|",
            f"The distance of the nearest of the {what}. An extreme of a sample has no interval: how far the next "
            "sample reaches does not show in this one.",
        ),
        f"edc_{name}_distance_max": entry(
            f"greatest distance of {what}",
            *distance,
            "d / (1 + d), d = max of |w.e + b| / |w|",
            f"The distance of the farthest of the {what}. An extreme of a sample has no interval: how far the next "
            "sample reaches does not show in this one.",
        ),
    }


@characteristic("edc")
@dataclass(frozen=True)
class EmbeddingSpaceComplexity(Characteristic):
    """Separability of the two classes' training and test embeddings, and the picture with the boundary."""

    definitions: ClassVar[Mapping[str, Definition]] = _definitions(
        "train",
        "training samples",
        accuracy={"better": "higher", "reading": "higher is simpler"},
        distance=("higher", "higher is further apart"),
        text="How well a plane separates the training samples of the two classes in the model's embedding.",
    ) | _definitions(
        "test",
        "test samples",
        accuracy={"better": "higher", "reading": "higher is simpler"},
        distance=("higher", "higher is further apart"),
        text="How well the plane found on the training samples separates test samples of the two classes.",
    )

    def measure(self, evidence: Evidence, *, rng: torch.Generator) -> Findings:
        """Fit the plane and describe the training and the test set."""
        plane = fitted(evidence)
        if isinstance(plane, NotMeasured):
            return self.not_measured(plane.not_measured)
        source, target = evidence.source, evidence.target
        sets = {
            "train": (source.train_embeddings, target.train_embeddings),
            "test": (source.test_embeddings, target.test_embeddings),
        }
        measures: dict[str, Measured] = {}
        for name, (of_source, of_target) in sets.items():
            assert of_source is not None
            assert of_target is not None
            correct = torch.cat([-plane.signed(of_source), plane.signed(of_target)])
            measures |= describe(self, name, correct)
        return Findings(
            measures,
            {"embedding_projection": projection(evidence, plane)},
            {WRONG_SIDE: wrong_side(evidence, plane)},
        )


@characteristic("edc_boundary")
@dataclass(frozen=True)
class BoundaryEmbeddingSpaceComplexity(Characteristic):
    """Where boundary instances lie in the embedding."""

    on_baselines = True
    moves_with_training = True
    definitions: ClassVar[Mapping[str, Definition]] = _definitions(
        "boundary",
        "boundary instances",
        accuracy={"better": "near", "ideal": 0.5, "reading": "near 0.5 is simpler", "headline": True},
        distance=("lower", "lower is simpler"),
        text="The share of boundary instances that a linear SVM, fitted in the model's embedding, puts on their "
        "source class's side. Near one half the model's boundary agrees with the SVM's plane; near 0 or 1 it lies "
        "to one side.",
    )

    def measure(self, evidence: Evidence, *, rng: torch.Generator) -> Findings:
        """Describe the boundary instances, labelled with their source class."""
        plane, embeddings = fitted(evidence), evidence.boundary_embeddings
        if isinstance(plane, NotMeasured):
            return self.not_measured(plane.not_measured)
        assert embeddings is not None
        return Findings(describe(self, "boundary", -plane.signed(embeddings)))


def fitted(evidence: Evidence) -> Hyperplane | NotMeasured:
    """The SVM's plane, or why there is none."""
    size = evidence.classifier.embedding_size
    return size if isinstance(size, NotMeasured) else separating_hyperplane(evidence.source, evidence.target)


def wrong_side(evidence: Evidence, plane: Hyperplane) -> Tensor:
    """Rows of the source class's training samples that the plane does not put on their own side: int64 ``(M,)``."""
    assert evidence.source.train_embeddings is not None
    return (plane.signed(evidence.source.train_embeddings) >= 0).nonzero()[:, 0]


def describe(of: Characteristic, name: str, correct: Tensor) -> dict[str, Measured]:
    """The five measures of one set.

    Args:
        of: the characteristic that defines them.
        correct: float64 ``(N,)``, signed distances, positive on the right side of the plane.
    """
    ids = [f"edc_{name}_{key}" for key in ("accuracy", "distance", "distance_min", "distance_max")]
    misclassified = f"edc_{name}_distance_misclassified"
    # In one order, so that a set has the very same numbers seen from either class.
    correct = correct.sort().values
    n, wrong = len(correct), -correct[correct <= 0]
    if n < LEAST:
        reason = f"it takes {LEAST} {SPLITS.get(name, name)} embeddings; there {'is' if n == 1 else 'are'} {n}"
        return {key: NotMeasured(not_measured=reason) for key in (*ids, misclassified)}
    distances = correct.abs()
    extremes = (Interval(float(end)) for end in distances.aminmax())
    estimates = [wilson(n - len(wrong), n), *map(_squashed, (mean_estimate(distances), *extremes))]
    measures: dict[str, Measured] = {
        key: of.as_measure(key, *estimate, n=n) for key, estimate in zip(ids, estimates, strict=True)
    }
    if len(wrong) < LEAST:
        number = "only one" if len(wrong) else "no"
        measures[misclassified] = NotMeasured(
            not_measured=f"{number} {SPLITS.get(name, name)} embedding is misclassified"
        )
    else:
        measures[misclassified] = of.as_measure(misclassified, *_squashed(mean_estimate(wrong)), n=len(wrong))
    return measures


def projection(evidence: Evidence, plane: Hyperplane) -> ScatterSeries:
    """Embeddings seen along the plane: signed distance from it against their first principal component within it."""
    groups: dict[Role, Tensor | None] = {
        "train_source": evidence.source.train_embeddings,
        "train_target": evidence.target.train_embeddings,
        "boundary": evidence.boundary_embeddings,
    }
    shown = {role: e[evenly_spaced(len(e), SHOWN)].double() for role, e in groups.items() if e is not None and len(e)}
    everything = torch.cat(list(shown.values()))
    centre, axis = everything.mean(dim=0), principal_axis(everything, plane.normal)
    points = {
        role: list(zip(series_values(plane.signed(e)), series_values((e - centre) @ axis), strict=True))
        for role, e in shown.items()
    }
    heights = [y for group in points.values() for _, y in group]
    return ScatterSeries(
        title="Embeddings across the plane of the linear SVM",
        x_label="signed distance from the SVM's plane (source left, target right)",
        y_label="first principal component within the plane",
        groups=[
            ScatterGroup(label=label, role=role, points=points[role]) for role, label in ROLES.items() if role in points
        ],
        line=[(0.0, min(heights)), (0.0, max(heights))],
    )


def principal_axis(embeddings: Tensor, normal: Tensor) -> Tensor:
    """First principal component of the embeddings within the plane across ``normal``: float64 ``(E,)``.

    Its sign is fixed by making its largest entry positive.
    """
    centred = embeddings - embeddings.mean(dim=0)
    within = centred - (centred @ normal)[:, None] * normal
    axis = torch.linalg.svd(within, full_matrices=False).Vh[0]
    return axis * axis[axis.abs().argmax()].sign()


def _squashed(estimate: Interval) -> Interval:
    """m / (1 + m); it is monotone, so the interval's ends go through it as they are."""
    return Interval(*(m / (1 + m) if math.isfinite(m) else m for m in estimate))
