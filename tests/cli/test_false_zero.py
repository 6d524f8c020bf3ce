"""The hunt for a false 0: ways to run nothing or half of what was meant. None ends with 0, each says why in one line.

Every case runs the command in a process of its own. Those that start no worker end before torch is imported.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from auditor.results import Results, to_json
from tests.cli.command import DIGITS_CNN, run
from tests.render.sample_results import flagged, synthetic_results

ACCURACY = "[[rules]]\nmeasure = 'performance.accuracy'\n"
HEAD = "version = 1\n"
CHANGE = HEAD + ACCURACY + "max_decrease = 0.1\n"
MARGIN = "[[rules]]\nmeasure = 'characteristics.margin_l2_attack'\n"
BASE = synthetic_results(images=False, chosen=[(4, 9), (3, 8)])

POLICIES = {
    "pass": HEAD + ACCURACY + "min = 0.5\n",
    "change": CHANGE,
    "nothing": "",
    "no rules": HEAD,
    "empty rules": HEAD + "rules = []\n",
    "only validity": HEAD + "[validity]\nwarn = 'fail'\n",
    "no toml": "min 0.5",
    "unknown key": HEAD + ACCURACY + "min = 0.5\nskip = true\n",
    "unknown measure": HEAD + "[[rules]]\nmeasure = 'performance.acuracy'\nmin = 0.5\n",
    "unknown characteristic": HEAD + "[[rules]]\nmeasure = 'characteristics.margin'\nmin = 0.5\n",
    "no limit": HEAD + ACCURACY,
    "two limits": HEAD + ACCURACY + "min = 0.5\nmax = 0.9\n",
    "nan": HEAD + ACCURACY + "min = nan\n",
    "infinity": HEAD + ACCURACY + "min = -inf\n",
    "text for a number": HEAD + ACCURACY + "min = '0.5'\n",
    "never fails": HEAD + ACCURACY + "min = 0\n",
    "percent": HEAD + ACCURACY + "max = 100\n",
    "whole decrease": HEAD + ACCURACY + "max_decrease = '100 %'\n",
    "other version": "version = 2\n" + ACCURACY + "min = 0.5\n",
    "unaudited pair": HEAD + MARGIN + "pairs = ['0:1']\nmin = 0.1\n",
    "unknown class": HEAD + MARGIN + "pairs = ['4:ten']\nmin = 0.1\n",
    "no pair named": HEAD + MARGIN + "pairs = []\nmin = 0.1\n",
    "not measured": HEAD + "[[rules]]\nmeasure = 'characteristics.edc_train_distance_misclassified'\nmax = 0.9\n",
    "not measured, warn": HEAD
    + "[[rules]]\nmeasure = 'characteristics.edc_train_distance_misclassified'\nmax = 0.9\nseverity = 'warn'\n",
    "more pairs": HEAD + "[coverage]\npairs = 3\n" + ACCURACY + "min = 0.5\n",
    "fails": HEAD + ACCURACY + "min = 0.9999\n",
    "straddles, strict": HEAD + "strict = true\n" + ACCURACY + "min = 0.98\n",
}


def changed(part: str, **update: object) -> Results:
    return BASE.model_copy(update={part: getattr(BASE, part).model_copy(update=update)})


TEXT = to_json(BASE)
DOCUMENTS: dict[str, str | bytes] = {
    "results": TEXT,
    "empty": "",
    "truncated": TEXT[: len(TEXT) // 2],
    "other version": TEXT.replace('"schema_version": "1.0"', '"schema_version": "0.9"', 1),
    "unknown key": TEXT.replace('"tool"', '"more": 1, "tool"', 1),
    "nan": TEXT.replace('"value": ', '"value": NaN, "was": ', 1),
    "not text": b"\xff\xfe\x00",
    "a list": "[]",
    "other data": to_json(changed("data", fingerprint="other")),
    "other classes": to_json(changed("data", class_names=list("abcdefghij"))),
    "other pairs": to_json(synthetic_results(images=False, chosen=[(0, 1)])),
    "no pairs": to_json(BASE.model_copy(update={"pairs": []})),
    "not valid": to_json(flagged(BASE, "fail", "near chance")),
    "no checks": to_json(BASE.model_copy(update={"validity": []})),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Policies, results and data of every kind that a case names; cases leave nothing behind that another reads."""
    folder = tmp_path_factory.mktemp("hunt")
    for name, text in POLICIES.items():
        (folder / f"{name}.toml").write_text(text)
    (folder / "latin.toml").write_bytes(b"# caf\xe9\nversion = 1\n")
    for name, document in DOCUMENTS.items():
        (folder / f"{name}.json").write_bytes(document if isinstance(document, bytes) else document.encode())
    (folder / "a file").write_text("")
    (folder / "bad key.toml").write_text("pears = 'all'")
    (folder / "cut.onnx").write_bytes(DIGITS_CNN.read_bytes()[:2000])
    (folder / "no images" / "train" / "a").mkdir(parents=True)
    (folder / "one class" / "a").mkdir(parents=True)
    for i in range(4):
        Image.fromarray(np.full((8, 8), 60 * i, np.uint8)).save(folder / "one class" / "a" / f"{i}.png")
    return folder


