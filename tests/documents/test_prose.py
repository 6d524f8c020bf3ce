"""What readers are told of a measure decides nothing: with other words every number, rank and verdict is the same."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from auditor.documents.ranking_and_summary import summarise
from auditor.documents.results import Definition, Meaning, Results, from_json, to_json
from auditor.policy.compare import compare
from auditor.policy.document import parse_policy
from auditor.policy.first_policy import first_policy
from auditor.policy.gate_decision import decide
from auditor.render.view import build
from tests.policy.made import scaled
from tests.render.gated import RULES
from tests.render.sample_results import synthetic_results

AUDITOR = Path(__file__).parents[2] / "auditor"
PROSE = ("unit", "reading", "title", "text", "formula", "source")
ABSURD = "lower higher near 7 is neither share"
CHANGE = "[[rules]]\nmeasure = 'characteristics.idc'\naggregate = 'mean'\nmax_increase = '10 %'\n"
PLAIN = synthetic_results(images=False)


def reworded(part: Any) -> Any:
    """A document with the same absurd words in every measure, definition and rule."""
    if isinstance(part, list):
        return [reworded(entry) for entry in part]
    if not isinstance(part, dict):
        return part
    meant = "scale" in part
    return {key: ABSURD if meant and key in PROSE else reworded(entry) for key, entry in part.items()}


def absurd(results: Results) -> Results:
    return Results.model_validate(reworded(results.model_dump()))


def test_numbers_ranking_and_worst_places_follow_from_data() -> None:
    found = absurd(PLAIN)
    assert summarise(found.pairs, found.definitions) == summarise(PLAIN.pairs, PLAIN.definitions)


def test_the_gate_decides_alike() -> None:
    def outcomes(results: Results) -> list[tuple[Any, ...]]:
        gate = decide(results, parse_policy(RULES + CHANGE, "p"), results)
        keys = ("id", "status", "value", "ci_low", "ci_high", "limit", "key", "scale", "classes", "needed_n")
        return [tuple(getattr(rule, key) for key in keys) for rule in gate.rules]

    assert outcomes(absurd(PLAIN)) == outcomes(PLAIN)


def test_a_first_policy_has_the_same_limits() -> None:
    def limits(results: Results) -> list[str]:
        return [line for line in first_policy(results).splitlines() if not line.startswith("#")]

    assert limits(absurd(PLAIN)) == limits(PLAIN)


def test_a_comparison_comes_to_the_same() -> None:
    other = scaled(PLAIN, {(4, 9): 0.5, (3, 8): 1.5})
    found, plain = compare(absurd(PLAIN), absurd(other)), compare(PLAIN, other)
    assert (found.verdict, found.reasons) == (plain.verdict, plain.reasons)
    assert [(p.classes, p.strength) for p in found.pairs] == [(p.classes, p.strength) for p in plain.pairs]


def test_the_page_says_the_same_of_places_and_rounds_alike() -> None:
    def said(results: Results) -> list[object]:
        page = build(results)
        return [
            [f.title.rpartition(":")[2] for f in page.glance.maps],
            [[(cell.text, cell.more) for cell in row[1:2] + row[3:]] for row in page.glance.summary.rows],
            [[(cell.text, cell.more) for cell in row[1:]] for pair in page.pairs for row in pair.measures.rows],
        ]

    assert said(absurd(PLAIN)) == said(PLAIN)


TAKES_APART = r"r?split|r?partition|startswith|endswith|remove\w+|r?find|r?index|replace|strip"


def test_no_line_takes_a_unit_or_a_reading_apart() -> None:
    """But for the two homes: schema 2.0, and a share that is read in per cent."""
    homes = ("documents/older_results.py", "render/rounding.py")
    for path in AUDITOR.rglob("*.py"):
        if path.relative_to(AUDITOR).as_posix() not in homes:
            assert not re.search(rf"\.(unit|reading)\.({TAKES_APART})\(", path.read_text("utf-8")), path


MEANT: dict[str, Any] = {"unit": "u", "scale": "number", "better": "lower", "reading": "lower is lower"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"better": "bigger"}, "'lower', 'higher', 'near' or 'none'"),
        ({"scale": "percent"}, "'share', 'rate', 'distance', 'ratio' or 'number'"),
        ({"better": "near"}, "expected an ideal with better 'near'"),
        ({"ideal": 0.5}, "found better 'lower', ideal 0.5"),
        ({"better": "near", "ideal": float("nan")}, "finite number"),
    ],
)
def test_unknown_words_are_refused_with_what_was_expected(change: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(expected)):
        Meaning(**(MEANT | change))


def test_a_definition_survives_the_document() -> None:
    results = PLAIN.model_copy(update={"definitions": PLAIN.definitions | {"own": Definition(
        **(MEANT | {"better": "near", "ideal": 0.25}), title="t", formula="f", text="x", source="s"
    )}})  # fmt: skip
    assert from_json(to_json(results)) == results
