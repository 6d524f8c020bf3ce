"""What ``inspect`` says an audit costs, held against audits that were made."""

from __future__ import annotations

import pytest

from auditor.documents.profiles import PROFILES
from auditor.pipeline.inspect.estimate import expected, expected_memory

MEASURED = [  # cost in results.json of: deepdig-audit MODEL --data digits --profile PROFILE [--pairs ...]
    ("digits_cnn", "quick", 2, 35_818, 19_952),  # --pairs 3:8
    ("digits_cnn", "standard", 2, 87_467, 48_620),
    ("digits_fcn", "quick", 10, 86_428, 31_852),  # --pairs 0:1,2:3,4:5,6:7,8:9
    ("digits_cnn", "quick", 90, 607_958, 249_076),
    ("digits_cnn", "standard", 90, 1_927_798, 660_688),
]


@pytest.mark.parametrize(("model", "profile", "directions", "forward", "backward"), MEASURED)
def test_counts_are_within_a_factor_of_two(model: str, profile: str, directions: int, forward: int, backward: int):
    found = expected(PROFILES[profile], "deepdig", directions, 144, 1797)
    assert forward / 2 < found.forward < 2 * forward
    assert backward / 2 < found.backward < 2 * backward


def test_memory_is_within_a_factor_of_two():
    """45 pairs of FashionMNIST at standard held 2.17 GB, ``inspect`` of the same model and data 984 MB."""
    beyond = expected_memory(PROFILES["standard"], (1, 28, 28), 6000, "cpu")
    assert 2.17e9 / 2 < 984e6 + beyond < 2 * 2.17e9
    assert expected_memory(PROFILES["quick"], (1, 28, 28), 6000, "cpu") < beyond
