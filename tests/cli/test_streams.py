"""Streams that are closed, full, broken or poor in characters: no verdict becomes another, results are written."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from auditor.standard_streams import Patient
from tests.cli.command import DIGITS_CNN, environment

POLICY = "version = 1\n[[rules]]\nmeasure = 'performance.accuracy'\nmin = {}\n"
GATE = "gate results.json --policy passes.toml --out out"
RENDER = "render results.json --format markdown --out out"
COMPARE = "compare results.json results.json --format json --out out"
INIT = "init-policy results.json --out out/first.toml"
AUDIT = f"{DIGITS_CNN} --data digits --pairs 3:8 --profile quick --samples-per-class 8 --format json --out out"

pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")


@pytest.fixture(scope="module")
def folder(audit: tuple[Path, object], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("streams")
    results = json.loads((audit[0] / "audit-digits_cnn" / "results.json").read_text())
    results["model"]["file"] = "m\N{SNOWMAN}.onnx"
    (folder / "results.json").write_text(json.dumps(results))
    (folder / "passes.toml").write_text(POLICY.format(0.1))
    (folder / "fails.toml").write_text(POLICY.format(0.9999))
    return folder


def shell(arguments: str, streams: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command in a shell, which connects its streams."""
    line = f"{shlex.join([sys.executable, '-m', 'auditor', *shlex.split(arguments)])} {streams}"
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line], cwd=folder, env=environment(PYTHONUNBUFFERED="", **variables),
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "streams", "status"),
    [
        (GATE, ">&-", 4),
        (GATE, "> /dev/full", 4),
        (GATE, "| true", 4),
        (GATE.replace("passes", "fails"), "> /dev/full", 4),
        (GATE, "2>&-", 0),
        (GATE, "2> /dev/full", 0),
        (GATE, ">&- 2>&- <&-", 4),
        (GATE.replace("passes", "fails"), "2>&-", 1),
        (RENDER, ">&- 2> /dev/full", 0),
        (COMPARE, ">&- 2>&- <&-", 0),
        (INIT, ">&- 2>&-", 0),
        ("--help", "> /dev/full", 4),
        ("--version", ">&-", 4),
    ],
)
def test_a_lost_stream(arguments: str, streams: str, status: int, folder: Path, tmp_path: Path) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "out").mkdir()
    done = shell(arguments, streams, tmp_path)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
    if status == 4 and "2>" not in streams:
        assert "expected to write to standard output" in done.stderr
    assert arguments.startswith("--") or os.listdir(tmp_path / "out")


@pytest.mark.parametrize("streams", ["2> /dev/full >&-", "2> >(head -1 > /dev/null)"])
def test_an_audit_writes_its_results_whatever_becomes_of_its_words(streams: str, tmp_path: Path) -> None:
    done = shell(AUDIT, streams, tmp_path)
    assert done.returncode == 0, done.stderr
    assert sorted(os.listdir(tmp_path / "out")) == ["results.json", "run.json"]


@pytest.mark.parametrize(
    "variables", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}]
)
def test_what_a_stream_has_no_characters_for_is_escaped(variables: dict[str, str], folder: Path) -> None:
    done = shell("render results.json --format json,markdown --out 'o\N{SNOWMAN}'", "", folder, **variables)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "wrote o\\u" in done.stderr


def test_warnings_that_are_errors_elsewhere_are_none_here(tmp_path: Path) -> None:
    done = shell(AUDIT, "", tmp_path, PYTHONWARNINGS="error")
    assert done.returncode == 0, done.stderr


def test_a_deleted_working_folder_is_refused_in_one_line(tmp_path: Path) -> None:
    line = f"mkdir gone && cd gone && rmdir ../gone && {shlex.join([sys.executable, '-m', 'auditor'])} list"
    done = subprocess.run(
        ["bash", "-c", line], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 4
    (said,) = done.stderr.splitlines()
    assert said.startswith("deepdig-audit: error: expected a working folder; found: ")


def test_a_slow_reader_of_a_pipe_that_does_not_block_gets_everything() -> None:
    inner, outer = os.pipe()
    os.set_blocking(outer, False)
    reader = subprocess.Popen(["bash", "-c", "sleep 0.3; wc -c"], stdin=inner, stdout=subprocess.PIPE, text=True)
    os.close(inner)
    with open(outer, "wb", buffering=0) as raw:
        stream = Patient(raw)
        assert stream.write(b"x" * 300_000) == 300_000
        assert stream.lost is None
    out, _ = reader.communicate(timeout=60)
    assert int(out) == 300_000
