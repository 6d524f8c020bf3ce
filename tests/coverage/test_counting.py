"""The benchmark of intervals counts what it says: by hand."""

from __future__ import annotations

import pytest
import torch

from auditor.documents.results import Measure
from auditor.numbers.intervals import Interval
from benchmarks.coverage import __main__ as page
from benchmarks.coverage.populations import Cell, Population, measured
from benchmarks.coverage.seeds import _of_measure


def from_list(estimates: list[Interval | None], truth: float | None) -> Population:
    rest = iter(estimates)
    return Population("m", "p", truth, lambda n, rng: next(rest), draws=len(estimates))


def test_misses_are_counted_on_their_side() -> None:
    estimates = [
        Interval(1.0, 0.0, 2.0), Interval(3.0, 2.0, 4.0), Interval(0.0, -1.0, 0.5), Interval(0.2, 0.1, 0.3),
        Interval(1.0, high=0.9), Interval(1.5, 1.2), Interval(1.5, 0.2), Interval(1.0, 1.0, 1.0), None,
    ]  # fmt: skip
    cell = measured(from_list(estimates, 1.0), 24, 0)
    assert cell == Cell(below=2 / 8, above=3 / 8, open_below=1 / 8, open_above=2 / 8)
    assert cell.coverage == pytest.approx(3 / 8)


def test_without_a_known_value_it_is_the_median_of_the_estimates() -> None:
    estimates: list[Interval | None] = [Interval(float(v), v - 0.5, v + 0.5) for v in range(5)]
    assert measured(from_list(estimates, None), 24, 0) == Cell(2 / 5, 2 / 5, 0, 0)


def test_a_draw_depends_on_the_seed_alone() -> None:
    def draw(n: int, rng: torch.Generator) -> Interval:
        middle = float(torch.randn(n, generator=rng).mean())
        return Interval(middle, middle - 0.4, middle + 0.4)

    population = Population("m", "p", 0.0, draw, draws=200)
    assert measured(population, 24, 3) == measured(population, 24, 3)
    assert measured(population, 24, 3).coverage == pytest.approx(0.95, abs=0.05)


def number(value: float, low: float | None, high: float | None) -> Measure:
    return Measure(value=value, ci_low=low, ci_high=high, n=9, unit="u", scale="number")


def test_held_and_apart_by_hand() -> None:
    # Mean 2: held by the first, missed by the second, held by the third, whose upper end is open.
    place = [number(1.0, 0.0, 2.5), number(4.0, 3.0, 5.0), number(1.0, 0.5, None), number(2.0, None, None)]
    found = _of_measure([place])
    assert (found.places, found.intervals, found.held, found.without) == (1, 3, 2, 1)
    # 4 - 1 = 3 against hypot(1, 1.5) and against an open end.
    assert (found.compared, found.apart) == (3, 1)


def test_one_part_of_the_page_is_renewed_and_the_other_kept(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(page, "PAGE", tmp_path / "coverage.md")
    page._write("seeds", "## Over other seeds of one audit\n\nold\n")
    page._write("populations", "## From populations with a known value\n\n| a |\n")
    page._write("seeds", "## Over other seeds of one audit\n\nnew\n")
    text = (tmp_path / "coverage.md").read_text("utf-8")
    assert (
        text
        == f"{page.HEAD}\n## From populations with a known value\n\n| a |\n\n## Over other seeds of one audit\n\nnew\n"
    )
