"""The false-0 hunt at the gate: baselines that are not alike, starved audits, forged documents, policies.

Each way is a candidate that a fair gate does not pass, or cannot judge, and one fact that would let it through.
All are judged from documents alone, in this process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from auditor.api import run_audit as running
from auditor.cli import main
from auditor.documents import whole_files as store
from auditor.documents.results import (
    Direction,
    EmbeddingFact,
    Gate,
    Margins,
    Measure,
    NotMeasured,
    Results,
    Rule,
    SplitSizes,
    to_json,
)
from auditor.policy.first_policy import first_policy
from tests.cli.command import environment
from tests.cli.in_this_process import InThisProcess
from tests.render.sample_results import synthetic_results

Output = pytest.CaptureFixture[str]
Change = Callable[[Results], Results]
AUDIT = synthetic_results(images=False, chosen=[(4, 9), (3, 8)])
COMMAND = Path(sysconfig.get_path("scripts")) / "deepdig-audit"


def part(found: Results, name: str, **facts: Any) -> Results:
    return found.model_copy(update={name: getattr(found, name).model_copy(update=facts)})


def each_direction(found: Results, change: Callable[[Direction], dict[str, Any]]) -> Results:
    """The results with something of every direction changed."""
    pairs = [
        pair.model_copy(update={"directions": [d.model_copy(update=change(d)) for d in pair.directions]})
        for pair in found.pairs
    ]
    return found.model_copy(update={"pairs": pairs})


def each_margins(found: Results, change: Callable[[Margins], dict[str, Any]]) -> Results:
    return each_direction(
        found, lambda d: {"margins": {s: m.model_copy(update=change(m)) for s, m in d.margins.items()}}
    )


def each_measure(found: Results, id: str, **facts: Any) -> Results:
    """The results with facts of one characteristic changed everywhere."""
    return each_direction(
        found,
        lambda d: {"characteristics": {**d.characteristics, id: d.characteristics[id].model_copy(update=facts)}},
    )


def accuracy(found: Results, value: float, low: float | None, high: float | None, n: int = 360) -> Results:
    measure = Measure(value=value, ci_low=low, ci_high=high, n=n, unit="share of test samples", scale="share")
    return part(found, "performance", accuracy=measure)


def other_samples(found: Results) -> Results:
    """The same numbers, of single samples that the candidate does not have."""
    shifted = each_margins(found, lambda m: {"index": [i + 100_000 for i in m.index]})
    test = found.samples.test
    return part(shifted, "samples", test=test.model_copy(update={"index": [i + 100_000 for i in test.index]}))


def settings(found: Results, **facts: Any) -> Results:
    return part(found, "settings", **facts)


def model(found: Results, **facts: Any) -> Results:
    return part(found, "model", **facts)


# ---- against a baseline ------------------------------------------------------------------------------

ACCEPTED = model(AUDIT, sha256="a" * 64, file="accepted.onnx")
"""The audit of another model, alike in all."""
CHANGE = "[[rules]]\nmeasure = 'performance.accuracy'\nmax_decrease = 0.5\n"
MARGIN = "[[rules]]\nmeasure = 'characteristics.margin_l2_attack'\nmax_decrease = '50 %'\n"
IDC = "[[rules]]\nmeasure = 'characteristics.idc'\nmax_increase = 0.1\n"
EDC = "[[rules]]\nmeasure = 'characteristics.edc_train_accuracy'\nmax_decrease = '90 %'\n"
CLASSES = "[[rules]]\nmeasure = 'performance.per_class.accuracy'\nmax_decrease = 0.5\n"
WRONG = "[[rules]]\nmeasure = 'characteristics.already_wrong'\nmax_increase = 0.5\n"


def only(found: Results, *pairs: tuple[int, int]) -> Results:
    """The audit of these pairs alone, whole in itself."""
    chosen = [pair for pair in found.pairs if pair.classes in pairs]
    less = found.model_copy(update={"pairs": chosen})
    return part(less, "coverage", audited=len(chosen), requested=len(chosen))


def narrow(half: float) -> Change:
    """The baseline with intervals of another half-width around everything, of other samples than the candidate's."""

    def change(found: Results) -> Results:
        wide = {"ci_low": 0.05 - half, "ci_high": 0.05 + half, "value": 0.05}
        return each_measure(other_samples(accuracy(found, 0.99, 0.99 - half, 0.99 + half)), "idc", **wide)

    return change


