"""Where a model lies in its repository: the same in every checkout, another for another file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from auditor.api.run_audit import path_in_repository
from auditor.cli import main
from tests.cli.command import DIGITS_CNN, Done


@pytest.fixture(autouse=True)
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "working").mkdir()
    monkeypatch.chdir(tmp_path / "working")


def model(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    return path


def test_from_the_root_of_its_repository(tmp_path: Path):
    for checkout, mark in (("one", Path.mkdir), ("two", Path.touch)):  # of a worktree or submodule it is a file
        file = model(tmp_path / checkout / "models" / "v2" / "model.onnx")
        mark(tmp_path / checkout / ".git")
        assert path_in_repository(file) == "models/v2/model.onnx"


def test_from_the_working_folder_where_there_is_no_repository(tmp_path: Path):
    inside = model(tmp_path / "working" / "models" / "v1" / "model.onnx")
    assert path_in_repository(inside) == path_in_repository(Path("models/v1/model.onnx")) == "models/v1/model.onnx"
    (tmp_path / "link").symlink_to(tmp_path / "working")
    assert path_in_repository(tmp_path / "link" / "models" / "v1" / "model.onnx") == "models/v1/model.onnx"
    assert path_in_repository(model(tmp_path / "elsewhere" / "model.onnx")) == "model.onnx"


def sarif(folder: Path) -> dict[str, Any]:
    assert main(["render", str(folder / "results.json"), "--format", "sarif", "--quiet"]) == 0
    run: dict[str, Any] = json.loads((folder / "results.sarif").read_text())["runs"][0]
    return run


def test_findings_are_rendered_for_the_place_that_the_audit_noted(audit: tuple[Path, Done], tmp_path: Path):
    for name in ("results.json", "run.json"):
        shutil.copy(audit[0] / "audit-digits_cnn" / name, tmp_path)
    run = json.loads((tmp_path / "run.json").read_text())
    place = path_in_repository(DIGITS_CNN)
    assert run["model_path"] == place
    assert sarif(tmp_path)["automationDetails"]["id"] == f"deepdig-audit/{place}/digits/"
    (tmp_path / "run.json").unlink()
    assert sarif(tmp_path)["automationDetails"]["id"] == "deepdig-audit/digits_cnn.onnx/digits/"
