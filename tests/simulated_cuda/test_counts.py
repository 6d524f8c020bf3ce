"""No loop copies to or from the device, or waits for it, more often than ``limits`` allows."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from tests.simulated_cuda.counts import LOOPS, counted
from tests.simulated_cuda.limits import LIMITS


@pytest.mark.parametrize(("name", "loop"), [(name, loop) for name, rows in LIMITS.items() for loop in rows])
def test_a_loop_keeps_its_limits(name: str, loop: str) -> None:
    limits, counts = asdict(LIMITS[name][loop]), asdict(counted(name)[loop])
    above = {what: (number, limits[what]) for what, number in counts.items() if number > limits[what]}
    assert not above, "see tests/simulated_cuda/limits.py"


def test_every_loop_has_a_limit() -> None:
    assert set(LIMITS["ONNX"]) == set(LOOPS)