BASELINES: list[tuple[str, Change, str, str]] = [
    ("seed", lambda b: settings(b, seed=1), CHANGE, "baseline.seed"),
    ("largest seed", lambda b: settings(b, seed=2**32 - 1), MARGIN, "baseline.seed"),
    ("fewer to train", lambda b: part(b, "data", splits=SplitSizes(train=9, test=360)), CHANGE, "splits"),
    ("fewer to test", lambda b: part(b, "data", splits=SplitSizes(train=1437, test=9)), CHANGE, "splits"),
    ("quicker profile", lambda b: settings(b, profile="quick"), MARGIN, "baseline.profile"),
    ("slower profile", lambda b: settings(b, profile="thorough"), MARGIN, "baseline.profile"),
    ("paper profile", lambda b: settings(b, profile="paper"), CHANGE, "baseline.profile"),
    ("epbs", lambda b: settings(b, generator="epbs"), IDC, "baseline.generator"),
    ("gradient-free", lambda b: settings(b, generator="gradient-free"), MARGIN, "baseline.generator"),
    ("fewer sources", lambda b: settings(b, samples_per_class=4), MARGIN, "baseline.samples"),
    ("more sources", lambda b: settings(b, samples_per_class=4000), MARGIN, "baseline.samples"),
    ("smaller input", lambda b: model(b, input_shape=[1, 4, 4]), MARGIN, "baseline.input"),
    ("input of colour", lambda b: model(b, input_shape=[3, 8, 8]), MARGIN, "baseline.input"),
    ("flat input", lambda b: model(b, input_shape=[8, 8]), MARGIN, "baseline.input"),
    ("more outputs", lambda b: model(b, num_classes=11), CHANGE, "baseline.classes"),
    ("other mean", lambda b: model(b, preprocessing="(pixels in [0, 1] - 0.5) / 1; layout nchw"), MARGIN, "preproc"),
    ("other std", lambda b: model(b, preprocessing="(pixels in [0, 1] - 0) / 0.3; layout nchw"), CHANGE, "preproc"),
    ("rounding", lambda b: model(b, gradient="autograd, straight-through rounding"), MARGIN, "baseline.route"),
    ("no gradients", lambda b: model(b, gradient=NotMeasured(not_measured="none")), MARGIN, "baseline.route"),
    ("other embedding", lambda b: model(b, embedding=EmbeddingFact(name="other", size=64)), EDC, "baseline.embedding"),
    ("wider embedding", lambda b: model(b, embedding=EmbeddingFact(name="fc1", size=9999)), EDC, "baseline.embedding"),
    ("no embedding", lambda b: model(b, embedding=NotMeasured(not_measured="none")), EDC, "baseline.embedding"),
    ("other data", lambda b: part(b, "data", fingerprint="0" * 64), CHANGE, "on other data"),
    ("other data, margins", lambda b: part(b, "data", fingerprint="f" * 64), MARGIN, "on other data"),
    ("classes in another order", lambda b: part(b, "data", class_names=b.data.class_names[::-1]), CHANGE, "names"),
    ("a class renamed", lambda b: part(b, "data", class_names=["x", *b.data.class_names[1:]]), MARGIN, "names"),
    ("fewer class names", lambda b: part(b, "data", class_names=b.data.class_names[:-1]), CHANGE, ""),
    ("partial", lambda b: part(b, "coverage", missing=[(0, 1)], requested=3, reason="time"), CHANGE, "complete audit"),
    ("without pairs", lambda b: only(b), CHANGE, "complete audit"),
    ("one pair fewer", lambda b: only(b, (4, 9)), MARGIN, "not audited in the baseline"),
    ("one pair fewer, idc", lambda b: only(b, (3, 8)), IDC, "not audited in the baseline"),
    ("not valid", lambda b: b.model_copy(update={"validity": [v.model_copy(update={"status": "fail"})
        for v in b.validity]}), CHANGE, "baseline.validity."),
    ("margins by another route", lambda b: each_margins(b, lambda m: {"method": "other"}), MARGIN, "other routes"),
    ("no accuracy", lambda b: part(b, "performance", accuracy=NotMeasured(not_measured="no")), CHANGE, ""),
    ("no accuracy of a class", lambda b: part(b, "performance", per_class=[c.model_copy(update={
        "accuracy": NotMeasured(not_measured="no")}) for c in b.performance.per_class]), CLASSES, "in the baseline"),
    ("no share already wrong", lambda b: each_direction(b, lambda d: {"characteristics": {**d.characteristics,
        "already_wrong": NotMeasured(not_measured="no")}}), WRONG, "in the baseline"),
    ("no idc", lambda b: each_direction(b, lambda d: {"characteristics": {**d.characteristics,
        "idc": NotMeasured(not_measured="no")}}), IDC, "in the baseline"),
    ("measure unknown there", lambda b: b.model_copy(update={"definitions": {i: d for i, d in b.definitions.items()
        if i != "already_wrong"}}), WRONG, ""),
    ("a few margins", lambda b: each_margins(b, lambda m: {k: getattr(m, k)[:12] for k in ("index", "l2", "linf")}),
     MARGIN, "baseline.samples"),
    ("no margins", lambda b: each_margins(b, lambda m: {k: [] for k in ("index", "l2", "linf")}), MARGIN, "samples"),
    ("no margins on a split", lambda b: each_direction(b, lambda d: {"margins": {}}), MARGIN, "baseline.samples"),
    ("a few test samples", lambda b: part(b, "samples", test=b.samples.test.model_copy(update={
        k: getattr(b.samples.test, k)[:30] for k in type(b.samples.test).model_fields})), CHANGE, "baseline.samples"),
    ("wide: 100", narrow(100), CHANGE, ""),
    ("wide: 100, idc", narrow(100), IDC, ""),
    ("wide: half", narrow(0.45), IDC, "Not decided: the baseline"),
    ("wide: a fifth", narrow(0.2), IDC, "Not decided: the baseline"),
    ("open on both sides", lambda b: each_measure(b, "idc", ci_low=None, ci_high=None), IDC, "Not decided"),
    ("open where harm would show", lambda b: each_measure(b, "idc", value=0.0, ci_low=0.0, ci_high=None),
     IDC.replace("0.1", "0.001"), "Not decided"),
    ("a broken model's", lambda b: accuracy(other_samples(b), 0.6, -9.0, 9.0), CHANGE, ""),
    ("share of nothing", lambda b: each_measure(b, "idc", value=0.0, ci_low=0.0, ci_high=0.0),
     IDC.replace("0.1", "'10 %'"), "is 0 in the baseline"),
]  # fmt: skip


