"""--pairs: indices, names, and what is refused."""

from __future__ import annotations

import pytest

from auditor.errors import InputRefused, UsageError
from auditor.numbers.class_pairs import directions_of, parse_pairs

ANIMALS = ["ant", "bee", "cat", "a:b"]


def pairs(text: str, names: list[str] = ANIMALS, present: tuple[int, ...] = (0, 1, 2, 3), most: int = 200):
    return parse_pairs(text, names, present, most)


def test_all_pairs_of_ten_classes_are_45():
    found = parse_pairs("all", [str(i) for i in range(10)], range(10), 200)
    assert len(found) == 45
    assert found[0] == (0, 1)
    assert found == sorted(found)


def test_all_means_classes_that_have_samples():
    assert pairs("all", present=(0, 2, 3)) == [(0, 2), (0, 3), (2, 3)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0:1", [(0, 1)]),
        ("2:0", [(0, 2)]),
        ("ant:cat", [(0, 2)]),
        (" bee : ant ", [(0, 1)]),
        ("2:1,0:1,1:2", [(0, 1), (1, 2)]),
        ("a:b:ant", [(0, 3)]),
        ("ant:a:b,", [(0, 3)]),
    ],
)
def test_indices_and_names(text: str, expected: list[tuple[int, int]]):
    assert pairs(text) == expected


def test_a_name_wins_over_an_index_that_looks_like_it():
    assert parse_pairs("1:0", ["2", "1", "0"], range(3), 9) == [(1, 2)]


def test_index_and_name_do_not_mix_in_a_pair():
    with pytest.raises(UsageError, match=r"class names \(ant, .*\), not one of each; found '0:cat'"):
        pairs("0:cat")
    with pytest.raises(UsageError, match="found '2:0'"):  # is 2 the first class or the third?
        parse_pairs("2:0", ["2", "1", "x"], range(3), 9)
    with pytest.raises(UsageError, match=r"did you mean cat\? correct --pairs"):
        pairs("cta:ant")


@pytest.mark.parametrize(
    "text", ["", ",", "0", "0:4", "0:-1", "0:0", "ant:ant", "ant-bee", "0:1:2", "dog:cat", "0:", "1.0:2", "0:٣"]
)
def test_what_is_no_pair_is_a_usage_error_in_one_line(text: str):
    with pytest.raises(UsageError, match=r"expected .*; found .*; (correct|name)") as caught:
        pairs(text)
    assert "\n" not in str(caught.value)


def test_too_many_pairs():
    with pytest.raises(UsageError, match=r"at most --max-pairs 5 pairs; found 6"):
        pairs("all", most=5)
    assert len(pairs("all", most=6)) == 6


def test_a_class_without_samples_is_refused_by_name():
    with pytest.raises(InputRefused, match=r"none of class 1 \(bee\)"):
        pairs("0:1", present=(0, 2))


def test_both_directions_side_by_side():
    assert directions_of([(0, 1), (2, 5)]) == [(0, 1), (1, 0), (2, 5), (5, 2)]
