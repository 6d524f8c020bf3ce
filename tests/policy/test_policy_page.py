"""docs/policy.md: every example is parsed and decides, every table is that of the code."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from auditor.boundary.base import baselines
from auditor.characteristics.base import characteristics
from auditor.documents.results import Definition
from auditor.policy.document import (
    UNLIKE,
    Coverage,
    Policy,
    PolicyRule,
    PolicyWaiver,
    ValidityPolicy,
    check_policy,
    parse_policy,
)
from auditor.policy.gate_decision import decide
from auditor.policy.measure_places import FIXED
from auditor.policy.rule_outcome import Relation, outcome
from tests.render.sample_results import synthetic_results

PAGE = (Path(__file__).parents[2] / "docs" / "policy.md").read_text("utf-8")
BLOCKS = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
DEFINITIONS: dict[str, Definition] = {
    id: definition for _, kind in characteristics.items() for id, definition in kind.definitions.items()
}
AUDIT = synthetic_results(images=False)


def table(heading: str) -> list[list[str]]:
    """The rows below a heading row that begins so."""
    lines = PAGE.partition(f"\n| {heading} |")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def policy(text: str) -> Policy:
    """An example; one that is only rules gets the line that every file begins with."""
    return parse_policy(text if "version" in text else f"version = 1\n{text}", "docs/policy.md")


def test_there_are_examples():
    assert len(BLOCKS) >= 4


@pytest.mark.parametrize("text", BLOCKS)
def test_every_example_is_a_policy_that_decides(text: str):
    example = policy(text)
    check_policy(example, DEFINITIONS)
    gate = decide(AUDIT, example, AUDIT if example.relative else None, today=date(2026, 12, 31))
    assert {rule.name for rule in example.rules} <= {rule.id for rule in gate.rules}
    assert "not_measured" not in {rule.status for rule in gate.rules}


def test_the_examples_use_every_key():
    text = "\n".join(BLOCKS)
    shown = {key for key in PolicyRule.model_fields if re.search(rf"^{key} = ", text, re.MULTILINE)}
    assert shown == set(PolicyRule.model_fields)


def test_every_key_is_explained_and_no_other():
    head = {key for cells in table("key") for key in re.findall(r"`([a-z.]+)`", cells[0])}
    parts = {f"validity.{key}" for key in ValidityPolicy.model_fields} | {
        f"coverage.{k}" for k in Coverage.model_fields
    }
    assert head == set(Policy.model_fields) - {"validity", "coverage"} | parts
    rule = {key for cells in table("key of a rule") for key in re.findall(r"`([a-z_]+)`", cells[0])}
    assert rule == set(PolicyRule.model_fields)
    waiver = {key for cells in table("key of a waiver") for key in re.findall(r"^`([a-z_]+)`", cells[0])}
    assert waiver == set(PolicyWaiver.model_fields)


def test_every_fact_in_which_a_baseline_has_to_be_alike_is_explained():
    said = "\n".join(cells[1] for cells in table("the baseline"))
    assert {*re.findall(r"`baseline\.(\w+)` fails", said)} == {*UNLIKE}


def test_the_defaults_are_those_of_the_code():
    least = policy("[[rules]]\nmeasure = 'performance.accuracy'\nmin = 0.5\n")
    said = {cells[0].strip("`"): cells[2].strip("`") for cells in (*table("key"), *table("key of a rule"))}
    rule = least.rules[0]
    assert (said["validity.warn"], said["severity"]) == (f'"{least.validity.warn}"', f'"{rule.severity}"')
    assert least.strict is False
    assert rule.strict is None


def test_the_table_of_outcomes_is_that_of_the_gate():
    relations: tuple[Relation, ...] = ("inside", "straddles", "beyond")
    rows = [cells[1:] for cells in table("the interval")]
    assert rows == [
        [outcome(relation, "fail", False), outcome(relation, "fail", True), outcome(relation, "warn", False)]
        for relation in relations
    ]
    assert all(outcome(relation, "warn", True) == outcome(relation, "warn", False) for relation in relations)


def test_every_measure_is_listed():
    assert table("id") == [[f"`{id}`", d.title, d.scope] for id, d in DEFINITIONS.items()]
    names = " ".join(cells[0] for cells in table("name"))
    assert all(f"`{name}`" in names for name in FIXED)
    assert all(f"`baselines.{generator}.<id>`" in names for generator in baselines())
