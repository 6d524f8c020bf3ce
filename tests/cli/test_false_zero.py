"""The false-0 hunt: every way to run nothing, or half, that we could think of; none may end with exit code 0.

Each ends with the code that its kind has, says why in one line on standard error, and shows no traceback. ``EARLY`` is
told from the options and small files alone, without torch and before a worker starts; ``LATE`` takes a look at the
model and the data, here in this process; ``INSTALLED`` runs the installed command as a user does, worker and all.
"""

from __future__ import annotations

import io
import json
import pickle
import shlex
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from auditor.api import run_audit as running
from auditor.cli import main
from auditor.documents.results import Results, to_json
from tests.cli.command import DIGITS_CNN, environment
from tests.cli.in_this_process import InThisProcess
from tests.cli.test_action import REFUSED
from tests.cli.test_false_zero_gate import GATE_WAYS
from tests.render.sample_results import agreeing, synthetic_results

Output = pytest.CaptureFixture[str]
PREFIX = "deepdig-audit: error: "
PASS = "[[rules]]\nmeasure = 'performance.accuracy'\nmin = 0.5\n"
CHANGE = "[[rules]]\nmeasure = 'performance.accuracy'\nmax_decrease = 0.5\n"
POLICIES = {
    "pass": PASS,
    "change": CHANGE,
    "nothing": "",
    "no_rules": "rules = []\n",
    "unknown_key": PASS + "minimum = 3\n",
    "unknown_measure": "[[rules]]\nmeasure = 'performance.accurracy'\nmin = 0.5\n",
    "unknown_characteristic": "[[rules]]\nmeasure = 'characteristics.margin'\nmin = 0.5\n",
    "nan": "[[rules]]\nmeasure = 'performance.accuracy'\nmin = nan\n",
    "idle": "[[rules]]\nmeasure = 'performance.accuracy'\nmin = 0.0\n",
    "percent": "[[rules]]\nmeasure = 'performance.accuracy'\nmin = 95\n",
    "no_limit": "[[rules]]\nmeasure = 'performance.accuracy'\n",
    "matches_nothing": "[[rules]]\nmeasure = 'generation.success_rate'\npairs = ['0:1']\nmin = 0.5\n",
    "unknown_class": "[[rules]]\nmeasure = 'performance.per_class.accuracy'\nclasses = ['zebra']\nmin = 0.5\n",
    "no_places": "[[rules]]\nmeasure = 'generation.success_rate'\npairs = []\nmin = 0.5\n",
    "skipped": "[[rules]]\nmeasure = 'characteristics.edc_train_distance_misclassified'\nmax = 0.9\nseverity='warn'\n",
    "more_pairs": PASS + "[coverage]\npairs = 45\n",
}  # fmt: skip


def changed(results: Results, **facts: Any) -> Results:
    """The results of an audit of other data."""
    return results.model_copy(update={"data": results.data.model_copy(update=facts)})


def partial(results: Results) -> Results:
    """The results without a pair that was asked for."""
    missing = {"missing": [(0, 1)], "requested": 3, "reason": "the time budget was spent"}
    return results.model_copy(update={"coverage": results.coverage.model_copy(update=missing)})


