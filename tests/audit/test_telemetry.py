"""A runtime that would report on its use is told not to, also where no sandbox stops it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.cli.command import DIGITS_CNN, command, environment


def test_nothing_is_collected_in_the_home_folder(tmp_path: Path):
    variables = environment(HOME=str(tmp_path), XDG_CACHE_HOME=str(tmp_path), DEEPDIG_AUDIT_SANDBOX="off")
    del variables["ORT_DISABLE_TELEMETRY"]
    done = subprocess.run(
        command("inspect", DIGITS_CNN),
        env=variables,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [path for path in tmp_path.rglob("*") if "onnxruntime" in path.name] == []
