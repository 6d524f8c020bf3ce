"""Polar search against closed forms: planes and spheres, whose nearest points are known."""

from __future__ import annotations

import torch

from auditor.functional.polar_search import PolarBudget, entry, polar_search
from tests.analytic import Sectors, Spheres, around_the_middle, half_space


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def plane(count: int = 60):
    """Sources in class 0 of a half-space, each with a random point of class 1, and their true distances."""
    model, f = half_space()
    x = around_the_middle(4 * count, 32, seed=1)
    inside = f.predict(x) == 0
    sources, starts = x[inside][:count], x[~inside][:count]
    classes = torch.zeros(count, dtype=torch.int64), torch.ones(count, dtype=torch.int64)
    return f, sources, starts, classes, model.distance(sources).abs().float()


def test_entry_stops_where_the_segment_meets_the_plane() -> None:
    f, x, y, classes, _ = plane()
    found, clean = entry(f.predict, x, y, *classes, halvings=20)
    assert clean.all()
    assert (f.predict(found) == 1).all()
    below = torch.lerp(x, found, 1 - 1e-3)
    assert (f.predict(below) == 0).all()


def test_entry_tells_of_a_third_class_on_the_way() -> None:
    model = Sectors()
    x_s, x_t = torch.tensor([[0.05, 0.52], [0.3, 0.1]]), torch.tensor([[0.95, 0.52], [0.7, 0.1]])
    s, t = torch.full((2,), 1), torch.full((2,), 2)
    _, clean = entry(lambda x: model(x).argmax(1), x_s, x_t, s, t, halvings=8)
    assert clean.tolist() == [False, True]


def test_the_nearest_point_of_a_plane_is_found() -> None:
    f, x, y, classes, true = plane()
    found = polar_search(f.predict, x, y, classes, [len(x)], [rng()], PolarBudget(steps=500), guarded=False)
    assert (f.predict(found) == 1).all()
    ratio = (found - x).norm(dim=1) / true
    assert (ratio > 0.999).all()
    assert ratio.median() < 1.05
    assert (found - x).norm(dim=1).le((y - x).norm(dim=1)).all()


def test_the_nearest_point_of_a_sphere_is_found() -> None:
    model = Spheres(torch.full((8,), 0.5), 0.35)
    x = 0.5 + 0.15 * torch.nn.functional.normalize(torch.randn(40, 8, generator=rng(1)), dim=1)
    y = torch.rand(40, 8, generator=rng(2)).round()
    classes = torch.zeros(40, dtype=torch.int64), torch.ones(40, dtype=torch.int64)

    def predict(v: torch.Tensor) -> torch.Tensor:
        return model(v).argmax(1)

    found = polar_search(predict, x, y, classes, [40], [rng()], PolarBudget(), guarded=False)
    torch.testing.assert_close((found - x).norm(dim=1).median(), torch.tensor(0.2), rtol=0.02, atol=0)


def test_more_steps_come_closer_and_a_flat_search_ends_by_itself() -> None:
    f, x, y, classes, _ = plane()
    asked = []

    def counted(v: torch.Tensor) -> torch.Tensor:
        asked.append(len(v))
        return f.predict(v)

    medians, costs = [], []
    for steps in (50, 200, 100_000):
        asked.clear()
        budget = PolarBudget(steps=steps)
        found = polar_search(counted, x, y, classes, [len(x)], [rng()], budget, guarded=False)
        medians.append(float((found - x).norm(dim=1).median()))
        costs.append(sum(asked))
    assert medians == sorted(medians, reverse=True)
    assert costs[2] < 0.1 * 2 * 100_000 * len(x)


def test_a_direction_does_not_depend_on_those_beside_it() -> None:
    f, x, y, (s, t), _ = plane(40)
    budget = PolarBudget(steps=60)
    together = polar_search(f.predict, x, y, (s, t), [15, 25], [rng(1), rng(2)], budget, guarded=False)
    rows = slice(15, 40)
    alone = polar_search(f.predict, x[rows], y[rows], (s[rows], t[rows]), [25], [rng(2)], budget, guarded=False)
    torch.testing.assert_close(together[rows], alone)


def test_a_guarded_search_returns_points_whose_segment_meets_both_classes_only() -> None:
    model = Sectors()

    def predict(v: torch.Tensor) -> torch.Tensor:
        return model(v).argmax(1)

    x = torch.rand(300, 2, generator=rng(3))
    sources, targets = x[predict(x) == 1][:40], x[predict(x) == 2]
    s, t = torch.full((40,), 1), torch.full((40,), 2)
    start = targets[torch.cdist(sources, targets).argmin(dim=1)]
    _, clean = entry(predict, sources, start, s, t, 8)
    found = polar_search(predict, sources, start, (s, t), [40], [rng()], PolarBudget(), guarded=True)
    assert (predict(found) == 2).all()
    _, still = entry(predict, sources, found, s, t, 8)
    assert still[clean].all()