def broken(results: Results) -> Results:
    """The results of an audit whose first check failed."""
    first, *rest = results.validity
    return results.model_copy(update={"validity": [first.model_copy(update={"status": "fail"}), *rest]})


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Small files by name."""
    audit = synthetic_results(images=False, chosen=[(4, 9), (3, 8)])
    text = to_json(audit)
    none = audit.model_copy(
        update={"pairs": [], "coverage": audit.coverage.model_copy(update={"audited": 0, "requested": 0})}
    )
    files = {
        "r.json": text, "half.json": text[: len(text) // 2], "empty.json": "", "list.json": "[]",
        "old.json": text.replace('"schema_version": "3.0"', '"schema_version": "0.1"', 1),
        "less.json": json.dumps({key: value for key, value in json.loads(text).items() if key != "validity"}),
        "nan.json": text.replace('"value": ', '"value": NaN, "was": ', 1),
        "other.json": to_json(changed(audit, fingerprint="0" * 64)),
        "others.json": to_json(agreeing(changed(audit, class_names=[*audit.data.class_names[:-1], "ten"]))),
        "partial.json": to_json(agreeing(partial(audit))), "broken.json": to_json(broken(audit)),
        "none.json": to_json(agreeing(none)),
        "unknown.toml": "profil = 'quick'\n", "bad.toml": "profile = ", "table.toml": "[profile]\nname = 'quick'\n",
        "format.toml": "format = []\n", "seed.toml": "seed = 'one'\n", "kept.toml": "mine", "file": "",
        "page.onnx": "<!DOCTYPE html><html>Not found</html>", "nothing.onnx": "",
        "pointer.onnx": "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
        **{f"{name}.policy": f"version = 1\n{rules}" for name, rules in POLICIES.items()},
        "blank.policy": "", "version.policy": f"version = 2\n{PASS}",
    }  # fmt: skip
    return {name: content.encode() for name, content in files.items()} | {"latin.policy": b"\xe9t\xe9"}


@pytest.fixture
def folder(made: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with the small files and things that stand in the way."""
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    for name, content in made.items():
        (tmp_path / name).write_bytes(content)
    for taken in ("results.json", "report.html", "summary.md", "compare.html", "p.toml"):
        (tmp_path / "taken" / taken).mkdir(parents=True)
    return tmp_path


