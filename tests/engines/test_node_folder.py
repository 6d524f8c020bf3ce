"""What a node keeps of an audit is its user's alone, and is gone when the audit is."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from auditor.engines.node_folder import NodeFolder
from auditor.errors import AuditIncomplete

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="nodes are Linux or macOS")
HOLDS = """
import sys, tempfile
tempfile.tempdir = sys.argv[1]
from auditor.engines.node_folder import NodeFolder
folder = NodeFolder("another")
(folder.path / "model.onnx").write_bytes(b"m")
print("holds", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_it_is_its_users_alone_and_shared_by_processes_of_one_audit():
    first, second = NodeFolder("a1"), NodeFolder("a1")
    assert first.path == second.path
    for folder in (first.path, first.path.parent):
        assert folder.stat().st_mode & 0o777 == 0o700
    second.leave()
    first.remove()


def test_nothing_stays_behind(temporary: Path):
    folder = NodeFolder("a1")
    (folder.path / "x").mkdir()
    (folder.path / "x" / "model.onnx").write_bytes(b"m")
    folder.remove()
    assert not any(temporary.iterdir())


def test_what_a_machine_left_that_failed_is_removed_and_what_is_in_use_stays(temporary: Path):
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(temporary)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout.readline() == "holds\n"
        mine = NodeFolder("a1")
        left = mine.path.parent / "another" / "model.onnx"
        assert left.exists()
        other.kill()
        other.wait()
        assert left.exists()
        NodeFolder("a2")
        assert not left.parent.exists()
        assert mine.path.exists()
    finally:
        other.kill()
        other.communicate()


@pytest.mark.parametrize("place", ["open to others", "a link", "a file"])
def test_a_place_that_somebody_else_could_have_made_is_refused(temporary: Path, place: str):
    base = temporary / f"deepdig-audit-nodes-{os.geteuid()}"
    if place == "open to others":
        base.mkdir()
        base.chmod(0o777)
    elif place == "a link":
        (temporary / "elsewhere").mkdir(mode=0o700)
        base.symlink_to("elsewhere")
    else:
        base.write_text("")
    with pytest.raises(AuditIncomplete, match=r"expected a private folder for temporary files on the node; found .*;"):
        NodeFolder("a1")
