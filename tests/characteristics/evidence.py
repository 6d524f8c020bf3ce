"""Evidence for the tests of characteristics: models with known boundaries, and boundary instances put by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import torch
from torch import Tensor

from auditor.boundary.base import BoundaryInstances
from auditor.characteristics.base import NO_MARGINS, ClassSamples, Evidence, SampleMargins, SplitName
from auditor.documents.results import NotMeasured
from auditor.models.classifier import Classifier
from tests.analytic import HalfSpace, around_the_middle, half_space


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def instances(
    classifier: Classifier,
    x_source: Tensor,
    x_boundary: Tensor,
    *,
    source: int = 0,
    target: int = 1,
    started: int | None = None,
    third_class: Counter[int] | None = None,
) -> BoundaryInstances:
    """Boundary instances put by hand, row i made from source i."""
    n = len(x_boundary) if started is None else started
    return BoundaryInstances(
        source=source,
        target=target,
        x_source=x_source,
        x_adversarial=x_boundary,
        x_adversarial_of_adversarial=x_source,
        x_boundary=x_boundary,
        p_boundary=classifier.probabilities(x_boundary),
        steps=torch.ones(len(x_boundary), dtype=torch.int64),
        requested=n,
        adversarial=n,
        adversarial_of_adversarial=n,
        origin=torch.arange(len(x_boundary)),
        part=torch.zeros(len(x_boundary), dtype=torch.int64),
        third_class=third_class or Counter(),
    )


def samples(classifier: Classifier, label: int, train: Tensor, test: Tensor) -> ClassSamples:
    """Those of the samples that the model puts in a class, with their embeddings if it has one."""
    train, test = train[classifier.predict(train) == label], test[classifier.predict(test) == label]
    if isinstance(classifier.embedding_size, NotMeasured):
        return ClassSamples(label, train, test, None, None)
    return ClassSamples(label, train, test, classifier.embeddings(train), classifier.embeddings(test))


def evidence(
    classifier: Classifier,
    found: BoundaryInstances,
    *,
    train: Tensor,
    test: Tensor,
    precision: float = 0.01,
    margins: Mapping[SplitName, SampleMargins] | NotMeasured = NO_MARGINS,
) -> Evidence:
    """Evidence of one direction."""
    source, target = (samples(classifier, label, train, test) for label in (found.source, found.target))
    return Evidence(classifier, source, target, found, precision, margins)


def onto(model: HalfSpace, x: Tensor, beyond: float = 0.0) -> Tensor:
    """The nearest points of a hyperplane, or points that far beyond it on the side of class 1."""
    normal = model.normal / model.normal.norm()
    return x - (model.distance(x).float() - beyond)[:, None] * normal


def of_half_space(inputs: int = 12, count: int = 200, seed: int = 0) -> tuple[HalfSpace, Evidence]:
    """A hyperplane with sources of class 0, their projections as boundary instances, and distances as margins."""
    model, f = half_space(inputs, seed)
    train, test = around_the_middle(count, inputs, seed), around_the_middle(count, inputs, seed + 1)
    x_source = train[f.predict(train) == 0]
    steepest = float((model.normal / model.normal.norm()).abs().max())
    margins: dict[SplitName, SampleMargins] = {}
    for split, x in (("test", test), ("train", train)):
        rows = torch.nonzero(f.predict(x) == 0).flatten()
        margins[split] = sample_margins(rows, model.distance(x[rows]).abs().float(), steepest)  # type: ignore[index]
    # On both sides of the plane in turn, as bisection leaves them.
    sides = torch.where(torch.arange(len(x_source)) % 2 == 0, 1e-5, -1e-5)
    normal = model.normal / model.normal.norm()
    found = instances(f, x_source, onto(model, x_source) + sides[:, None] * normal)
    return model, evidence(f, found, train=train, test=test, margins=margins)


def sample_margins(index: Tensor, l2: Tensor, steepest: float = 1.0) -> SampleMargins:
    """Margins put by hand; those in Linf are ``steepest`` times those in L2, and 9 was tried in both norms."""
    return SampleMargins(index, l2, l2 * steepest, torch.full_like(l2, 9.0), torch.full_like(l2, 9.0), "by hand")


def empty(classifier: Classifier) -> Evidence:
    """Evidence that holds nothing: no samples, no instances."""
    none = torch.empty(0, *classifier.instance_shape)
    return evidence(classifier, instances(classifier, none, none), train=none, test=none)
