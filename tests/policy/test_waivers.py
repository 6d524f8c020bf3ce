"""Waivers: what they let pass, until when, where, and that every output shows them with their reason and last day."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import pytest

from auditor.api.gates import gate_lines, today
from auditor.cli.github import commands
from auditor.cli.summary import summary_lines
from auditor.documents.results import Gate, Measured, NotMeasured, Results, from_json, to_json
from auditor.errors import UsageError
from auditor.policy.gate_decision import decide
from auditor.render.base import outputs
from tests.policy.made import MARGIN, measure, policy, results, rule, with_accuracy, with_measure
from tests.render.sample_results import DEFINITIONS

BASE = results()
DAY, REASON = date(2026, 12, 31), "the new camera; relabelling is under way"
NAME = f"characteristics.{MARGIN}"
LOW = rule(id="margins", measure=NAME, min=0.2)


def waiver(name: str, place: str = "", reason: str = REASON, until: date = DAY) -> str:
    at = f"place = '{place}'\n" if place else ""
    return f"[[waivers]]\nrule = '{name}'\nreason = '{reason}'\nuntil = {until.isoformat()}\n{at}"


def margins(**low: float) -> Results:
    """Margins of 1 but at the places named, such as ``ab``."""

    def of(classes: tuple[int, int]) -> Measured:
        return measure(low.get("".join("abcdef"[c] for c in classes), 1.0), 0.01, DEFINITIONS[MARGIN])

    return with_measure(BASE, MARGIN, of)


def gate(found: Results, text: str, on: date = DAY, head: str = "") -> Gate:
    return decide(found, policy(text, head), today=on)


@pytest.mark.parametrize(
    ("on", "status"),
    [(date(2026, 1, 1), "passed"), (DAY, "passed"), (date(2027, 1, 1), "failed"), (date.max, "failed")],
)
def test_a_failing_rule_is_waived_up_to_and_including_its_last_day(on: date, status: str):
    decided = gate(margins(ab=0.1), LOW + waiver("margins"), on)
    assert decided.status == status
    (one,) = [r for r in decided.rules if r.id == "margins"]
    expired = [r for r in decided.rules if r.id == "waivers.margins"]
    if status == "passed":
        assert one.status == "waived"
        assert one.waiver is not None
        assert (one.waiver.reason, one.waiver.until, decided.waived) == (REASON, "2026-12-31", 1)
        assert expired == []
    else:
        assert (one.status, one.waiver, decided.failed) == ("fail", None, 1)
        assert expired[0].status == "warn"
        assert "expired on 2026-12-31 and has no effect" in expired[0].message


def test_a_rule_that_holds_needs_no_waiver_and_shows_none():
    decided = gate(margins(), LOW + waiver("margins"))
    assert [r.waiver for r in decided.rules] == [None] * len(decided.rules)
    assert (decided.status, decided.waived) == ("passed", 0)


def test_a_waiver_speaks_for_its_own_rule_only():
    text = LOW + rule(id="other", measure=NAME, min=0.3) + waiver("other")
    assert gate(margins(ab=0.1), text).status == "failed"
    assert gate(margins(ab=0.25), text).status == "passed"


def test_what_was_not_measured_can_be_waived_like_what_fails():
    lost = with_accuracy(BASE, NotMeasured(not_measured="the model fell silent"))
    text = rule(measure="performance.accuracy", min=0.1)
    assert gate(lost, text).status == "failed"
    assert gate(lost, text + waiver("performance.accuracy")).status == "passed"


@pytest.mark.parametrize(
    ("place", "low", "status"),
    [
        ("a:b", ["ab"], "waived"), ("0:1", ["ab"], "waived"), ("a:b", ["ba"], "fail"), ("a:b", ["ab", "cd"], "fail"),
        ("a:b", [], "pass"),
    ],
)  # fmt: skip
def test_a_waiver_of_a_place_lets_fail_that_place_only(place: str, low: list[str], status: str):
    decided = gate(margins(**dict.fromkeys(low, 0.1)), LOW + waiver("margins", place))
    one = decided.rules[-1]
    assert one.status == status
    assert decided.status == ("failed" if status == "fail" else "passed")
    if status == "waived":
        assert one.waiver is not None
        assert (one.waiver.place, one.classes) == (place, [0, 1])
    if low == ["ab", "cd"]:
        assert one.classes == [2, 3]  # what is left, not what is waived


def test_two_places_take_two_waivers():
    text = LOW + waiver("margins", "a:b") + waiver("margins", "c:d")
    assert gate(margins(ab=0.1, cd=0.1), text).status == "passed"
    assert gate(margins(ab=0.1, cd=0.1, dc=0.1), text).status == "failed"


def test_a_candidate_on_fewer_pairs_is_not_waived_with_a_place():
    text = rule(id="margins", measure=NAME, max_decrease="50 %") + waiver("margins", "a:b")
    fewer = BASE.model_copy(update={"pairs": BASE.pairs[:3]})
    assert decide(fewer, policy(text), BASE, today=DAY).status == "failed"


@pytest.mark.parametrize("place", ["a:zebra", "a", "z"])
def test_a_place_that_is_none_is_refused(place: str):
    with pytest.raises(UsageError, match="the waiver"):
        gate(margins(ab=0.1), LOW + waiver("margins", place))


def test_a_place_takes_a_rule_on_each_place():
    for keys in ({"measure": NAME, "aggregate": "mean"}, {"measure": "performance.accuracy"}):
        text = rule(id="margins", min=0.2, **keys) + waiver("margins", "a:b")
        with pytest.raises(UsageError, match="no place"):
            gate(BASE, text)


def test_coverage_and_the_baseline_can_be_waived_and_validity_cannot():
    text = rule(measure="performance.accuracy", max_decrease=0.5)
    other = BASE.model_copy(update={"settings": BASE.settings.model_copy(update={"seed": 1})})
    asked = "[coverage]\npairs = 99"
    both = waiver("coverage.pairs") + waiver("baseline.seed")
    assert decide(BASE, policy(text, asked), other, today=DAY).status == "failed"
    assert decide(BASE, policy(text + both, asked), other, today=DAY).status == "passed"
    broken = BASE.validity[0].model_copy(update={"status": "fail"})
    bad = BASE.model_copy(update={"validity": [broken]})
    assert decide(bad, policy(text + both, asked), other, today=DAY).status == "failed"


@pytest.mark.parametrize(
    ("epoch", "day"),
    [("1790000000", date(2026, 9, 21)), ("0", date(1970, 1, 1)), ("253402300799", date(9999, 12, 31))],
)
def test_the_day_is_that_of_source_date_epoch(epoch: str, day: date, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    assert today() == day


@pytest.mark.parametrize("epoch", ["", "²", "253402300800", "-1", "9" * 5000, "yesterday"])
def test_an_epoch_that_is_none_is_no_day(epoch: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    assert abs((today() - date.today()).days) <= 1


def waived() -> Results:
    found = margins(ab=0.1)
    return found.model_copy(update={"gate": gate(found, LOW + waiver("margins"))})


SHOWN: dict[str, Callable[[Results], str]] = {
    "terminal": lambda r: "\n".join(gate_lines(r.gate)),
    "summary": lambda r: "\n".join(summary_lines(r, [Path("results.json")])),
    "annotations": lambda r: "\n".join(commands(r)),
    "results.json": to_json,
    **{
        name: lambda r, name=name: outputs[name].render(r).decode()  # type: ignore[misc]
        for name in ("html", "junit", "sarif", "markdown")
    },
}


@pytest.mark.parametrize("name", SHOWN)
def test_a_waived_rule_is_shown_with_its_reason_and_last_day(name: str):
    text = SHOWN[name](waived()).replace("\\-", "-").replace("\\;", ";")
    assert REASON in text
    assert "2026-12-31" in text
    assert "waived" in text.lower()
    assert "All rules hold" not in text
    assert "all rules hold" not in text


def test_formats_have_their_own_word_for_it():
    found = waived()
    suite = ElementTree.fromstring(outputs["junit"].render(found)).find("testsuite[@name='deepdig-audit.gate']")
    assert suite is not None
    case = suite.find("testcase[@name='margins']")
    assert case is not None
    assert case.find("skipped") is not None
    assert case.find("failure") is None
    (run,) = json.loads(outputs["sarif"].render(found))["runs"]
    (result,) = [r for r in run["results"] if r["ruleId"] == "gate.margins"]
    (suppression,) = result["suppressions"]
    assert (suppression["kind"], suppression["status"]) == ("external", "accepted")
    assert REASON in suppression["justification"]
    assert from_json(to_json(found)).gate == found.gate
