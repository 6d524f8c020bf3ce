"""The speed benchmark: its arithmetic against closed forms, and its pictures against what they say they show."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from benchmarks.speed.models import SMALL
from benchmarks.speed.rows import ROWS, some_pairs
from benchmarks.speed.textures import KINDS
from benchmarks.speed.widths import Wider, wider


def _results(idc: dict[tuple[int, int], tuple[float, float] | None], success: tuple[float, float]) -> dict[str, Any]:
    def measure(ends: tuple[float, float] | None) -> dict[str, Any]:
        return {"not_measured": "no"} if ends is None else {"value": 0.5, "ci_low": ends[0], "ci_high": ends[1]}

    directions = [
        {
            "source": s,
            "target": t,
            "generation": {"success_rate": measure(success)},
            "characteristics": {"idc": measure(ends)},
        }
        for (s, t), ends in idc.items()
    ]
    return {
        "pairs": [{"classes": [0, 1], "characteristics": {}, "directions": directions}],
        "definitions": {
            "idc": {"headline": True, "better": "lower"},
            "realism": {"headline": False, "better": "lower"},
        },
        "summary": {"ranked_by": "idc"},
    }


def test_widths_are_compared_place_by_place_and_lost_intervals_are_counted() -> None:
    old = _results({(0, 1): (0.2, 0.4), (1, 0): (0.0, 1.0), (2, 0): (0.1, 0.2)}, (0.9, 1.0))
    new = _results({(0, 1): (0.2, 0.8), (1, 0): (0.5, 1.0), (2, 0): None}, (0.9, 1.0))
    success, idc = wider(new, old)
    assert success == Wider("generation.success_rate", 3, 0, 1.0, 1.0)
    assert (idc.measure, idc.places, idc.lost) == ("idc", 2, 1)
    assert idc.middle == pytest.approx((3.0 + 0.5) / 2)
    assert idc.worst == pytest.approx(3.0)


def test_the_first_pairs_are_neighbours_and_no_pair_comes_twice() -> None:
    assert some_pairs(4, 3) == "0:1,1:2,2:3"
    assert len(set(some_pairs(10, 45).split(","))) == 45


def test_a_row_is_called_what_it_measures() -> None:
    assert ROWS["mnist_cnn-all-standard-jobs2"].jobs == 2
    assert all(name == row.name for name, row in ROWS.items())


def test_pictures_lie_in_their_range_and_repeat_themselves() -> None:
    labels = torch.arange(len(KINDS))
    first, again = (SMALL.draw(labels, torch.Generator().manual_seed(3)) for _ in range(2))
    assert first.shape == (10, 3, 32, 32)
    assert torch.equal(first, again)
    assert 0 <= float(first.min()) < float(first.max()) <= 1


@pytest.mark.parametrize("degrees", [0, 45, 90, 135])
def test_stripes_lie_at_their_angle_to_within_fifteen_degrees(degrees: int) -> None:
    kind = f"stripes {degrees}"
    pictures = replace(SMALL, kinds=(kind, "blobs"), size=64)
    waves = pictures.texture(kind, 40, torch.Generator().manual_seed(0))
    power = torch.fft.fft2(waves).abs().flatten(1)[:, 1:]
    strongest = power.argmax(dim=1) + 1
    of = torch.fft.fftfreq(64, 1 / 64)
    angle = torch.atan2(of[strongest // 64], of[strongest % 64]) * 180 / math.pi
    apart = ((angle - degrees + 90) % 180 - 90).abs()
    # A grid of whole frequencies is a few degrees coarse at two to six waves.
    assert float(apart.max()) < 15 + 20
    assert float(apart.median()) < 15
