"""results.json that contradicts itself is refused in one line; what an audit writes is not."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from auditor.characteristics.base import characteristics
from auditor.documents.agreement import contradictions
from auditor.documents.agreement.boundary import quantile
from auditor.documents.agreement.own_measures import key_facts, own_measures
from auditor.documents.results import Results, from_json, to_json
from auditor.documents.whole_files import read_results
from auditor.errors import InputRefused
from tests.render.gated import gated
from tests.render.sample_results import agreeing, screened, synthetic_results

Tree = dict[str, Any]
Change = Callable[[Tree], object]


def sound() -> Results:
    """Two pairs of ten classes, one with images, and a gate."""
    results = gated(chosen=[(4, 9), (3, 8)])
    pairs = synthetic_results(chosen=[(4, 9)]).pairs
    return results.model_copy(update={"pairs": [pairs[0], *results.pairs[1:]]})


SOUND: Tree = json.loads(to_json(agreeing(sound())))


def test_results_with_pairs_that_were_only_screened_agree():
    assert list(contradictions(screened(sound(), (3, 8)))) == []


def first(tree: Tree) -> Tree:
    """The first direction."""
    found: Tree = tree["pairs"][0]["directions"][0]
    return found


def each_direction(tree: Tree, change: Change) -> None:
    for pair in tree["pairs"]:
        for direction in pair["directions"]:
            change(direction)


def every_n_is_0(part: Any) -> None:
    for value in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        every_n_is_0(value)
    if isinstance(part, dict) and "n" in part and "value" in part:
        part["n"] = 0


CONTRADICTIONS: dict[str, tuple[Change, str]] = {
    "a value outside its interval": (
        lambda t: t["performance"]["accuracy"].update(value=0.1, ci_low=0.99, ci_high=1.0), "performance.accuracy"),
    "an accuracy that is not that of the table": (
        lambda t: t["performance"]["accuracy"].update(value=1.0, ci_low=0.98, ci_high=1.0), "of 360"),
    "a narrower interval than its counts allow": (
        lambda t: t["performance"]["accuracy"].update(ci_low=t["performance"]["accuracy"]["value"]), "Wilson"),
    "an accuracy that is not measured": (
        lambda t: t["performance"].update(accuracy={"not_measured": "lost"}), "not measured"),
    "another confusion matrix": (lambda t: t["performance"]["confusion"][0].__setitem__(0, 3), "confusion"),
    "a ragged confusion matrix": (lambda t: t["performance"]["confusion"][0].pop(), "a square"),
    "a negative confusion": (lambda t: t["performance"]["confusion"][0].__setitem__(1, -1), "0 or more"),
    "a class twice": (lambda t: t["performance"]["per_class"].insert(0, t["performance"]["per_class"][0]), "class"),
    "a level that coverage does not know": (lambda t: t["pairs"][0].update(level="outlined"), "coverage.levels"),
    "a shallow pair in full": (lambda t: t["coverage"].update(shallow=[[4, 9]]), "coverage.shallow"),
    "one pair four times": (lambda t: t.update(pairs=[t["pairs"][0]] * 4), "once"),
    "one direction": (lambda t: t["pairs"][0]["directions"].pop(), "directions 4:9 and 9:4"),
    "the good direction twice": (
        lambda t: t["pairs"][0]["directions"].__setitem__(0, t["pairs"][0]["directions"][1]), "directions"),
    "a pair with itself": (lambda t: t["pairs"][0].update(classes=[4, 4]), "two classes"),
    "a class that is none": (lambda t: t["pairs"][0].update(classes=[4, 99]), "below 10"),
    "another name": (lambda t: t["pairs"][0].update(names=["4", "8"]), "named"),
    "more pairs audited than there are": (lambda t: t["coverage"].update(audited=45, requested=45), "coverage.audited"),
    "pairs missing without a reason": (lambda t: t["coverage"].update(requested=3), "reason"),
    "a missing pair that is there": (
        lambda t: t["coverage"].update(requested=3, reason="x", missing=[[3, 8]]), "coverage.missing"),
    "errors covered that are not": (
        lambda t: t["coverage"]["errors_covered"].update(value=1.0, ci_high=1.0), "coverage.errors_covered"),
    "n is 0 everywhere": (every_n_is_0, "at least one observation"),
    "an invented check in place of all": (
        lambda t: t.update(validity=[{"id": "x", "status": "ok", "message": "fine"}]), "every audit makes"),
    "no check": (lambda t: t.update(validity=[]), "every audit makes"),
    "a check twice": (lambda t: t["validity"].append(t["validity"][0]), "once"),
    "other bounds": (lambda t: t["definitions"]["idc"].update(bounds=[0, 5]), "bounds"),
    "another end is better": (lambda t: t["definitions"]["idc"].update(better="higher"), "better"),
    "an ideal that nothing can reach": (
        lambda t: t["definitions"].update(own=t["definitions"]["idc"] | {"better": "near", "ideal": 1e16}), "1e+15"),
    "a measure on another scale": (lambda t: first(t)["characteristics"]["idc"].update(scale="number"), "a rate"),
    "a measure without a definition": (
        lambda t: each_direction(t, lambda d: d["characteristics"].update(new=d["characteristics"]["idc"])), "'new'"),
    "a measure in another unit": (lambda t: first(t)["characteristics"]["idc"].update(unit="apples"), "share of steps"),
    "a number outside the bounds": (
        lambda t: first(t)["characteristics"]["idc"].update(value=1.5, ci_high=1.6), "between 0.0 and 1.0"),
    "a huge number": (
        lambda t: first(t)["characteristics"]["margin_l2"].update(value=1e308, ci_low=1e308, ci_high=1e308), "1e+15"),
    "a better margin than the samples have": (
        lambda t: first(t)["characteristics"]["margin_l2_attack_train"].update(value=9.0, ci_low=8.0, ci_high=10.0),
        "the quantile of 36 margins"),
    "margins of another class": (
        lambda t: first(t)["margins"]["test"].update(index=list(range(36))), "samples of class 4"),
    "margins of a sample twice": (lambda t: first(t)["margins"]["test"]["index"].__setitem__(0, 145), "once"),
    "a negative margin": (lambda t: first(t)["margins"]["train"]["l2"].__setitem__(0, -1.0), "distances"),
    "more instances than sources": (lambda t: first(t)["generation"].update(boundary=201), "only fall"),
    "instances lost without a reason": (lambda t: first(t)["generation"].update(requested=300), "failures"),
    "a success rate that is not": (
        lambda t: first(t)["generation"]["success_rate"].update(value=0.5, ci_low=0.4, ci_high=0.6), "of 200"),
    "a third class that is one of the two": (
        lambda t: first(t)["generation"].update(third_class={"4": 0}), "third classes"),
    "a summary that is not that of the pairs": (
        lambda t: t["summary"]["characteristics"]["idc"].update(mean=0.0, ci_low=0.0, ci_high=0.0), "summary of idc"),
    "another worst place": (
        lambda t: t["summary"]["characteristics"]["margin_l2_attack"]["worst"].update(value=2.0), "worst"),
    "another ranking": (lambda t: t["summary"]["ranking"].reverse(), "summary.ranking"),
    "a ranking without a pair": (lambda t: t["summary"].update(ranking=[]), "summary.ranking"),
    "passed with a rule that fails": (lambda t: t["gate"].update(status="passed"), "gate.status failed"),
    "passed without a rule": (
        lambda t: t["gate"].update(status="passed", rules=[], holds=0, failed=0, undecided=0, beyond=0), "behind"),
    "a count of rules that is not": (lambda t: t["gate"].update(holds=9), "gate.holds"),
    "a rule that passes with its limit inside the interval": (
        lambda t: next(r for r in t["gate"]["rules"] if r["status"] == "pass" and r["measure"]).update(
            value=0.5, limit=0.5, ci_low=0.4, ci_high=0.6), "no pass"),
    "a gate of a class that is none": (lambda t: t["gate"]["rules"][-1].update(classes=[77]), "classes below 10"),
    "a table that is cut": (lambda t: t["samples"]["test"]["label"].pop(), "one length"),
    "a sample that is not there": (lambda t: t["samples"]["train"]["index"].__setitem__(-1, 10**6), "split of 1437"),
    "a predicted class that is none": (lambda t: t["samples"]["test"]["predicted"].__setitem__(0, 10), "classes below"),
    "fewer names than classes": (lambda t: t["data"]["class_names"].pop(), "of 10 classes"),
    "a path through a class that is none": (
        lambda t: first(t)["series"]["idc_trace"]["rows"][0].__setitem__(0, 10), "classes below 10"),
    "a hundred thousand rules": (lambda t: t["gate"].update(rules=t["gate"]["rules"] * 2_000), "at most 5,000"),
    "paths of twenty thousand steps": (
        lambda t: first(t)["series"]["idc_trace"].update(rows=[[4] * 20_000] * 50), "at most 20,000"),
    "images of another size": (lambda t: first(t)["samples"].update(width=6000, height=6000), "6000 x 6000"),
    "a picture that is none": (lambda t: first(t)["samples"]["rows"][0]["cells"][0].update(png="AAAA"), "no PNG"),
}  # fmt: skip


def test_what_the_tests_draw_from_agrees_with_itself() -> None:
    assert list(contradictions(from_json(json.dumps(SOUND)))) == []


@pytest.mark.parametrize("kind", CONTRADICTIONS)
def test_each_contradiction_is_refused_in_one_line(kind: str, tmp_path: Path) -> None:
    change, said = CONTRADICTIONS[kind]
    tree = deepcopy(SOUND)
    change(tree)
    (tmp_path / "results.json").write_text(json.dumps(tree))
    with pytest.raises(
        InputRefused, match=r"expected results that agree with themselves: .*; found .*; give "
    ) as caught:
        read_results(tmp_path / "results.json")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_picture_that_says_it_is_huge_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    tree = deepcopy(SOUND)
    cell = first(tree)["samples"]["rows"][0]["cells"][0]
    # Signature, header of 13,000 x 13,000 pixels of one bit, and nothing else: whoever decodes it fails.
    cell["png"] = base64.b64encode(
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + (13_000).to_bytes(4, "big") * 2 + b"\x01\x00\x00\x00\x00" + b"\0" * 8
    ).decode()
    (tmp_path / "results.json").write_text(json.dumps(tree))
    with pytest.raises(InputRefused, match="13000 x 13000"):
        read_results(tmp_path / "results.json")


def test_the_table_of_own_measures_is_that_of_the_registry() -> None:
    """``definitions.json`` is what ``render`` and ``gate`` know of the measures."""
    made = {id: key_facts(d) for _, kind in characteristics.items() for id, d in kind.definitions.items()}
    assert own_measures() == made


def test_a_quantile_without_torch_takes_the_lower_neighbour_of_infinity() -> None:
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert quantile([1.0, 2.0, float("inf")], 0.5) == 2.0
    assert quantile([1.0, float("inf")], 0.5) == float("inf")
