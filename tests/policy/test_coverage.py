"""What a policy asks of the audit itself: pairs by number and by name, how they were chosen, sources, profile."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.api.gates import ending
from auditor.documents.profiles import PROFILES
from auditor.documents.results import Results
from auditor.errors import AuditIncomplete, UsageError
from auditor.policy.coverage import first_coverage
from auditor.policy.document import parse_policy
from auditor.policy.first_policy import first_policy
from auditor.policy.gate_decision import decide
from tests.policy.made import MARGIN, policy, results, rule
from tests.render.sample_results import screened

BASE = results()
SHALLOW = screened(BASE, (0, 1), (0, 2))
ACCURACY = rule(measure="performance.accuracy", min=0.1)


def settings(found: Results, **facts: Any) -> Results:
    return found.model_copy(update={"settings": found.settings.model_copy(update=facts)})


def only(found: Results, *pairs: tuple[int, int]) -> Results:
    """The results of these pairs alone."""
    return found.model_copy(update={"pairs": [pair for pair in found.pairs if pair.classes in pairs]})


def with_sources(found: Results, count: int) -> Results:
    """The results with another number of sources in one direction."""
    first, *rest = found.pairs
    there, back = first.directions
    fewer = there.model_copy(update={"generation": there.generation.model_copy(update={"requested": count})})
    return found.model_copy(update={"pairs": [first.model_copy(update={"directions": [fewer, back]}), *rest]})


@pytest.mark.parametrize(
    ("asked", "found", "status", "said"),
    [
        ("pairs = 15", BASE, "pass", "15 class pairs"),
        ("pairs = 16", BASE, "fail", "asks for 16"),
        ("pairs = ['a:b', 'f:e', '2:3']", BASE, "pass", "Every pair"),
        ("pairs = ['a:b', 'f:e', '2:3']", only(BASE, (0, 1), (2, 3)), "fail", "f:e of the pairs"),
        ("pairs = ['a:b', 'f:e', '2:3']", only(BASE, (0, 1)), "fail", "f:e and 1 more of the pairs"),
        ("chosen = 'auto'", settings(BASE, pairs="auto"), "pass", "chosen by --pairs auto"),
        ("chosen = 'auto'", settings(BASE, pairs="0:1,0:4"), "fail", "the policy asks for auto"),
        ("samples = 145", with_sources(BASE, 145), "pass", "145 sources"),
        ("samples = 145", with_sources(BASE, 144), "fail", "144 sources"),
        ("profile = 'standard'", BASE, "pass", "standard"),
        ("profile = 'standard'", settings(BASE, profile="quick"), "fail", "quick; the policy asks for standard"),
    ],
)
def test_what_is_asked_of_an_audit(asked: str, found: Results, status: str, said: str):
    decided = decide(found, policy(ACCURACY, f"[coverage]\n{asked}"))
    (one,) = [r for r in decided.rules if r.id == f"coverage.{asked.split()[0]}"]
    assert (one.status, decided.status) == (status, "passed" if status == "pass" else "failed")
    assert said in one.message


def test_a_pair_of_unknown_classes_is_refused():
    with pytest.raises(UsageError, match="found 'a:zebra'"):
        decide(BASE, policy(ACCURACY, "[coverage]\npairs = ['a:zebra']"))


STARVED: dict[str, Any] = {
    "fewer pairs": lambda b: b.model_copy(update={"pairs": b.pairs[:-1]}),
    "fewer sources": lambda b: with_sources(b, 4),
    "another profile": lambda b: settings(b, profile="quick"),
    "pairs by hand": lambda b: settings(b, pairs="0:1,0:2"),
}


@pytest.mark.parametrize("how", STARVED)
def test_what_init_policy_writes_is_failed_by_an_audit_that_proves_less(how: str):
    written = parse_policy(first_policy(BASE), "p")
    assert decide(BASE, written).status == "passed"
    assert decide(STARVED[how](BASE), written).status == "failed"


def test_named_pairs_are_written_by_name_and_easier_ones_fail():
    named = settings(only(BASE, (0, 1), (2, 3)), pairs="0:1,2:3")
    text = first_policy(named)
    assert 'pairs = ["a:b", "c:d"]' in text
    easier = settings(only(BASE, (0, 4), (0, 5)), pairs="0:4,0:5")
    failed = [r.id for r in decide(easier, parse_policy(text, "p")).rules if r.status == "fail"]
    assert "coverage.pairs" in failed


@pytest.mark.parametrize("names", [["a:", "b", *"cdef"], [" a", "b", *"cdef"], ["\x7f", "b", *"cdef"]])
def test_names_that_could_be_read_in_another_way_are_written_as_indices(names: list[str]):
    found = settings(only(results(names=names), (0, 1)), pairs="0:1")
    assert first_coverage(found).pairs == ["0:1"]
    assert decide(found, parse_policy(first_policy(found), "p")).status == "passed"


def test_names_of_any_script_are_written_as_they_are():
    found = settings(only(results(names=["ß", "\N{GRINNING FACE}", *"cdef"]), (0, 1)), pairs="0:1")
    assert decide(found, parse_policy(first_policy(found), "p")).status == "passed"


def test_where_a_class_has_no_more_samples_a_few_fewer_are_allowed():
    def every(count: int) -> Results:
        pairs = [
            pair.model_copy(
                update={
                    "directions": [
                        d.model_copy(update={"generation": d.generation.model_copy(update={"requested": count})})
                        for d in pair.directions
                    ]
                }
            )
            for pair in BASE.pairs
        ]
        return BASE.model_copy(update={"pairs": pairs})

    assert first_coverage(settings(every(64), samples_per_class=64)).samples == 64
    assert first_coverage(settings(every(140), samples_per_class=400)).samples == 126
    assert first_coverage(settings(every(1), samples_per_class=400)).samples == 1


@pytest.mark.parametrize(
    ("asked", "status", "rule"),
    [
        ("pairs = 15", "failed", "coverage.pairs"),
        ("pairs = 13", "passed", "coverage.pairs"),
        ("pairs = ['0:1', '0:2']", "failed", "coverage.pairs"),
        ("pairs = ['0:1']\nlevel = 'screened'", "passed", "coverage.level"),
        ("level = 'screened'", "passed", "coverage.level"),
        ("level = 'outlined'", "failed", "coverage.level"),
        ("level = 'full'", "failed", "coverage.level"),
        ("samples = 10", "failed", "coverage.samples"),
        ("samples = 10\nlevel = 'screened'", "passed", "coverage.samples"),
    ],
)
def test_pairs_below_the_full_level_count_only_where_the_policy_says_so(asked: str, status: str, rule: str) -> None:
    gate = decide(SHALLOW, policy(ACCURACY, f"[coverage]\n{asked}"))
    assert gate.status == status
    assert rule in [one.id for one in gate.rules]


@pytest.mark.parametrize("measure", ["characteristics.idc", "summary.idc.mean", "summary.idc.worst"])
def test_a_rule_on_what_a_screened_pair_lacks_never_passes(measure: str) -> None:
    each = {"aggregate": "worst"} if measure.startswith("characteristics") else {}
    gate = decide(SHALLOW, policy(rule(measure=measure, max=0.99, **each)))
    assert gate.status == "failed"
    assert [one.status for one in gate.rules if one.measure == measure] == ["not_measured"]
    assert decide(BASE, policy(rule(measure=measure, max=0.99, **each))).status == "passed"


def test_a_policy_that_accepts_the_level_lets_a_passing_gate_end_with_0() -> None:
    margin = rule(measure=f"characteristics.{MARGIN}", aggregate="worst", min=0.01)

    def ends(found: Results, head: str) -> AuditIncomplete | None:
        return ending(found.model_copy(update={"gate": decide(found, policy(margin, head))}))

    assert ends(SHALLOW, "[coverage]\nlevel = 'screened'") is None
    left = ends(SHALLOW, "")
    assert left is not None
    assert "2 of them not in full" in str(left)
    missing = SHALLOW.model_copy(update={"coverage": SHALLOW.coverage.model_copy(update={"missing": [(0, 3)]})})
    assert ends(missing, "[coverage]\nlevel = 'screened'") is not None


def test_every_profile_can_be_asked_for():
    for name in PROFILES:
        assert (
            decide(settings(BASE, profile=name), policy(ACCURACY, f"[coverage]\nprofile = '{name}'")).status == "passed"
        )
