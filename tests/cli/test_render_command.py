"""``render``: the same report from results.json alone, in a process that never loads torch."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from auditor.cli import main
from tests.cli.command import Done, environment

Audit = tuple[Path, Done]

RENDER = """
import sys
from auditor.cli import main
status = main(sys.argv[1:])
loaded = {"torch", "torchvision", "onnx", "onnxruntime", "sklearn"} & set(sys.modules)
assert not loaded, loaded
sys.exit(status)
"""


def test_the_same_report_without_torch(audit: Audit, tmp_path: Path):
    made = audit[0] / "audit-digits_cnn"
    for name in ("results.json", "run.json"):
        shutil.copy(made / name, tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", RENDER, "render", "results.json", "--format", "html"],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert (tmp_path / "report.html").read_bytes() == (made / "report.html").read_bytes()
    assert not (tmp_path / "report.pdf").exists()


def test_the_date_is_that_of_the_audit(audit: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    made = audit[0] / "audit-digits_cnn"
    shutil.copy(made / "results.json", tmp_path)
    run_json = (made / "run.json").read_text()
    started = run_json.split('"started": "')[1].split('"')[0]
    (tmp_path / "run.json").write_text(run_json.replace(started, "2031-02-03T04:05:06+00:00"))
    assert main(["render", str(tmp_path / "results.json"), "--format", "html", "--quiet"]) == 0
    assert "2031-02-03" in (tmp_path / "report.html").read_text("utf-8")
    (tmp_path / "run.json").unlink()
    assert main(["render", str(tmp_path / "results.json"), "--format", "html", "--quiet"]) == 0
    assert "2031-02-03" not in (tmp_path / "report.html").read_text("utf-8")


@pytest.mark.parametrize(("name", "said"), [("missing.json", "No such file"), ("bad.json", "schema version 2.0")])
def test_what_is_no_results_document(name: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "bad.json").write_text('{"schema_version": "2.0"}')
    assert main(["render", str(tmp_path / name)]) == 3
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert said in lines[0]


WITHOUT_WEASYPRINT = """
import sys
sys.modules["weasyprint"] = None
from auditor.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_a_renderer_that_is_not_installed_costs_only_its_own_output(audit: Audit, tmp_path: Path):
    shutil.copy(audit[0] / "audit-digits_cnn" / "results.json", tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_WEASYPRINT, "render", "results.json", "--format", "pdf,html", "--quiet"],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 4
    (line,) = done.stderr.splitlines()
    assert line.startswith("deepdig-audit: error: expected to write pdf; found ModuleNotFoundError in pdf: ")
    assert "results.json is there" in line
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "results.json"]


def test_an_output_whose_place_is_taken(audit: Audit, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    shutil.copy(audit[0] / "audit-digits_cnn" / "results.json", tmp_path)
    (tmp_path / "report.html" / "in the way").mkdir(parents=True)
    assert main(["render", str(tmp_path / "results.json"), "--format", "html", "--quiet"]) == 2
    assert "report.html, which is no file; name another --out" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "results.json"]
