"""junit.xml: valid by its schema, a case for each check, rule, measure and pair, every number a property."""

from __future__ import annotations

import datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest
import xmlschema

from auditor.documents.results import Measure, Results
from auditor.render.base import outputs
from tests.render.gated import gated, hostile
from tests.render.sample_results import flagged, synthetic_results

SCHEMA = xmlschema.XMLSchema(Path(__file__).with_name("junit.xsd"))
DATE = datetime.date(2026, 11, 24)


def suites(results: Results) -> dict[str, ElementTree.Element]:
    root = ElementTree.fromstring(outputs["junit"].render(results, DATE))
    return {suite.attrib["name"].removeprefix("deepdig-audit."): suite for suite in root}


@pytest.mark.parametrize(
    "results",
    [gated(), hostile(), synthetic_results(images=False), synthetic_results(chosen=[], images=False)],
    ids=["gated", "hostile", "no gate", "no pairs"],
)
def test_it_is_valid(results: Results):
    for created in (DATE, None):
        SCHEMA.validate(outputs["junit"].render(results, created).decode())


def test_the_schema_refuses_what_is_no_junit():
    text = outputs["junit"].render(gated()).decode()
    assert not SCHEMA.is_valid(text.replace("<testcase ", "<case ", 1).replace("</testcase>", "</case>", 1))
    assert not SCHEMA.is_valid(text.replace(' failures="', ' lost="', 1))


def test_a_suite_for_each_section_with_its_totals():
    results = gated()
    found = suites(results)
    assert list(found) == ["validity", "gate", "performance", "pairs"]
    assert {name: int(suite.attrib["tests"]) for name, suite in found.items()} == {
        "validity": len(results.validity), "gate": 6, "performance": 12, "pairs": 45,
    }  # fmt: skip
    for suite in found.values():
        assert int(suite.attrib["tests"]) == len(suite.findall("testcase"))
        assert int(suite.attrib["failures"]) == len(suite.findall("testcase/failure"))
        assert suite.attrib["timestamp"] == "2026-11-24T00:00:00"


def test_rules_that_fail_or_were_not_measured_are_failures_and_warnings_are_not():
    cases = {case.attrib["name"]: case for case in suites(gated())["gate"].findall("testcase")}
    kinds = {name: case.find("failure") for name, case in cases.items()}
    assert {name: f.attrib["type"] for name, f in kinds.items() if f is not None} == {
        "performance.accuracy": "fail",
        "characteristics.margin_l2_attack worst": "fail",
        "characteristics.edc_train_distance_misclassified mean": "not_measured",
    }
    assert "lies beyond the limit" in (kinds["performance.accuracy"].attrib["message"])  # type: ignore[union-attr]
    assert (cases["warned"].findtext("system-out") or "").startswith("warn: ")


def test_the_pair_where_a_rule_fails_fails():
    failed = [c.attrib["name"] for c in suites(gated())["pairs"].findall("testcase") if c.find("failure") is not None]
    assert failed == ["4-9 (4 and 9)"]


def test_a_failed_check_fails_without_a_gate():
    suite = suites(flagged(synthetic_results(images=False), "fail", "near chance"))["validity"]
    assert [f.attrib["message"] for f in suite.findall("testcase/failure")] == ["near chance"]


def test_every_number_of_a_pair_is_a_property():
    results = gated()
    properties = {p.attrib["name"]: p.attrib["value"] for p in suites(results)["pairs"].findall("properties/property")}
    for pair in results.pairs:
        for d in pair.directions:
            for id, measure in d.characteristics.items():
                name = f"{d.source}-{d.target}.{id}"
                if isinstance(measure, Measure):
                    assert float(properties[name]) == measure.value
                    low = properties.get(f"{name}.ci_low")
                    assert (None if low is None else float(low)) == measure.ci_low
                else:
                    assert properties[f"{name}.not_measured"] == measure.not_measured
