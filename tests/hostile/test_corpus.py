"""A quick selection of the hostile corpus: what it found stays mended, and the corpus can fail."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from auditor.worker.sandbox import landlock
from benchmarks.hostile import forks, tracing
from benchmarks.hostile.case import ACCEPTED, REFUSED, Outcome
from benchmarks.hostile.families import all_cases, spread
from benchmarks.hostile.mutations import mutants
from benchmarks.hostile.page import page
from benchmarks.hostile.runner import Runner
from benchmarks.hostile.verdicts import CANARY, Canaries, problems

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
    pytest.mark.skipif(not landlock.abi(), reason="this kernel has no Landlock"),
]

CASES = {case.name: case for case in all_cases()}
QUICK = (
    "onnx/size/constant-of-shape", "onnx/size/range", "onnx/size/behind-a-broken-node", "onnx/size/small-after-all",
    "onnx/size/expand-from-the-data", "onnx/control/200-nested-ifs", "onnx/control/loop-of-3",
    "onnx/function/40-doubling-functions-of-Relu", "onnx/function/900-functions-in-a-chain", "onnx/domain/python",
    "onnx/domain/unknown", "onnx/domain/onnxscript-not-local", "onnx/graph/a-cycle-to-the-scores",
    "onnx/name/control-characters", "onnx/name/bytes/latin", "onnx/external/far-above", "onnx/external/a-hard-link",
    "onnx/external/nul-in-the-name", "onnx/constant/huge-dims", "onnx/version/opset-999", "onnx/cut/100-bytes",
    "onnx/output/a-clipped-regressor", "onnx/input/rank-5", "torchscript/code/reads-a-file",
    "torchscript/code/overwrites-a-file", "torchscript/code/fails-with-control-characters",
    "torchscript/run/turns-hostile-later", "torchscript/run/turns-wide-later", "torchscript/archive/code-nested-deep",
    "torchscript/archive/duplicate-entries", "pickle/payload-in-a-checkpoint", "pt2/untrusted/payload",
    "other/html.onnx", "other/path/a-pipe", "other/path/a-name-too-long", "other/name/latin",
    "npz/pickled-objects", "npz/member/header-nested-deep", "npz/value/class-names-with-surrogates",
    "npz/path/a-name-too-long", "image/144-megapixels", "image/text-bomb", "folder/entry/a-pipe",
    "folder/entry/a-link-out", "folder/name/latin", "folder/name/every-byte/audit", "option/config/nested-deep",
    "option/class-names/one-line-of-10-MB",
)  # fmt: skip
COMMANDS = (
    "onnx/size/constant-of-shape", "onnx/external/far-above", "torchscript/code/reads-a-file",
    "torchscript/code/overwrites-a-file", "npz/pickled-objects", "folder/name/latin",
)  # fmt: skip


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    forks.warm_up()
    return Runner(tmp_path_factory.mktemp("hostile"), traced=tracing.available())


@pytest.mark.parametrize("name", QUICK)
def test_a_case_ends_as_it_should(name: str, runner: Runner):
    row = runner.case(CASES[name])
    assert row.problems == []
    assert row.status in CASES[name].codes


@pytest.mark.skipif(not Path(sys.executable).with_name("deepdig-audit").exists(), reason="needs the installed command")
@pytest.mark.parametrize("name", COMMANDS)
def test_the_installed_command_opens_nothing_outside_its_places(name: str, runner: Runner):
    row = runner.case(CASES[name], "command")
    assert row.problems == []


def test_damaged_files_are_refused_or_run(runner: Runner, tmp_path: Path):
    rows = [runner.mutant(mutant) for mutant in mutants(60, 7, tmp_path)]
    assert [row for row in rows if row.problems] == []
    assert {ACCEPTED, REFUSED} <= {row.status for row in rows}


def test_mutations_are_the_same_for_a_seed(tmp_path: Path):
    first, again, other = ([one.content for one in mutants(40, seed, tmp_path)] for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_the_corpus_is_large_and_every_case_has_a_reason():
    assert len(CASES) >= 300
    assert all(case.codes and case.why for case in CASES.values())
    families = {case.family for case in spread(list(CASES.values()), 100)}
    assert len(families) >= 25


def test_a_wrong_code_is_noticed(runner: Runner):
    row = runner.case(replace(CASES["onnx/size/constant-of-shape"], codes=(ACCEPTED,)))
    assert row.problems == ["exit code 3, not 0"]
    assert "1 wrong" in page([row], "", 1.0, False)


@pytest.mark.parametrize(
    ("stderr", "said"),
    [
        ("Traceback (most recent call last):\n", "a traceback"),
        ("deepdig-audit: error: bad\n", "does not say expected"),
        ("deepdig-audit: error: expected a; found b\x1b[2J; c\n", "control character"),
        ("deepdig-audit: error: expected a; found b; c\nmore\n", "1 lines that are nothing of ours"),
        (f"deepdig-audit: error: expected a; found {CANARY.decode().strip()}; c\n", "content of a file outside"),
    ],
)
def test_a_bad_ending_is_noticed(stderr: str, said: str):
    assert any(said in problem for problem in problems(Outcome(3, "", stderr, 1.0), (REFUSED,), 60.0))


def test_a_slow_command_is_noticed():
    assert problems(Outcome(0, "", "", 61.0), (ACCEPTED,), 60.0) == ["took 61 s, allowed 60 s"]


def test_changed_canaries_are_noticed_and_put_back(tmp_path: Path):
    canaries = Canaries(tmp_path / "outside")
    canaries.victim.write_bytes(b"changed")
    canaries.dropped.write_bytes(b"new")
    assert len(canaries.problems()) == 2
    assert canaries.problems() == []


def test_calls_beyond_the_places_are_noticed():
    log = [
        '7 openat(AT_FDCWD</a>, "x", O_RDONLY|O_CLOEXEC) = 3</secret/x>',
        '7 openat(AT_FDCWD</a>, "y", O_RDONLY|O_PATH) = 3</secret/y>',
        "7 clone3({flags=CLONE_VM|CLONE_THREAD}, 88 <unfinished ...>",
        '8 openat(AT_FDCWD</a>, "z", O_RDONLY <unfinished ...>',
        "7 <... clone3 resumed> => {parent_tid=[8]}, 88) = 8",
        "8 <... openat resumed>) = 4</allowed/z>",
        "8 socket(AF_INET, SOCK_STREAM, 0) = 5<TCP:[1]>",
        '8 openat(AT_FDCWD</a>, "/secret/w", O_RDONLY) = -1 EACCES (Permission denied)',
        '7     execve("/bin/sh", ["sh"], 0x1 /* 3 vars */) = 0',
        "8     +++ exited with 0 +++",
        '8     openat(AT_FDCWD</a>, "v", O_RDONLY) = 3</secret/v>',
    ]
    found = tracing.breaches(tracing.calls(log), ["/allowed"])
    started = "started /bin/sh"
    assert found == ["openat /secret/v", "openat /secret/x", "socket AF_INET, SOCK_STREAM, 0) = 5<TCP:[1]>", started]
