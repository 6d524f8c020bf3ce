"""Masked gradients are seen: the search that a few samples choose, and what is said of the one before."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
import torch

from auditor.boundary.decision_search import DecisionSearch
from auditor.boundary.minimal_norm_attack import AttackTask, NearestPoints, NearestSearch
from auditor.boundary.misleading_gradients import ID, NORMS, CrossCheck, choose_search, validity
from auditor.boundary.other_searches import Effort, RefinedSearch, SmoothedSearch
from auditor.datasets.base import DataRequest
from auditor.datasets.load import load_dataset
from auditor.functional.descent import lengths
from auditor.models.base import ModelOptions
from auditor.models.bind_to_data import bind
from auditor.models.classifier import Classifier
from auditor.models.open import open_model
from benchmarks import masked_models
from tests.analytic import half_space

SAMPLES = Path(__file__).parents[2] / "sample_models"
SEARCH = NearestSearch()


@pytest.fixture(scope="module")
def digits():
    return load_dataset(DataRequest("digits"))


def opened(path: Path, digits) -> Classifier:
    backend = open_model(path, ModelOptions())
    x = digits.test.instances(torch.arange(200))
    x = x.flatten(1) if backend.input.shape == (64,) else x
    return bind(backend, x, ModelOptions()).classifier


def variant(build, digits, folder: Path) -> Classifier:
    onnx.save(build(onnx.load(SAMPLES / "digits_cnn.onnx")), folder / "variant.onnx")
    return opened(folder / "variant.onnx", digits)


def tasks_of(f: Classifier, digits, count: int = 6) -> list[AttackTask]:
    x = digits.test.instances(torch.arange(len(digits.test)))
    if len(f.instance_shape) == 1:
        x = x.flatten(1)
    predicted = f.predict(x)
    return [
        AttackTask(s, t, x[predicted == s][:count], x[predicted == t][:20], torch.Generator().manual_seed(s))
        for s, t in ((4, 9), (3, 8))
    ]


def medians(tasks: list[AttackTask], points: list[NearestPoints]) -> dict[str, float]:
    pairs = list(zip(tasks, points, strict=True))
    return {
        norm: float(torch.cat([lengths((p.l2 if norm == "l2" else p.linf) - k.x, norm) for k, p in pairs]).median())
        for norm in NORMS
    }


@pytest.mark.parametrize("name", ["digits_cnn.onnx", "digits_fcn.pt"])
def test_an_honest_model_keeps_its_search_for_little(name: str, digits) -> None:
    f = opened(SAMPLES / name, digits)
    tasks = tasks_of(f, digits)
    SEARCH(f, tasks)
    before = f.spent.forward
    search, check = choose_search(f, tasks, SEARCH)
    assert search is SEARCH
    assert (validity(check).id, validity(check).status) == (ID, "ok")
    assert check.samples == sum(map(len, tasks))
    assert f.spent.forward - before < 1000 * check.samples


def test_rounded_input_is_noticed_and_searched_by_a_better_route(digits, tmp_path: Path) -> None:
    f = variant(masked_models.rounded, digits, tmp_path)
    search, check = choose_search(f, tasks_of(f, digits, 4), SEARCH)
    assert search is not SEARCH
    assert check.before["l2"] > 1.2
    assert validity(check).status in ("warn", "fail")
    assert search.title in validity(check).message
    stated = medians(tasks_of(f, digits, 4), search(f, tasks_of(f, digits, 4)))
    plain = opened(SAMPLES / "digits_cnn.onnx", digits)
    unmasked = medians(tasks_of(plain, digits, 4), SEARCH(plain, tasks_of(plain, digits, 4)))
    for norm in NORMS:
        assert stated[norm] <= 1.1 * unmasked[norm]


def test_a_cold_softmax_spelled_out_has_the_margins_of_the_model(digits, tmp_path: Path) -> None:
    f = variant(masked_models.cold_written_softmax, digits, tmp_path)
    plain = opened(SAMPLES / "digits_cnn.onnx", digits)
    search, check = choose_search(f, tasks_of(f, digits), SEARCH)
    assert validity(check).status == "ok"
    stated, unmasked = (medians(tasks_of(g, digits), search(g, tasks_of(g, digits))) for g in (f, plain))
    for norm in NORMS:
        assert stated[norm] == pytest.approx(unmasked[norm], rel=0.02)


def test_without_a_gradient_margins_are_never_called_certain(digits, tmp_path: Path) -> None:
    f = variant(masked_models.hidden_steps, digits, tmp_path)
    search, check = choose_search(f, tasks_of(f, digits, 3), DecisionSearch())
    assert not check.gradient
    assert validity(check).status == "warn"
    assert search.title == "Decision-based search, then by decisions"


@pytest.mark.parametrize(
    ("after", "status"), [(1.0, "warn"), (1.04, "warn"), (1.06, "fail")], ids=["reached", "close", "missed"]
)
def test_what_is_left_decides(after: float, status: str) -> None:
    check = CrossCheck(20, "a", "b", {"l2": 2.0, "linf": 3.0}, {"l2": 1.0, "linf": after}, 1.0)
    said = validity(check)
    assert said.status == status
    assert "2.00 times (L2) and 3.00 times (Linf)" in said.message
    assert f"{after:.2f} times (Linf)" in said.message


def test_no_point_found_is_no_reassurance() -> None:
    one = {"l2": 1.0, "linf": 1.0}
    assert validity(CrossCheck(0, "a", "a", one, one, 0.0)).status == "warn"


def test_nothing_to_search_from() -> None:
    _, f = half_space()
    empty = AttackTask(0, 1, torch.empty(0, 32), torch.empty(0, 32), torch.Generator())
    search, check = choose_search(f, [empty], SEARCH)
    assert (search, check.samples) == (SEARCH, 0)


@pytest.mark.parametrize(
    "search", [SmoothedSearch(SEARCH, 0.1), RefinedSearch(SEARCH, Effort(1, 20, 20, 20))], ids=lambda s: s.title
)
def test_other_routes_find_the_nearest_points_of_a_half_space(search) -> None:
    model, f = half_space()
    x = torch.rand(40, 32, generator=torch.Generator().manual_seed(5))
    task = AttackTask(0, 1, x[f.predict(x) == 0], x[f.predict(x) == 1], torch.Generator().manual_seed(0))
    (points,) = search(f, [task])
    assert points.method == search.title.lower()
    assert bool((f.predict(points.l2) == 1).all())
    assert bool((f.predict(points.linf) == 1).all())
    inside = model.distance(task.x).abs() > 0.01
    ratio = ((points.l2 - task.x).norm(dim=1) / model.distance(task.x).abs())[inside]
    assert ratio.min() > 0.99
    assert ratio.median() < 1.2


def test_steep_smooth_steps_are_noticed_although_nothing_in_the_graph_rounds(digits, tmp_path: Path) -> None:
    f = variant(masked_models.smooth_steps, digits, tmp_path)
    assert not f.backend.quantised
    search, check = choose_search(f, tasks_of(f, digits, 4), SEARCH)
    assert search is not SEARCH
    assert check.before["l2"] > 1.1
    assert "misleads" in validity(check).message
