"""EDC against closed forms and against scikit-learn by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.svm import LinearSVC

from auditor.characteristics import hyperplane as hyperplane_module
from auditor.characteristics.base import ClassSamples
from auditor.characteristics.edc import BoundaryEmbeddingSpaceComplexity, EmbeddingSpaceComplexity
from auditor.characteristics.hyperplane import separating_hyperplane
from auditor.documents.results import Measure, NotMeasured
from tests.analytic import HalfSpace, classifier
from tests.characteristics.evidence import empty, instances, of_half_space, rng


def of_class(label: int, train: torch.Tensor, test: torch.Tensor) -> ClassSamples:
    return ClassSamples(label, train, test, train, test)


def clouds(seed: int, count: int = 150, width: int = 10, apart: float = 1.0) -> list[torch.Tensor]:
    """Overlapping clouds of embeddings of two classes."""
    g = rng(seed)
    return [torch.randn(count, width, generator=g) + torch.eye(width)[0] * apart * side for side in (-1, 1)]


def world(boundary: torch.Tensor, seed: int = 0, source: int = 0):
    """Evidence whose embedding is the input; the model plays no part beyond that."""
    f = classifier(HalfSpace(torch.ones(boundary.shape[1]), 0.0), (boundary.shape[1],), 2)
    (train_0, train_1), (test_0, test_1) = clouds(seed), clouds(seed + 1)
    both = [of_class(0, train_0, test_0), of_class(1, train_1, test_1)]
    _, ev = of_half_space()
    found = instances(f, boundary, boundary, source=source, target=1 - source)
    return replace(ev, classifier=f, source=both[source], target=both[1 - source], instances=found)


def measure(ev, seed: int = 0):
    findings = [
        kind().measure(ev, rng=rng(seed)) for kind in (EmbeddingSpaceComplexity, BoundaryEmbeddingSpaceComplexity)
    ]
    return findings[0].measures | findings[1].measures, findings[0].series


def squashed(distance: float) -> float:
    return distance / (1 + distance)


def by_hand(ev):
    """Every number of EDC with scikit-learn and numpy."""
    train = np.concatenate([ev.source.train_embeddings, ev.target.train_embeddings]).astype(float)
    labels = np.repeat([ev.source.label, ev.target.label], [len(ev.source.train), len(ev.target.train)])
    svm = LinearSVC(C=1.0, dual=False, tol=1e-10, max_iter=100_000).fit(train, labels)
    test = np.concatenate([ev.source.test_embeddings, ev.target.test_embeddings]).astype(float)
    test_labels = np.repeat([ev.source.label, ev.target.label], [len(ev.source.test), len(ev.target.test)])
    boundary = ev.instances.x_boundary.double().numpy()
    sets = {
        "train": (train, labels),
        "test": (test, test_labels),
        "boundary": (boundary, np.full(len(boundary), ev.source.label)),
    }
    numbers = {}
    for name, (embeddings, truth) in sets.items():
        distance = np.abs(svm.decision_function(embeddings)) / np.linalg.norm(svm.coef_)
        wrong = svm.predict(embeddings) != truth
        numbers |= {
            f"edc_{name}_accuracy": 1 - wrong.mean(),
            f"edc_{name}_distance": squashed(distance.mean()),
            f"edc_{name}_distance_misclassified": squashed(distance[wrong].mean()),
            f"edc_{name}_distance_min": squashed(distance.min()),
            f"edc_{name}_distance_max": squashed(distance.max()),
        }
    return numbers


@pytest.mark.parametrize("source", [0, 1])
@pytest.mark.parametrize("seed", [0, 7])
def test_every_number_agrees_with_scikit_learn_by_hand(seed, source):
    ev = world(0.3 * torch.randn(80, 10, generator=rng(seed + 20)), seed, source)
    found, _ = measure(ev)
    expected = by_hand(ev)
    assert set(found) == set(expected)
    for name, value in expected.items():
        assert found[name].value == pytest.approx(value, abs=1e-6), name
        if name.endswith(("_min", "_max")):
            assert (found[name].ci_low, found[name].ci_high) == (None, None)
        else:
            assert found[name].ci_low < found[name].value < found[name].ci_high


def test_parallel_walls_have_one_distance():
    # Both classes on planes at -a and a: the SVM's plane is x_0 = 0 and every training distance is a.
    a, width = 0.75, 4
    walls = torch.randn(60, width, generator=rng(1))
    walls[:, 0] = 0
    offset = a * torch.eye(width)[0]
    mirrored = torch.cat([walls, -walls])
    ev = world(torch.zeros(4, width) + torch.tensor([-0.25, 0.0, 0.0, 0.0]))
    source, target = (
        of_class(label, mirrored + sign * offset, mirrored + sign * offset) for label, sign in ((0, -1), (1, 1))
    )
    found, _ = measure(replace(ev, source=source, target=target))
    assert found["edc_train_accuracy"].value == 1
    number = found["edc_train_distance"]
    assert (number.ci_low, number.value, number.ci_high) == pytest.approx([a / (1 + a)] * 3, abs=1e-6)
    for part in ("distance_min", "distance_max"):
        assert found[f"edc_train_{part}"].value == pytest.approx(a / (1 + a), abs=1e-6)
    assert found["edc_boundary_distance"].value == pytest.approx(0.2, abs=1e-6)
    assert found["edc_boundary_accuracy"].value == 1
    assert found["edc_train_distance_misclassified"] == NotMeasured(
        not_measured="no training embedding is misclassified"
    )


def test_half_space_is_separated_at_its_own_plane():
    # Both classes mirrored at the model's plane and kept off it: the SVM finds that plane.
    model, ev = of_half_space(inputs=3, count=600)
    unit = model.normal / model.normal.norm()
    side = ev.source.train[model.distance(ev.source.train) < -0.02]
    mirrored = side - 2 * model.distance(side).float()[:, None] * unit
    ev = replace(ev, source=of_class(0, side, side), target=of_class(1, mirrored, mirrored))
    plane = separating_hyperplane(ev.source, ev.target)
    assert float(plane.normal @ unit.double()) == pytest.approx(1, abs=1e-3)
    found, _ = measure(ev)
    assert found["edc_train_accuracy"].value == found["edc_test_accuracy"].value == 1
    assert found["edc_boundary_distance"].value < 0.01


def test_boundary_embeddings_are_labelled_with_their_source():
    boundary = torch.randn(50, 10, generator=rng(3)) - 0.2 * torch.eye(10)[0]
    forth, back = (measure(world(boundary, source=source))[0]["edc_boundary_accuracy"] for source in (0, 1))
    assert forth.value + back.value == pytest.approx(1)
    assert forth.value > 0.5


@pytest.mark.parametrize("source", [0, 1])
def test_training_samples_on_the_wrong_side_are_named(source):
    ev = world(torch.randn(5, 10, generator=rng(3)), source=source)
    rows = EmbeddingSpaceComplexity().measure(ev, rng=rng()).flagged["wrong side of the linear separation"]
    train = np.concatenate([ev.source.train, ev.target.train]).astype(float)
    labels = np.repeat([ev.source.label, ev.target.label], [len(ev.source.train), len(ev.target.train)])
    svm = LinearSVC(C=1.0, dual=False, tol=1e-10, max_iter=100_000).fit(train, labels)
    assert 0 < len(rows) < len(ev.source.train)
    assert rows.tolist() == np.flatnonzero(svm.predict(ev.source.train.numpy()) != source).tolist()


def test_a_set_has_one_interval_seen_from_either_class():
    ev = world(torch.randn(20, 10, generator=rng(3)))
    forth = EmbeddingSpaceComplexity().measure(ev, rng=rng(1)).measures
    turned = replace(ev, source=ev.target, target=ev.source)
    assert EmbeddingSpaceComplexity().measure(turned, rng=rng(2)).measures == forth


def test_both_directions_and_the_baselines_share_one_fit():
    hyperplane_module._fit.cache_clear()
    ev = world(torch.randn(20, 10, generator=rng(3)))
    measure(ev)
    measure(replace(ev, source=ev.target, target=ev.source))
    assert hyperplane_module._fit.cache_info().misses == 1
    one, other = separating_hyperplane(ev.source, ev.target), separating_hyperplane(ev.target, ev.source)
    assert torch.equal(one.normal, -other.normal)
    assert one.offset == -other.offset


def test_other_samples_are_not_taken_from_the_cache():
    planes = [separating_hyperplane(*(of_class(i, e, e) for i, e in enumerate(clouds(seed)))) for seed in range(4)]
    again = [separating_hyperplane(*(of_class(i, e, e) for i, e in enumerate(clouds(seed)))) for seed in range(4)]
    for one, same in zip(planes, again, strict=True):
        assert torch.equal(one.normal, same.normal)
    assert not torch.equal(planes[0].normal, planes[1].normal)


def test_fit_is_capped_and_still_right():
    many = clouds(0, count=3000)
    plane = separating_hyperplane(*(of_class(i, e, e) for i, e in enumerate(many)))
    theirs = LinearSVC(C=1.0, dual=False, tol=1e-9).fit(torch.cat(many).numpy(), np.repeat([0, 1], 3000))
    cosine = float(plane.normal @ torch.tensor(theirs.coef_[0]).double() / np.linalg.norm(theirs.coef_))
    assert cosine > 0.99


def test_projection_has_the_plane_at_zero():
    ev = world(0.1 * torch.randn(400, 10, generator=rng(2)))
    _, series = measure(ev)
    scatter = series["embedding_projection"]
    assert {g.role: len(g.points) for g in scatter.groups} == {
        "train_source": 150,
        "train_target": 150,
        "boundary": 150,
    }
    mean_x = {g.role: np.mean([x for x, _ in g.points]) for g in scatter.groups}
    assert mean_x["train_source"] < mean_x["boundary"] < mean_x["train_target"]
    assert [x for x, _ in scatter.line] == [0, 0]
    plane = separating_hyperplane(ev.source, ev.target)
    rows = torch.linspace(0, 149, 150).round().long()
    expected = plane.signed(ev.source.train_embeddings[rows])
    assert [x for x, _ in scatter.groups[0].points] == pytest.approx(expected.tolist(), rel=1e-3)


def test_projection_height_is_the_first_principal_component_within_the_plane():
    ev = world(0.1 * torch.randn(100, 10, generator=rng(2)))
    _, series = measure(ev)
    plane = separating_hyperplane(ev.source, ev.target)
    everything = torch.cat([ev.source.train_embeddings, ev.target.train_embeddings, ev.instances.x_boundary]).double()
    within = everything - plane.signed(everything)[:, None] * plane.normal
    expected = PCA(1, svd_solver="full").fit_transform(within.numpy())[:, 0]
    found = np.array([y for group in series["embedding_projection"].groups for _, y in group.points])
    assert abs(np.corrcoef(found, expected)[0, 1]) == pytest.approx(1, abs=1e-5)


def test_reasons():
    _, ev = of_half_space()
    no_embedding = NotMeasured(not_measured="the last layer is not linear")
    without = replace(ev, classifier=replace(ev.classifier, embedding_size=no_embedding))
    assert all(found == no_embedding for found in measure(without)[0].values())
    one = of_class(0, ev.source.train[:1], ev.source.test)
    reason = measure(replace(ev, source=one))[0]["edc_boundary_accuracy"].not_measured
    assert reason == "it takes 2 training samples of each class; class 0 has 1"
    same = torch.ones(5, 12)
    alike = replace(ev, source=of_class(0, same, same), target=of_class(1, same.clone(), same))
    assert "cannot be told apart" in measure(alike)[0]["edc_train_accuracy"].not_measured


def test_without_boundary_instances_the_rest_is_measured():
    _, ev = of_half_space()
    nothing = empty(ev.classifier).instances
    found, series = measure(replace(ev, instances=nothing))
    assert found["edc_boundary_accuracy"] == NotMeasured(not_measured="it takes 2 boundary embeddings; there are 0")
    assert isinstance(found["edc_train_accuracy"], Measure)
    assert [g.role for g in series["embedding_projection"].groups] == ["train_source", "train_target"]
