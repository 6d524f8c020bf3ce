"""A runtime that would report on its use is told not to, also where no sandbox stops it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.cli.command import DIGITS_CNN, REPOSITORY, environment

OPENS = """
import sys
from pathlib import Path
from auditor.models.base import ModelOptions
from auditor.models.open import open_model
print(open_model(Path(sys.argv[1]), ModelOptions()).runtime)
"""


def test_nothing_is_collected_in_the_home_folder(tmp_path: Path):
    # Without a worker, whose caches lie in a folder that is gone at the end.
    variables = environment(HOME=str(tmp_path), XDG_CACHE_HOME=str(tmp_path))
    variables.pop("ORT_DISABLE_TELEMETRY", None)
    done = subprocess.run(
        [sys.executable, "-c", OPENS, str(DIGITS_CNN)],
        env=variables, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "ONNX Runtime" in done.stdout
    assert [path for path in tmp_path.rglob("*") if "onnxruntime" in path.name] == []
