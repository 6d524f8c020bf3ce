"""The wheel made twice, what it is made of, and the workflow that signs it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
WORKFLOWS = ROOT / ".github" / "workflows"


def workflow(name: str) -> Any:
    return YAML(typ="safe").load((WORKFLOWS / name).read_text("utf-8"))


def lines(job: Any) -> str:
    return "\n".join(step["run"] for step in job["steps"] if "run" in step)


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="the wheel of a commit takes a repository")
def test_two_builds_are_the_same_to_the_byte(tmp_path: Path):
    """Each run of the script makes it twice and compares; here the two runs differ in mask, time zone and language."""
    built = []
    for place, mask, more in (("a", 0o022, {"TZ": "UTC"}), ("b", 0o077, {"TZ": "Asia/Tokyo", "LC_ALL": "C"})):
        done = subprocess.run(
            [ROOT / ".ci" / "build", "wheel", tmp_path / place], env={**os.environ, "PYTHON": sys.executable, **more},
            umask=mask, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        (wheel,) = (tmp_path / place).iterdir()
        built.append((wheel.name, wheel.read_bytes()))
    assert built[0] == built[1]
    assert built[0][0].startswith("deepdig_audit-")


def test_the_tool_that_lists_the_parts_is_pinned():
    text = (ROOT / ".ci" / "requirements-sbom.txt").read_text("utf-8")
    assert "://" not in text
    pins = re.split(r"\n(?=\S)", text.strip())
    assert all(re.match(r"[a-z0-9-]+==[^ ]+ .*--hash=sha256:[0-9a-f]{64}", pin, re.DOTALL) for pin in pins)
    assert any(pin.startswith("cyclonedx-bom==") for pin in pins)
    assert "--require-hashes -r .ci/requirements-sbom.txt" in (ROOT / ".ci" / "build").read_text("utf-8")


def test_a_release_signs_what_ci_builds():
    release, parts = workflow("release.yml")["jobs"]["build"], workflow("ci.yml")["jobs"]["parts"]
    assert lines(release) == lines(parts)
    assert "--require-hashes" in lines(release)
    assert ".ci/build all dist" in lines(release)
    (signed,) = [step["with"] for step in release["steps"] if "attest" in step.get("uses", "")]
    assert signed["subject-path"] == "dist/*"
    assert release["permissions"] == {"contents": "read", "id-token": "write", "attestations": "write"}


@pytest.mark.parametrize("name", [path.name for path in WORKFLOWS.glob("*.yml")])
def test_no_workflow_may_write_by_default(name: str):
    assert workflow(name)["permissions"] == {"contents": "read"}
