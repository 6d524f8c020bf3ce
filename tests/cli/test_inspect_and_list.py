"""``inspect`` and ``list``: what was asked for goes to standard output."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.cli import main
from tests.cli.command import DIGITS_CNN, run


def rows(text: str) -> dict[str, str]:
    return {line.split("  ")[0]: line.split("  ", 1)[1].strip() for line in text.splitlines()}


def test_inspect_with_data(tmp_path: Path):
    done = run(["inspect", DIGITS_CNN, "--data", "digits"], tmp_path)
    assert (done.status, done.stderr) == (0, "")
    seen = rows(done.stdout)
    assert seen["format"] == "onnx"
    assert seen["classes"] == "10"
    assert seen["output"] == "logits"
    assert "width 64" in seen["embedding"]
    assert "CPUExecutionProvider" in seen["runtime"]
    assert "same class on 100.0%" in seen["parity"]
    assert seen["data"].startswith("digits: 1,4")
    assert list(tmp_path.iterdir()) == []


def test_inspect_without_data(tmp_path: Path):
    done = run(["inspect", DIGITS_CNN.with_name("digits_fcn.pt")], tmp_path)
    assert (done.status, done.stderr) == (0, "")
    seen = rows(done.stdout)
    assert seen["format"] == "torchscript"
    assert seen["classes"] == "none: give --data to find out"


def test_inspect_refuses_like_an_audit(tmp_path: Path):
    done = run(["inspect", "none.onnx"], tmp_path)
    assert done.status == 3
    assert done.stdout == ""
    assert "no file" in done.error


def test_list_names_everything_registered(capsys: pytest.CaptureFixture[str]):
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    for word in ("digits", "cifar100", "deepdig", "rpbs", "epbs", "idc", "edc_boundary_accuracy", "html", "pdf"):
        assert f"\n  {word} " in out
    for profile in ("quick", "standard", "thorough", "paper"):
        assert f"\n  {profile} " in out
