"""Whoever looks for nearest points answers in the same form and keeps the same promises."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from auditor.boundary.decision_search import DecisionSearch
from auditor.boundary.minimal_norm_attack import AttackTask, NearestPoints, NearestSearch, Search, nearest_starts
from auditor.models.classifier import Classifier
from tests.analytic import HalfSpace, around_the_middle, half_space

SEARCHES = [NearestSearch(), DecisionSearch()]


def tasks_of(f: Classifier, count: int = 60, starts: int = 8) -> list[AttackTask]:
    """Both directions of a half-space; next to the boundary float32 decides, so no source lies there."""
    x = around_the_middle(count, 32, seed=2)
    x = x[f.logits(x)[:, 1].abs() > 0.2]
    predicted = f.predict(x)
    return [
        AttackTask(s, 1 - s, x[predicted == s], x[predicted == 1 - s][:starts], torch.Generator().manual_seed(s))
        for s in (0, 1)
    ]


def farther_than_true(model: HalfSpace, task: AttackTask, points: NearestPoints) -> tuple[Tensor, Tensor]:
    """Distance found over the closed form, in L2 and in the maximum norm, where it is |<w, x> + b| / ||w||_1."""
    true = model.distance(task.x).abs()
    bound = true * model.normal.norm() / model.normal.abs().sum()
    l2 = (points.l2 - task.x).norm(dim=1) / true
    return l2, (points.linf - task.x).abs().amax(dim=1) / bound


@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: search.title)
def test_points_are_of_the_target_and_no_nearer_than_the_boundary(search: Search) -> None:
    model, f = half_space()
    tasks = tasks_of(f)
    for task, points in zip(tasks, search(f, tasks), strict=True):
        assert points.method == search.title.lower()
        assert points.found_l2.all()
        assert points.found_linf.all()
        assert (f.predict(points.l2) == task.target).all()
        assert (f.predict(points.linf) == task.target).all()
        l2, linf = farther_than_true(model, task, points)
        assert l2.min() > 0.999
        assert linf.min() > 0.999
        assert l2.median() < 1.1
        assert (points.tried_l2 >= (points.l2 - task.x).norm(dim=1) - 1e-5).all()
        assert (points.tried_linf >= (points.linf - task.x).abs().amax(dim=1) - 1e-5).all()


def test_the_attack_is_exact_on_a_half_space_with_and_without_starts() -> None:
    model, f = half_space()
    for starts in (0, 1, 8):
        tasks = tasks_of(f, starts=starts)
        for task, points in zip(tasks, NearestSearch()(f, tasks), strict=True):
            l2, linf = farther_than_true(model, task, points)
            assert l2.max() < 1.01
            assert linf.max() < 1.01


def test_the_decision_search_asks_for_no_gradient() -> None:
    _, f = half_space()
    DecisionSearch()(f, tasks_of(f))
    assert f.spent.backward == 0


@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: search.title)
def test_a_task_gets_the_same_points_alone_and_beside_others(search: Search) -> None:
    _, f = half_space()
    together = search(f, tasks_of(f))
    for number in (0, 1):
        (alone,) = search(f, [tasks_of(f)[number]])
        for name in ("l2", "linf", "found_l2", "found_linf", "tried_l2", "tried_linf"):
            # Matrix products of another number of rows may round the last bit otherwise.
            torch.testing.assert_close(getattr(alone, name), getattr(together[number], name), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: search.title)
def test_no_sources_and_no_starts_are_answers(search: Search) -> None:
    _, f = half_space()
    task = tasks_of(f)[0]
    empty = replace(task, x=task.x[:0])
    lonely = replace(task, starts=task.starts[:0])
    nothing, without = search(f, [empty, lonely])
    assert len(nothing.l2) == 0
    assert len(without.found_l2) == len(task)
    assert len(search(f, [empty])[0].l2) == 0
    assert search(f, []) == []


def test_where_nothing_is_found_the_answer_says_how_far_it_looked() -> None:
    model, f = half_space()
    task = tasks_of(f)[0]
    model.offset -= 1000.0
    (points,) = NearestSearch()(f, [replace(task, starts=task.starts[:0])])
    assert not points.found_l2.any()
    assert torch.equal(points.l2, task.x)
    # The farthest corner of the box that the normal points to was asked about.
    reach = torch.where(model.normal > 0, 1 - task.x, task.x).norm(dim=1)
    torch.testing.assert_close(points.tried_l2, reach, atol=1e-3, rtol=1e-3)


def test_the_nearest_starts_of_each_source_come_first() -> None:
    task = AttackTask(0, 1, torch.tensor([[0.0], [1.0]]), torch.tensor([[0.9], [0.4], [0.2]]), torch.Generator())
    torch.testing.assert_close(nearest_starts(task, 2)[..., 0], torch.tensor([[0.2, 0.9], [0.4, 0.4]]))
    assert torch.equal(nearest_starts(replace(task, starts=task.starts[:1]), 2)[1], task.x)