def refused_or_failed(arguments: list[str], said: str, capsys: Output) -> None:
    """It ends with a code that is not 0, says why, and nobody reads that the gate passed.

    Many a document made up here is refused already because it contradicts itself; the rule that it is meant for has to
    hold alone as well.
    """
    told = ended(arguments, capsys)
    if said not in told and "agree with themselves" in told:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(store, "check_agreement", lambda *_: None)
            told = ended(arguments, capsys)
    assert said in told


def ended(arguments: list[str], capsys: Output) -> str:
    """What a command says that must not end with 0."""
    status = main(arguments)
    out, err = capsys.readouterr()
    assert status in (1, 2, 3, 4)
    assert "Traceback" not in err
    assert "gate passed" not in out or status == 4
    assert "internal error" not in err
    assert bool(err) == (status != 1)
    return out + err


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with the candidate ``r.json``."""
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "SOURCE_DATE_EPOCH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.json").write_text(CANDIDATE)
    return tmp_path


CANDIDATE = to_json(AUDIT)


def policy(text: str) -> str:
    Path("p.toml").write_text(f"version = 1\n{text}")
    return "p.toml"


def test_a_baseline_that_is_alike_passes(folder: Path):
    (folder / "b.json").write_text(to_json(ACCEPTED))
    for rules in (CHANGE, MARGIN, IDC, EDC, CLASSES, WRONG):
        assert main(["gate", "r.json", "--policy", policy(rules), "--baseline", "b.json"]) == 0


@pytest.mark.parametrize(("change", "rules", "said"), [b[1:] for b in BASELINES], ids=[b[0] for b in BASELINES])
def test_a_baseline_that_is_not_alike(change: Change, rules: str, said: str, folder: Path, capsys: Output):
    (folder / "b.json").write_text(json.dumps(change(ACCEPTED).model_dump(mode="json")))
    refused_or_failed(["gate", "r.json", "--policy", policy(rules), "--baseline", "b.json"], said, capsys)


OWN: dict[str, Callable[[Path, Path], object]] = {
    "itself": lambda mine, other: other.hardlink_to(mine),
    "a link": lambda mine, other: other.symlink_to(mine),
    "a copy": lambda mine, other: other.write_bytes(mine.read_bytes()),
    "on one line": lambda mine, other: other.write_text(json.dumps(json.loads(mine.read_text()))),
    "with a gate": lambda mine, other: other.write_text(
        to_json(AUDIT.model_copy(update={"gate": Gate(status="passed", rules=[])}))
    ),
    "of another command": lambda mine, other: other.write_text(to_json(settings(AUDIT, command="--out elsewhere"))),
    "of another machine": lambda mine, other: other.write_text(
        to_json(AUDIT.model_copy(update={"environment": {"python": "3.13.1"}}))
    ),
}


@pytest.mark.parametrize("how", OWN)
def test_its_own_results_are_no_baseline(how: str, folder: Path, capsys: Output):
    OWN[how](folder / "r.json", folder / "b.json")
    arguments = ["gate", "r.json", "--policy", policy(CHANGE), "--baseline", "b.json"]
    refused_or_failed(arguments, "the results of another audit as baseline", capsys)


@pytest.mark.parametrize("place", ["out/results.json", "out/b.json", "out/deep/b.json", "out/../out/b.json", "b"])
@pytest.mark.parametrize("command", ["gate r.json", "none.onnx --data digits"])
def test_a_baseline_where_the_command_writes(command: str, place: str, folder: Path, capsys: Output):
    (folder / "out" / "deep").mkdir(parents=True)
    if place == "b":
        (folder / "out" / "results.json").write_text(to_json(ACCEPTED))
        (folder / "b").symlink_to(folder / "out" / "results.json")
    else:
        (folder / place).write_text(to_json(ACCEPTED))
    before = (folder / place).read_bytes()
    arguments = [*command.split(), "--policy", policy(CHANGE), "--baseline", place, "--out", "out"]
    refused_or_failed(arguments, "baseline outside of out" if place.endswith("/b.json") else "out", capsys)
    assert (folder / place).read_bytes() == before


# ---- audits that prove less than the accepted one ------------------------------------------------------


def sources(found: Results, count: int) -> Results:
    def fewer(d: Direction) -> dict[str, Any]:
        return {"generation": d.generation.model_copy(update={"requested": count, "boundary": count})}

    return each_direction(found, fewer)


NAMED = settings(AUDIT, pairs="4:9,3:8")
STARVED: list[tuple[str, Results, str]] = [
    ("a pair fewer", only(NAMED, (4, 9)), "coverage.pairs"),
    ("the other pair fewer", only(NAMED, (3, 8)), "coverage.pairs"),
    ("easier pairs", synthetic_results(images=False, chosen=[(0, 1), (0, 6)]), "coverage.pairs"),
    ("one pair exchanged", synthetic_results(images=False, chosen=[(4, 9), (0, 6)]), "coverage.pairs"),
    ("4 sources", sources(NAMED, 4), "coverage.samples"),
    ("2 sources", sources(NAMED, 2), "coverage.samples"),
    ("half of the sources", sources(NAMED, 90), "coverage.samples"),
    ("no source", sources(NAMED, 0), "coverage.samples"),
    ("quick", settings(NAMED, profile="quick"), "coverage.profile"),
    ("a profile of no name", settings(NAMED, profile=""), "coverage.profile"),
    ("paper", settings(NAMED, profile="paper"), "coverage.profile"),
]


@pytest.mark.parametrize(("found", "said"), [s[1:] for s in STARVED], ids=[s[0] for s in STARVED])
def test_an_audit_that_proves_less_than_the_accepted_one(found: Results, said: str, folder: Path, capsys: Output):
    (folder / "first.toml").write_text(first_policy(NAMED))
    (folder / "r.json").write_text(json.dumps(found.model_dump(mode="json")))
    refused_or_failed(["gate", "r.json", "--policy", "first.toml"], said, capsys)


def test_the_accepted_audit_passes_its_own_policy(folder: Path):
    (folder / "first.toml").write_text(first_policy(NAMED))
    (folder / "r.json").write_text(to_json(NAMED))
    assert main(["gate", "r.json", "--policy", "first.toml"]) == 0


ASKED = [
    "pairs = 3", "pairs = ['0:1']", "pairs = ['4:9', '3:8', '8:9']", "pairs = ['4:zebra']", "pairs = ['4']",
    "pairs = ['4:4']", "chosen = 'auto'", "samples = 100000", "profile = 'thorough'", "profile = 'Standard'",
    "pairs = 0", "pairs = []", "samples = -1", "", "pair = 2",
]  # fmt: skip


@pytest.mark.parametrize("asked", ASKED)
def test_a_coverage_that_is_not_there(asked: str, capsys: Output):
    text = f"[coverage]\n{asked}\n[[rules]]\nmeasure = 'performance.accuracy'\nmin = 0.5\n"
    refused_or_failed(["gate", "r.json", "--policy", policy(text)], "", capsys)


# ---- policies that would let all by --------------------------------------------------------------------

FAILS = "[[rules]]\nid = 'accuracy'\nmeasure = 'performance.accuracy'\nmin = 0.9999\nstrict = true\n"
PLACES = "[[rules]]\nid = 'margins'\nmeasure = 'characteristics.margin_l2_attack'\nmin = 99\n"


def waived(rules: str, *lines: str) -> str:
    return rules + "[[waivers]]\n" + "\n".join(lines) + "\n"


WHY, LAST = "reason = 'known'", "until = 2199-12-31"
POLICIES: list[tuple[str, str, str]] = [
    *((f"id {id}", FAILS.replace("'accuracy'", f"'{id}'"), "none of the tool's own") for id in (
        "validity", "validity.x", "Validity.X", "coverage", "coverage.pairs", "baseline", "baseline.seed",
        "policy", "policy.x", "waivers", "waivers.accuracy", "gate", "gate.status")),
    ("expired", waived(FAILS, "rule = 'accuracy'", WHY, "until = 2020-01-01"), "expired on 2020-01-01"),
    ("expired yesterday", waived(FAILS, "rule = 'accuracy'", WHY, "until = 0001-01-01"), "expired on 0001-01-01"),
    ("expired at its place", waived(PLACES, "rule = 'margins'", WHY, "until = 2020-01-01", "place = '4:9'"), "expired"),
    ("of another rule", waived(FAILS + PLACES, "rule = 'margins'", WHY, LAST), "FAIL"),
    ("of no rule", waived(FAILS, "rule = 'accurracy'", WHY, LAST), "'accurracy'"),
    ("of every rule", waived(FAILS, "rule = '*'", WHY, LAST), "'*'"),
    ("of validity", waived(FAILS, "rule = 'validity'", WHY, LAST), "'validity'"),
    ("of a coverage that is not asked for", waived(FAILS, "rule = 'coverage.pairs'", WHY, LAST), "coverage.pairs"),
    ("of a baseline that there is none", waived(FAILS, "rule = 'baseline.seed'", WHY, LAST), "baseline.seed"),
    ("without a reason", waived(FAILS, "rule = 'accuracy'", LAST), "waivers[0].reason"),
    ("for no reason", waived(FAILS, "rule = 'accuracy'", "reason = ''", LAST), "waivers[0].reason"),
    ("for blanks", waived(FAILS, "rule = 'accuracy'", "reason = ' \t '", LAST), "waivers[0].reason"),
    ("for ever", waived(FAILS, "rule = 'accuracy'", WHY), "waivers[0].until"),
    ("until some day", waived(FAILS, "rule = 'accuracy'", WHY, "until = 'never'"), "waivers[0].until"),
    ("until a year", waived(FAILS, "rule = 'accuracy'", WHY, "until = 2199"), "waivers[0].until"),
    ("until an hour", waived(FAILS, "rule = 'accuracy'", WHY, "until = 2199-12-31T00:00:00Z"), "waivers[0].until"),
    ("with a key more", waived(FAILS, "rule = 'accuracy'", WHY, LAST, "always = true"), "waivers[0].always"),
    ("twice", waived(FAILS, "rule = 'accuracy'", WHY, LAST, "[[waivers]]", "rule = 'accuracy'", WHY, LAST), "two"),
    ("at a place of the model", waived(FAILS, "rule = 'accuracy'", WHY, LAST, "place = '4:9'"), "no place"),
    ("at another place", waived(PLACES, "rule = 'margins'", WHY, LAST, "place = '4:9'"), "FAIL"),
    ("at no place", waived(PLACES, "rule = 'margins'", WHY, LAST, "place = '0:1'"), "was not audited"),
    ("of a mean at a place", waived(PLACES + "aggregate = 'mean'\n", "rule = 'margins'", WHY, LAST, "place = '4:9'"),
     "no place"),
    ("waivers that are none", "waivers = 3\n" + FAILS, "waivers"),
    ("waivers in a table", "waivers = {rule = 'accuracy'}\n" + FAILS, "waivers"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), [p[1:] for p in POLICIES], ids=[p[0] for p in POLICIES])
def test_a_policy_that_would_let_all_by(text: str, said: str, folder: Path, capsys: Output):
    worse = each_measure(accuracy(AUDIT, 0.5, 0.45, 0.55), "margin_l2_attack", value=0.1, ci_low=0.09, ci_high=0.11)
    (folder / "r.json").write_text(json.dumps(worse.model_dump(mode="json")))
    refused_or_failed(["gate", "r.json", "--policy", policy(text)], said, capsys)


# ---- documents that do not agree with themselves ---------------------------------------------------------

PASSES = "[coverage]\npairs = 2\n[[rules]]\nmeasure = 'performance.accuracy'\nmin = 0.5\n"


def verdict(found: Results, gate: Gate) -> Results:
    return found.model_copy(update={"gate": gate})


def pairs(found: Results, *chosen: Any) -> Results:
    return found.model_copy(update={"pairs": [*chosen]})


def directions(found: Results, of: Callable[[list[Direction]], list[Direction]]) -> Results:
    return pairs(found, *(p.model_copy(update={"directions": of(p.directions)}) for p in found.pairs))


FORGED: list[tuple[str, Change]] = [
    ("accuracy outside its interval", lambda r: accuracy(r, 0.1, 0.99, 1.0)),
    ("an interval upside down", lambda r: accuracy(r, 0.99, 1.0, 0.98)),
    ("accuracy above 1", lambda r: accuracy(r, 9.9, 9.8, 10.0)),
    ("accuracy of no sample", lambda r: accuracy(r, 0.99, 0.98, 1.0, n=0)),
    ("accuracy of fewer than no sample", lambda r: accuracy(r, 0.99, 0.98, 1.0, n=-5)),
    ("a confusion matrix of a worse model", lambda r: part(r, "performance", confusion=[
        [36 if j == (i + 1) % 10 else 0 for j in range(10)] for i in range(10)])),
    ("one pair twice", lambda r: part(pairs(r, r.pairs[0], r.pairs[0]), "coverage", audited=2)),
    ("one direction of each pair", lambda r: directions(r, lambda d: d[:1])),
    ("no direction of any pair", lambda r: directions(r, lambda d: [])),
    ("the good direction twice", lambda r: directions(r, lambda d: [d[0], d[0]])),
    ("coverage of all pairs", lambda r: part(r, "coverage", audited=45, requested=45)),
    ("a pair of one class", lambda r: pairs(r, r.pairs[1], r.pairs[0].model_copy(update={"classes": (4, 4)}))),
    ("a pair of no class", lambda r: pairs(r, r.pairs[1], r.pairs[0].model_copy(update={"classes": (4, 99)}))),
]  # fmt: skip
"""Refused by the reader of results.json, whatever the policy: no number of such a document is worth a rule."""


@pytest.mark.parametrize("change", [f[1] for f in FORGED], ids=[f[0] for f in FORGED])
def test_a_document_that_does_not_agree_with_itself(change: Change, folder: Path, capsys: Output):
    (folder / "r.json").write_text(json.dumps(change(AUDIT).model_dump(mode="json")))
    refused_or_failed(["gate", "r.json", "--policy", policy(PASSES)], "", capsys)


def test_a_verdict_in_the_document_decides_nothing(folder: Path, capsys: Output):
    rule = Rule(id="accuracy", status="pass", observed="1", threshold="at least 0", message="All is well.")
    told = verdict(accuracy(AUDIT, 0.5, 0.45, 0.55), Gate(status="passed", rules=[rule], holds=1))
    (folder / "r.json").write_text(json.dumps(told.model_dump(mode="json")))
    refused_or_failed(["gate", "r.json", "--policy", policy(FAILS)], "", capsys)


# ---- outputs that are left from before, and streams that are lost ------------------------------------------

LEFT = [
    ("none.onnx --data digits --quiet --out out", 3),
    ("page.onnx --data digits --quiet --out out", 3),
    ("nothing.onnx --data digits --quiet --out out", 3),
]


@pytest.mark.parametrize(("arguments", "status"), LEFT)
def test_an_earlier_verdict_is_not_that_of_a_run_that_failed(
    arguments: str, status: int, folder: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(running, "Workers", InThisProcess)
    (folder / "out").mkdir()
    (folder / "page.onnx").write_text("<!DOCTYPE html><html>Not found</html>")
    (folder / "nothing.onnx").write_bytes(b"")
    (folder / "out" / "results.json").write_text(to_json(verdict(AUDIT, Gate(status="passed", rules=[]))))
    assert main(arguments.split()) == status
    capsys.readouterr()
    refused_or_failed(["gate", "out/results.json", "--policy", policy(PASSES)], "", capsys)


LOST = [
    f"{command} --policy fails.toml {stream}"
    for command in ("gate r.json", "gate none.json")
    for stream in (">&-", "2>&-", ">&- 2>&-", ">/dev/full", "2>/dev/full", ">/dev/full 2>/dev/full", "| true")
]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("line", LOST)
def test_a_lost_stream_makes_no_pass_of_a_failure(line: str, folder: Path):
    (folder / "fails.toml").write_text(f"version = 1\n{FAILS}")
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f'"{COMMAND}" {line}'], cwd=folder, capture_output=True, check=False,
        env=environment(PYTHONUNBUFFERED=""), timeout=120,
    )  # fmt: skip
    assert done.returncode in (1, 3, 4)
    assert os.listdir(folder)
    assert b"gate passed" not in done.stdout


GATE_WAYS = len(BASELINES) + len(OWN) + 10 + len(STARVED) + len(ASKED) + len(POLICIES) + len(FORGED) + 1 + len(LEFT)
GATE_WAYS += len(LOST)