AUDIT = (str(DIGITS_CNN), "--data", "digits", "--profile", "quick", "--samples-per-class", "8", "--format", "json")
GATE = ("gate", "results.json", "--policy")


def gate_with(policy: str) -> tuple[str, ...]:
    return (*GATE, f"{policy}.toml")


def against(baseline: str) -> tuple[str, ...]:
    return (*GATE, "change.toml", "--baseline", f"{baseline}.json")


def of(results: str) -> tuple[str, ...]:
    return ("gate", f"{results}.json", "--policy", "pass.toml")


CASES: dict[str, tuple[tuple[str, ...], int]] = {
    # Half a command line.
    "no argument": ((), 2),
    "no data": ((str(DIGITS_CNN),), 2),
    "no policy": (("gate", "results.json"), 2),
    "one side": (("compare", "results.json"), 2),
    "unknown command": (("gates", "results.json"), 2),
    "unknown option": ((*AUDIT, "--polcy", "pass.toml"), 2),
    # Nothing to write.
    "empty format": ((*AUDIT[:-1], ""), 2),
    "format of commas": (("render", "results.json", "--format", ",,"), 2),
    "unknown format": ((*AUDIT[:-1], "docx"), 2),
    "empty format of a comparison": (("compare", "results.json", "results.json", "--format", ""), 2),
    "a format and nowhere to write": ((*gate_with("pass"), "--format", "junit"), 2),
    "out is a file": ((*AUDIT, "--out", "a file"), 4),
    "out is in a file": ((*AUDIT, "--out", "a file/out"), 4),
    "a comparison into a file": (("compare", "results.json", "results.json", "--out", "a file"), 4),
    "a gate into a file": ((*gate_with("pass"), "--out", "a file"), 4),
    "a policy into a file": (("init-policy", "results.json", "--out", "a file/p.toml"), 4),
    "a policy over another": (("init-policy", "results.json", "--out", "pass.toml"), 2),
    # Configurations and policies.
    "missing configuration": ((*AUDIT, "--config", "none.toml"), 2),
    "configuration with an unknown key": ((*AUDIT, "--config", "bad key.toml"), 2),
    "missing policy": ((*GATE, "none.toml"), 2),
    "a folder as policy": ((*GATE, "no images"), 2),
    "policy in another encoding": ((*GATE, "latin.toml"), 2),
    **{
        f"policy: {name}": (gate_with(name), 2)
        for name in POLICIES
        if name not in ("pass", "not measured", "not measured, warn", "more pairs", "fails", "straddles, strict")
    },
    "policy: not measured": (gate_with("not measured"), 1),
    "policy: not measured, severity warn": (gate_with("not measured, warn"), 1),
    "policy: more pairs than audited": (gate_with("more pairs"), 1),
    "policy: fails": (gate_with("fails"), 1),
    "policy: straddles under strict": (gate_with("straddles, strict"), 1),
    "an audit with a policy without rules": ((*AUDIT, "--policy", "no rules.toml"), 2),
    "an audit with a policy of an unknown measure": ((*AUDIT, "--policy", "unknown measure.toml"), 2),
    "an audit with a missing policy": ((*AUDIT, "--policy", "none.toml"), 2),
    "an audit with a relative policy and no baseline": ((*AUDIT, "--policy", "change.toml"), 2),
    # Baselines.
    "a baseline without a policy": ((*AUDIT, "--baseline", "results.json"), 2),
    "a baseline that no rule uses": ((*gate_with("pass"), "--baseline", "results.json"), 2),
    "an audit with a missing baseline": ((*AUDIT, "--policy", "change.toml", "--baseline", "none.json"), 3),
    "an audit with a truncated baseline": ((*AUDIT, "--policy", "change.toml", "--baseline", "truncated.json"), 3),
    "missing baseline": (against("none"), 3),
    "empty baseline": (against("empty"), 3),
    "truncated baseline": (against("truncated"), 3),
    "baseline of another version": (against("other version"), 3),
    "baseline that is no text": (against("not text"), 3),
    "baseline of other data": (against("other data"), 1),
    "baseline of other classes": (against("other classes"), 1),
    # Results.
    "missing results": (of("none"), 3),
    **{
        f"results: {name}": (of(name), 3)
        for name in ("empty", "truncated", "other version", "unknown key", "nan", "not text", "a list")
    },
    "results: not valid": (of("not valid"), 1),
    "results: no checks": (of("no checks"), 1),
    "results without pairs, a rule on pairs": (("gate", "no pairs.json", "--policy", "unaudited pair.toml"), 2),
    "render of nothing": (("render", "none.json"), 3),
    "render of truncated results": (("render", "truncated.json"), 3),
    "a policy from results that are not valid": (("init-policy", "not valid.json", "--out", "new.toml"), 3),
    "a policy from truncated results": (("init-policy", "truncated.json", "--out", "new.toml"), 3),
    "comparison with other data": (("compare", "results.json", "other data.json"), 3),
    "comparison with other classes": (("compare", "results.json", "other classes.json"), 3),
    "comparison without a common pair": (("compare", "results.json", "other pairs.json"), 3),
    "comparison with truncated results": (("compare", "results.json", "truncated.json"), 3),
    # Models and data: these start the worker.
    "typo in the model": (("digit_cnn.onnx", *AUDIT[1:]), 3),
    "half a model": (("cut.onnx", *AUDIT[1:]), 3),
    "typo in the data": ((AUDIT[0], "--data", "digts", *AUDIT[3:]), 3),
    "data without images": ((AUDIT[0], "--data", "no images", *AUDIT[3:]), 3),
    "data of one class": ((AUDIT[0], "--data", "one class", *AUDIT[3:]), 3),
    "zero pairs": ((*AUDIT, "--pairs", ""), 2),
    "a pair of no class": ((*AUDIT, "--pairs", "4:11"), 2),
    "a class with itself": ((*AUDIT, "--pairs", "4:4"), 2),
    "another model than expected": ((*AUDIT, "--expect-sha256", 64 * "0"), 3),
}