AUDIT = f"{DIGITS_CNN} --data digits --profile quick --quiet"
RUN, GATE = f"{AUDIT} --out out", "gate r.json --policy"
EARLY = [
    # The audit: options
    ("", 2, "MODEL"),
    (f"{DIGITS_CNN}", 2, "--data"),
    ("--data digits", 2, "MODEL"),
    (f"{RUN} --pairz 4:9", 2, "--pairz"),
    (f"{RUN} --format ''", 2, "found none"),
    (f"{RUN} --format ,", 2, "found none"),
    (f"{RUN} --format xml", 2, "found xml"),
    (f"{RUN} --time-budget 0", 2, "--time-budget"),
    (f"{RUN} --time-budget soon", 2, "--time-budget"),
    (f"{RUN} --mean a", 2, "--mean"),
    (f"{RUN} --mean ''", 2, "--mean"),
    (f"{RUN} --std 0", 2, "--std"),
    (f"{RUN} --std inf", 2, "--std"),
    (f"{RUN} --profile fast", 2, "quick, standard, thorough, paper"),
    (f"{RUN} --samples-per-class 0", 2, "--samples-per-class"),
    (f"{RUN} --samples-per-class -4", 2, "--samples-per-class"),
    (f"{RUN} --max-pairs 0", 2, "--max-pairs"),
    (f"{RUN} --expect-sha256 12", 2, "64 hexadecimal digits"),
    (f"{RUN} --class-names one", 2, "--class-names"),
    (f"{RUN} --class-names a,a", 2, "--class-names"),
    (f"{RUN} --config none.toml", 2, "none.toml"),
    (f"{RUN} --config taken", 2, "taken"),
    (f"{RUN} --config unknown.toml", 2, "found profil in unknown.toml"),
    (f"{RUN} --config bad.toml", 2, "expected TOML"),
    (f"{RUN} --config table.toml", 2, "profile in table.toml"),
    (f"{RUN} --config format.toml", 2, "--format"),
    (f"{RUN} --config seed.toml", 2, "--seed"),
    # The audit: the gate that it is to end with
    (f"{RUN} --policy none.policy", 2, "found none.policy"),
    (f"{RUN} --policy taken", 2, "found taken"),
    (f"{RUN} --policy blank.policy", 2, "version = 1"),
    (f"{RUN} --policy nothing.policy", 2, "at least one [[rules]]"),
    (f"{RUN} --policy nan.policy", 2, "rules[0].min"),
    (f"{RUN} --policy change.policy", 2, "expected --baseline"),
    (f"{RUN} --policy pass.policy --baseline r.json", 2, "leave --baseline out"),
    (f"{RUN} --baseline r.json", 2, "expected --policy"),
    (f"{RUN} --policy change.policy --baseline none.results", 3, "none.results"),
    (f"{RUN} --policy change.policy --baseline half.json", 3, "half.json"),
    (f"{RUN} --policy change.policy --baseline old.json", 3, "schema version 3.0"),
    # The audit: where it is to write
    (f"{AUDIT} --out file", 4, "found file"),
    (f"{AUDIT} --out file/deeper", 4, "found file/deeper"),
    # gate
    ("gate", 2, "RESULTS.json"),
    ("gate r.json", 2, "--policy"),
    ("gate none.results --policy pass.policy", 3, "none.results"),
    ("gate taken --policy pass.policy", 3, "taken"),
    ("gate half.json --policy pass.policy", 3, "half.json"),
    ("gate empty.json --policy pass.policy", 3, "empty.json"),
    ("gate list.json --policy pass.policy", 3, "list.json"),
    ("gate old.json --policy pass.policy", 3, "schema version 3.0"),
    ("gate less.json --policy pass.policy", 3, "validity"),
    ("gate nan.json --policy pass.policy", 3, "nan.json"),
    ("gate pass.policy --policy r.json", 2, "r.json"),
    (f"{GATE} none.policy", 2, "none.policy"),
    (f"{GATE} blank.policy", 2, "version = 1"),
    (f"{GATE} version.policy", 2, "version"),
    (f"{GATE} latin.policy", 2, "not UTF-8"),
    (f"{GATE} nothing.policy", 2, "at least one [[rules]]"),
    (f"{GATE} no_rules.policy", 2, "at least one [[rules]]"),
    (f"{GATE} unknown_key.policy", 2, "rules[0].minimum"),
    (f"{GATE} unknown_measure.policy", 2, "performance.accuracy"),
    (f"{GATE} unknown_characteristic.policy", 2, "characteristics.margin_l2"),
    (f"{GATE} nan.policy", 2, "rules[0].min"),
    (f"{GATE} idle.policy", 2, "can break"),
    (f"{GATE} percent.policy", 2, "0.95, not 95"),
    (f"{GATE} no_limit.policy", 2, "found none; keep one"),
    (f"{GATE} matches_nothing.policy", 2, "'0:1', which was not"),
    (f"{GATE} unknown_class.policy", 2, "'zebra'"),
    (f"{GATE} no_places.policy", 2, "rules[0].pairs"),
    (f"{GATE} change.policy", 2, "expected --baseline"),
    (f"{GATE} pass.policy --baseline r.json", 2, "leave --baseline out"),
    (f"{GATE} change.policy --baseline half.json", 3, "half.json"),
    (f"{GATE} change.policy --baseline taken", 3, "taken"),
    (f"{GATE} pass.policy --format html", 2, "expected --out"),
    (f"{GATE} pass.policy --format xml --out g", 2, "found xml"),
    (f"{GATE} pass.policy --out file", 4, "found file"),
    (f"{GATE} pass.policy --out taken", 2, "taken/results.json"),
    (f"{GATE} pass.policy --format markdown --out taken", 2, "taken"),
    ("gate partial.json --policy pass.policy", 4, "without 0:1"),
    # render
    ("render", 2, "RESULTS.json"),
    ("render none.results", 3, "none.results"),
    ("render half.json", 3, "half.json"),
    ("render taken", 3, "taken"),
    ("render r.json --format ''", 2, "found none"),
    ("render r.json --format json", 2, "json alone"),
    ("render r.json --format xml", 2, "found xml"),
    ("render r.json --out file --format html", 4, "found file"),
    ("render r.json --out taken --format html --quiet", 2, "taken/results.json"),
    # init-policy
    ("init-policy", 2, "RESULTS.json"),
    ("init-policy none.results", 3, "none.results"),
    ("init-policy half.json", 3, "half.json"),
    ("init-policy r.json --out kept.toml", 2, "--force"),
    ("init-policy r.json --out file/p.toml", 4, "found file"),
    ("init-policy r.json --out taken/p.toml --force", 4, "taken/p.toml"),
    ("init-policy broken.json", 3, "an accepted audit"),
    ("init-policy partial.json", 3, "a complete audit"),
    # compare
    ("compare r.json", 2, "BASELINE.json"),
    ("compare r.json none.results", 3, "none.results"),
    ("compare half.json r.json", 3, "half.json"),
    ("compare r.json other.json", 3, "--allow-different-data"),
    ("compare r.json others.json", 3, "--class-names"),
    ("compare r.json none.json", 3, "no pair that both have"),
    ("compare r.json r.json --format ''", 2, "found none"),
    ("compare r.json r.json --format junit", 2, "found junit"),
    ("compare r.json r.json --out file", 4, "found file"),
    ("compare r.json r.json --out taken --format html --quiet", 2, "compare.html"),
    # the others
    ("inspect", 2, "MODEL"),
    ("list everything", 2, "everything"),
    ("gates r.json --policy pass.policy", 2, "did you mean gate?"),
]


