"""Numbers keep what their interval supports and names stay one harmless line."""

from __future__ import annotations

import math
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.documents.results import Meaning, Measure
from auditor.render.names import display_name
from auditor.render.rounding import (
    MINUS,
    NO_BREAK,
    THIN,
    number,
    percent,
    plural,
    probability,
    shown,
    shown_interval,
    size,
    unit_words,
    value_text,
)


def plain(text: str) -> str:
    return text.replace(THIN, " ").replace(NO_BREAK, " ").replace(MINUS, "-")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0449, "1.04"), (0.000123, "0.000123"), (21588, "21,588"), (0.0, "0"), (-1.234, "-1.23"), (999.6, "1,000"),
        (3.2e-7, "3.2e-07"), (1234567.0, "1.2e+06"),
    ],
)  # fmt: skip
def test_three_significant_digits(value: float, text: str) -> None:
    assert plain(number(value)) == text


@pytest.mark.parametrize(
    ("value", "low", "high", "unit", "text"),
    [
        (1.0234, 0.981, 1.07, "L2", "1.02 [0.98, 1.07]"),
        (1.0234, 1.0233, 1.0235, "L2", "1.02 [1.02, 1.02]"),
        (1.0234, 0.3, 2.0, "L2", "1.02 [0.30, 2.00]"),
        (12.34, 4.1, 21.0, "steps", "12.3 [4.1, 21.0]"),
        (0.0257, 0.021, 0.031, "share of steps", "2.57 % [2.10, 3.10]"),
        (0.5, 0.2, 0.8, "share", "50 % [20, 80]"),
        (399 / 400, 0.986, 0.9999, "share", "99.8 % [98.6, 99.99]"),
        (1.0, 0.99, 1.0, "share", "100 % [99.0, 100]"),
        (0.0, 0.0, 0.01, "share", "0 % [0, 1.0]"),
        (5.0, 5.0, 5.0, "", "5.00 [5.00, 5.00]"),
    ],
)  # fmt: skip
def test_no_more_digits_than_the_interval_supports(value: float, low: float, high: float, unit: str, text: str) -> None:
    assert plain(shown_interval(value, low, high, of(unit)).full) == text


def of(unit: str) -> Meaning:
    scale = "share" if unit.startswith("share") else "number"
    return Meaning(unit=unit, scale=scale, better="none", reading="")


@pytest.mark.parametrize(
    ("low", "high", "unit", "text"),
    [
        (0.213, None, "L2", "0.34 [\N{GREATER-THAN OR EQUAL TO} 0.21]"),
        (None, 0.5, "L2", "0.34 [\N{LESS-THAN OR EQUAL TO} 0.50]"),
        (None, None, "L2", "0.344"),
        (0.2, None, "share of steps", "34 % [\N{GREATER-THAN OR EQUAL TO} 20]"),
        (None, None, "share of steps", "34.4 %"),
        (-math.inf, math.inf, "L2", "0.344"),
        (0.2, math.inf, "L2", "0.34 [\N{GREATER-THAN OR EQUAL TO} 0.20]"),
    ],
)
def test_an_open_end_is_not_shown_and_the_known_one_has_its_sign(
    low: float | None, high: float | None, unit: str, text: str
) -> None:
    assert plain(shown_interval(0.344, low, high, of(unit)).full) == text


def test_a_measure_is_shown_with_the_unit_of_its_head() -> None:
    measure = Measure(value=0.5, ci_low=0.4, ci_high=0.6, n=9, unit="share of steps", scale="rate")
    assert shown(measure).unit == unit_words(of("share of steps")) == "% of steps"
    assert plain(unit_words(of("L2, pixels in [0, 1]"))) == "L2, pixels in [0, 1]"
    assert NO_BREAK in unit_words(of("L2, pixels in [0, 1]"))
    assert plain(value_text(0.123, "rate")) == "12.3 %"


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_only_all_is_a_hundred_and_only_nothing_is_zero(counts: tuple[int, int]) -> None:
    right, n = counts
    text = plain(percent(right / n))
    assert (text == "100 %") == (right == n)
    assert (text == "0 %") == (right == 0)
    assert (plain(probability(right / n)) == "100 %") is False


@given(st.floats(-1e9, 1e9, allow_nan=False))
def test_three_digits_are_within_half_a_percent(value: float) -> None:
    back = float(plain(number(value)).replace(",", ""))
    share = 0.051 if abs(value) < 1e-4 or abs(value) >= 1e6 else 0.0051
    assert abs(back - value) <= max(share * abs(value), 1e-9)


def test_counts_and_sizes() -> None:
    assert plural(1, "pair") == "1 pair"
    assert plural(4950, "search", "searches") == "4,950 searches"
    assert [size(n) for n in (999, 56_942, 2_000_000, 3_500_000_000)] == ["999 bytes", "56.9 kB", "2.00 MB", "3.50 GB"]


@pytest.mark.parametrize(
    ("name", "shown_name"),
    [
        ("cat", "cat"),
        ("  a \n\t b  ", "a b"),
        ("", "(unnamed)"),
        ("\u200b\u200c", "\ufffd\u200c"),
        ("a\x00b\x1b[31m", "a\ufffdb\ufffd[31m"),
        ("\u202eevil\u2066", "\ufffdevil\ufffd"),
        ("\ud800", "\ufffd"),
        ("<b>&amp;</b>", "<b>&amp;</b>"),
        ("$\\frac{1}{", "$\\frac{1}{"),
        ("قط 猫", "قط 猫"),
    ],
)
def test_names_are_shown_as_text(name: str, shown_name: str) -> None:
    assert display_name(name) == shown_name


def test_a_long_name_keeps_its_start_and_its_end() -> None:
    name = display_name("a" * 500 + "end.onnx", 30)
    assert len(name) == 30
    assert name.startswith("aaa")
    assert name.endswith("end.onnx")


@given(st.text(), st.integers(10, 80))
def test_every_name_is_one_bounded_visible_line(name: str, limit: int) -> None:
    found = display_name(name, limit)
    assert 0 < len(found) <= max(limit, len("(unnamed)"))
    assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in found)
    found.encode("utf-8")