@pytest.mark.parametrize("case", CASES)
def test_nothing_or_half_never_ends_with_0(case: str, folder: Path):
    arguments, status = CASES[case]
    before = sorted(folder.rglob("*"))
    done = run(arguments, folder)
    assert done.status == status, done.stderr
    assert "Traceback" not in done.stderr
    if status != 1:
        assert done.error
        assert done.stdout == ""
    else:
        assert done.stdout.endswith("gate failed\n")
    if "--out" not in arguments and arguments[:1] != AUDIT[:1]:
        assert [
            path for path in sorted(folder.rglob("*")) if path not in before and path.parts[-1][:5] != "audit"
        ] == []


def test_there_are_more_than_forty_ways():
    assert len(CASES) > 70
    assert 0 not in {status for _, status in CASES.values()}


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a user whom rights bind")
@pytest.mark.parametrize("arguments", [(*AUDIT, "--out"), ("compare", "results.json", "results.json", "--out")])
def test_a_folder_that_may_not_be_written_to(arguments: tuple[str, ...], folder: Path, tmp_path: Path):
    tmp_path.chmod(0o500)
    try:
        assert run((*arguments, str(tmp_path)), folder).status == 4
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (("compare", "results.json", "results.json", "--format", "json", "--out"), "compare.json"),
        ((*gate_with("pass"), "--format", "markdown", "--out"), "summary.md"),
        (("render", "results.json", "--format", "sarif", "--out"), "results.sarif"),
    ],
)
def test_a_folder_in_the_place_of_an_output(arguments: tuple[str, ...], name: str, folder: Path, tmp_path: Path):
    (tmp_path / name / "in the way").mkdir(parents=True)
    assert run((*arguments, str(tmp_path)), folder).status == 4