def refused(arguments: str, status: int, said: str, capsys: Output) -> None:
    assert main(shlex.split(arguments)) == status
    out, err = capsys.readouterr()
    if not arguments.startswith("gate "):  # which says its rules before what keeps it from passing
        assert out == ""
    (line,) = err.splitlines()
    assert line.startswith(PREFIX)
    assert said in line


@pytest.mark.parametrize(
    ("arguments", "status", "said"), EARLY, ids=[case[0].replace(str(DIGITS_CNN), "MODEL") for case in EARLY]
)
def test_told_before_the_work_begins(
    arguments: str, status: int, said: str, folder: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delattr(running, "Workers")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    refused(arguments, status, said, capsys)
    after = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    if status != 4:
        assert after == before
    assert {path: after[path] for path in before} == before


WITHOUT_TORCH = """
import json, shlex, sys
sys.modules["torch"] = None
from auditor.cli import main
print(json.dumps([main(shlex.split(line)) for line in json.load(sys.stdin)]), file=sys.__stdout__)
"""


def test_all_of_them_are_told_without_torch(folder: Path):
    """In one fresh process, in which torch cannot be imported."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH], input=json.dumps([case[0] for case in EARLY]), cwd=folder,
        env=environment(), capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    for (line, status, _), found in zip(EARLY, json.loads(done.stdout.splitlines()[-1]), strict=True):
        without = line.startswith(("gate ", "render", "compare r", "init-policy"))  # the others say what to install
        assert found == status if without else found in (status, 4), line
    assert "Traceback" not in done.stderr


UNKNOWING = [
    ("gate r.json --policy skipped.policy", "not measured"),
    ("gate r.json --policy more_pairs.policy", "the policy asks for 45"),
    ("gate broken.json --policy pass.policy", "validity."),
    ("gate none.json --policy pass.policy", "validity.generation"),
    ("gate r.json --policy change.policy --baseline other.json", "on other data"),
    ("gate r.json --policy change.policy --baseline others.json", "other class names"),
    ("gate r.json --policy change.policy --baseline broken.json", "baseline is not valid"),
    ("gate partial.json --policy more_pairs.policy", "the policy asks for 45"),
]


@pytest.mark.parametrize(("arguments", "why"), UNKNOWING)
def test_a_gate_that_cannot_know_fails(arguments: str, why: str, folder: Path, capsys: Output):
    assert main(shlex.split(arguments)) == 1
    out, err = capsys.readouterr()
    assert why in out
    assert out.splitlines()[-1].startswith("gate failed")
    assert err == ""


# ---- with a look at model and data -----------------------------------------------------------------


def npz(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def digits(**other: np.ndarray) -> bytes:
    rng = np.random.default_rng(0)
    return npz(**{"x": rng.random((60, 1, 8, 8), np.float32), "y": np.arange(60) % 10} | other)


def few(count: int) -> bytes:
    return digits(x=np.zeros((count, 1, 8, 8), np.float32), y=np.arange(count) % 10)


FILES: dict[str, Callable[[], bytes]] = {
    "none.npz": lambda: npz(), "empty.npz": lambda: b"", "zero.npz": lambda: few(0), "one.npz": lambda: few(1),
    "lone.npz": lambda: digits(y=np.zeros(60, int)), "short.npz": lambda: digits(y=np.arange(50) % 10),
    "twelve.npz": lambda: digits(y=np.arange(60) % 12), "object.npz": lambda: digits(y=np.array([None] * 60)),
    "nan.npz": lambda: digits(x=np.full((60, 1, 8, 8), np.nan, np.float32)),
    "wide.npz": lambda: digits(x=np.zeros((60, 50), np.float32)),
    "pickle.pt": lambda: pickle.dumps({"weights": [1.0]}),
    "half.onnx": lambda: DIGITS_CNN.read_bytes()[:2000],
}  # fmt: skip
ON = "--data digits --profile quick --quiet --out out"
LATE = [
    # the model
    (f"none.onnx {ON}", 3, "no file at none.onnx"),
    (f"taken {ON}", 3, "taken"),
    (f"nothing.onnx {ON}", 3, "an empty file"),
    (f"page.onnx {ON}", 3, "HTML page"),
    (f"pointer.onnx {ON}", 3, "git lfs pull"),
    (f"pickle.pt {ON}", 3, "pickle"),
    (f"half.onnx {ON}", 3, "half.onnx"),
    (f"render {ON}", 2, "--data"),
    (f"{RUN} --expect-sha256 {'0' * 64}", 3, "SHA-256"),
    (f"{RUN} --device tpu", 2, "--device"),
    (f"{RUN} --embedding nothing", 2, "nothing"),
    (f"{RUN} --output nothing", 2, "nothing"),
    (f"{RUN} --mean 0.1,0.2", 2, "--mean"),
    (f"{RUN} --generator guess", 2, "unknown generator 'guess'"),
    # the data
    (f"{DIGITS_CNN} --quiet --data digit --out out", 3, "'digit'"),
    (f"{DIGITS_CNN} --quiet --data bare --out out", 3, "bare"),
    (f"{DIGITS_CNN} --quiet --data hollow --out out", 3, "hollow"),
    (f"{DIGITS_CNN} --quiet --data mnist --no-download --data-root bare --out out", 3, "download"),
    *((f"{DIGITS_CNN} --quiet --data {name} --out out", 3, "") for name in FILES if name.endswith(".npz")),
    (f"{RUN} --class-names a,b,c", 2, "--class-names"),
    # the pairs
    (f"{RUN} --pairs ''", 2, "--pairs"),
    (f"{RUN} --pairs ,", 2, "at least one pair"),
    (f"{RUN} --pairs 3:12", 2, "indices 0 to 9"),
    (f"{RUN} --pairs 4:zebra", 2, "--pairs"),
    (f"{RUN} --pairs 3:3", 2, "two different classes"),
    (f"{RUN} --pairs 4:9,3:3", 2, "two different classes"),
    (f"{RUN} --pairs 49", 2, "--pairs"),
    (f"{RUN} --max-pairs 3", 2, "found 45"),
    # the gate: whether a name is that of a characteristic takes torch to know
    (f"{RUN} --policy unknown_measure.policy", 2, "performance.accuracy"),
    # half: no time for any pair, a policy that asks for nothing of pairs, an output folder that is in the way
    (f"{RUN} --format json --time-budget 1ms", 2, "--time-budget"),
    (f"{RUN} --format json --time-budget 0.001s", 4, "found 0 audited"),
    (f"{RUN} --format json --pairs auto --time-budget 0.001s", 4, "found 0 audited"),
    (f"{RUN} --format json --pairs auto --time-budget 0.001s --policy pass.policy", 1, "the gate failed"),
    (f"{AUDIT} --out taken --format json --pairs auto --time-budget 0.001s", 2, "taken/results.json"),
]


@pytest.mark.parametrize(
    ("arguments", "status", "said"), LATE, ids=[case[0].replace(str(DIGITS_CNN), "MODEL") for case in LATE]
)
def test_told_after_a_look_at_model_and_data(
    arguments: str, status: int, said: str, folder: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(running, "Workers", InThisProcess)
    (folder / "bare").mkdir()
    (folder / "hollow" / "cat").mkdir(parents=True)
    (folder / "hollow" / "dog").mkdir()
    for name in FILES:
        if name in arguments:
            (folder / name).write_bytes(FILES[name]())
    refused(arguments, status, said, capsys)


# ---- the installed command -------------------------------------------------------------------------

COMMAND = Path(sysconfig.get_path("scripts")) / "deepdig-audit"
INSTALLED = [
    (f"none.onnx {ON}", 3, "no file at none.onnx"),
    (f"{DIGITS_CNN} --quiet --data bare", 3, "bare"),
    (f"{RUN} --pairs 3:3", 2, "two different classes"),
    (f"{RUN} --format json --pairs auto --time-budget 0.001s --policy pass.policy", 1, "the gate failed"),
    (f"{AUDIT} --out file", 4, "found file"),
    ("gate half.json --policy pass.policy", 3, "half.json"),
]


@pytest.mark.parametrize(("arguments", "status", "said"), INSTALLED, ids=[case[2] for case in INSTALLED])
def test_the_installed_command_says_the_same(arguments: str, status: int, said: str, folder: Path):
    (folder / "bare").mkdir()
    done = subprocess.run(
        [COMMAND, *shlex.split(arguments)], cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stdout) == (status, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(PREFIX)
    assert said in line


UNWRITTEN = ["gate r.json --policy pass.policy", "gate r.json --policy pass.policy --json", "list"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("arguments", UNWRITTEN)
def test_a_verdict_that_could_not_be_written_is_none(arguments: str, folder: Path):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [COMMAND, *shlex.split(arguments)], cwd=folder, env=environment(PYTHONUNBUFFERED=""), stdout=full,
            stderr=subprocess.PIPE, text=True, check=False, timeout=120,
        )  # fmt: skip
    assert done.returncode == 4
    (line,) = done.stderr.splitlines()
    assert "standard output" in line


# ---- models that say nothing, or another thing later ---------------------------------------------------

SMALL = "--data digits --profile quick --pairs 3:8 --samples-per-class 16 --format json --quiet --out out"


class Constant(torch.nn.Module):
    """The same class for everything, by a little more for brighter images where ``slope`` is not 0."""

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.slope = slope

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores = torch.zeros(x.shape[0], 10)
        scores[:, 3] = 1.0 + self.slope * x.flatten(1).mean(dim=1)
        return scores


class Changing(torch.nn.Module):
    """The right answers for a number of calls, then those of the class beside it."""

    def __init__(self, calls: int) -> None:
        super().__init__()
        self.whole = torch.nn.Linear(64, 10)
        self.register_buffer("seen", torch.zeros(1))
        self.calls = float(calls)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen += 1
        scores = self.whole(x.flatten(1))
        if bool(self.seen > self.calls):
            return torch.roll(scores, 1, 1)
        return scores


def changing(calls: int) -> torch.nn.Module:
    """With weights that are right on digits, by least squares."""
    found = Changing(calls)
    x, y = load_digits(return_X_y=True)
    pixels = np.concatenate([x / 16, np.ones((len(x), 1))], axis=1)
    weights, *_ = np.linalg.lstsq(pixels, 8.0 * np.eye(10)[y], rcond=None)
    with torch.no_grad():
        found.whole.weight.copy_(torch.from_numpy(weights[:-1].T))
        found.whole.bias.copy_(torch.from_numpy(weights[-1]))
    return found


MODELS: dict[str, Callable[[], torch.nn.Module]] = {
    "constant": lambda: Constant(0.0),
    "nearly constant": lambda: Constant(0.01),
    "another after 30 calls": lambda: changing(30),
    "another after 100 calls": lambda: changing(100),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_of_which_nothing_can_be_said(name: str, folder: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(running, "Workers", InThisProcess)
    monkeypatch.setenv("DEEPDIG_AUDIT_SANDBOX", "off")
    torch.jit.script(MODELS[name]()).save("model.pt")
    assert main(["model.pt", *shlex.split(SMALL), "--trust-model"]) in (3, 4)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(PREFIX)


def test_there_are_enough_ways():
    """The ways of this file, those at the gate, and the action's; each is a test that ends with another code than 0."""
    here = [case[0] for cases in (EARLY, LATE, UNKNOWING) for case in cases]
    assert len(set(here)) == len(here)
    ways = len(here) + len(INSTALLED) + len(UNWRITTEN) + len(MODELS) + GATE_WAYS + len(REFUSED)
    assert ways >= 260
