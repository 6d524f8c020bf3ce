"""The estimate of an audit's cost against the evaluations that audits of the sample models spent."""

from __future__ import annotations

import pytest

from auditor.audit.estimate import expected
from auditor.audit.profiles import PROFILES


@pytest.mark.parametrize(
    ("profile", "forward", "backward"),
    [
        ("quick", 1_223_564, 454_276),  # digits_cnn.onnx, all 45 pairs
        ("standard", 4_192_231, 834_040),
    ],
)
def test_counts_are_within_a_factor_of_two_of_real_audits(profile: str, forward: int, backward: int):
    found = expected(PROFILES[profile], directions=90, sources=144, samples=1797)
    assert 0.5 < found.forward / forward < 2
    assert 0.5 < found.backward / backward < 2


def test_cost_grows_with_directions_and_is_the_sum_of_its_parts():
    one, two = (expected(PROFILES["quick"], n, 144, 0) for n in (1, 2))
    assert two.backward == pytest.approx(2 * one.backward, abs=2)
    assert two.forward == pytest.approx(2 * one.forward, abs=2)
    free = two.seconds(2, 0, 0)
    assert two.seconds(2, 1e-3, 2e-3) - free == pytest.approx(1e-3 * (two.forward - two.backward) + 2e-3 * two.backward)
