"""Mutated documents end every command as documented: no internal error, no hang, one line; and the named bad ones."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor.cli import main
from benchmarks.documents.reading import KINDS, read_mutations, working_folder
from benchmarks.documents.sound import sound_documents

SOUND = sound_documents()
POLICIES = {
    "nested without end": "x = " + "[" * 100_000,
    "nested deep": "x = " + "[" * 60 + "]" * 60,
    "a number of 5,000 digits": "x = " + "9" * 5_000,
    "a number of 40 digits": "version = 1\n[[rules]]\nmeasure = 'performance.accuracy'\nmin = " + "9" * 40,
    "a key of 50,000 parts": "a." * 50_000 + "b = 1",
    "a table of 50,000 parts": "[" + "a." * 50_000 + "b]",
    "a share of 400 digits": "version = 1\n[[rules]]\nmeasure = 'performance.accuracy'\nmax_decrease = '"
    + "9" * 400
    + " %'",
    "ten thousand rules": "version = 1\n" + "[[rules]]\nmeasure = 'performance.accuracy'\nmin = 0.5\n" * 10_000,
}


@pytest.fixture
def folder() -> Iterator[Path]:
    with working_folder() as folder:
        for name, content in SOUND.items():
            (folder / name).write_bytes(content)
        yield folder


def refused(command: str, status: int, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line with which a command is refused."""
    assert main(command.split()) == status
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith("deepdig-audit: error: expected ")
    return line


def test_five_hundred_mutations() -> None:
    with working_folder() as folder:
        ends = list(read_mutations(SOUND, 500, 1, folder))
    assert [end for end in ends if end.trouble] == []
    assert Counter(end.kind for end in ends).keys() == KINDS.keys()
    assert {end.status for end in ends} >= {0, 2, 3}


@pytest.mark.parametrize("kind", POLICIES)
def test_no_policy_or_configuration_takes_long_or_breaks(
    kind: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bad.toml").write_text(POLICIES[kind])
    refused("gate results.json --policy bad.toml", 2, capsys)
    refused("none.onnx --data digits --config bad.toml --policy none.toml", 2, capsys)


@pytest.mark.skipif(os.name != "posix", reason="needs special files")
@pytest.mark.parametrize("path", ["pipe", "/dev/zero", "."])
def test_what_is_no_regular_file_is_refused_at_once(
    path: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(folder / "pipe")
    for command in (f"render {path} --out again", f"gate {path} --policy policy.toml", f"compare results.json {path}",
                    f"init-policy {path} --out p.toml"):  # fmt: skip
        refused(command, 3, capsys)
    for command in (f"gate results.json --policy {path}", f"none.onnx --data digits --config {path} --policy none.toml",
                    f"none.onnx --data digits --class-names {path} --policy none.toml"):  # fmt: skip
        refused(command, 2, capsys)
    os.replace("pipe", "run.json")
    assert main(["render", "results.json", "--format", "junit", "--quiet"]) == 0


@pytest.mark.parametrize("epoch", ["253402300800", "\N{SUPERSCRIPT TWO}", "9" * 400, "-1", "soon"])
def test_a_date_that_is_none_costs_only_the_date(epoch: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    run = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(run | {"started": "yesterday"}))
    assert main(["render", "results.json", "--format", "junit", "--quiet"]) == 0
    assert "timestamp" not in (folder / "junit.xml").read_text("utf-8")
