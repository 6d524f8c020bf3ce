"""Every exit code, and what a refusal looks like from outside: one line, no traceback. Causes: ``tests/pipeline``."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.cli.command import DIGITS_CNN, Done, environment, run

PASSES = "version = 1\n[[rules]]\nmeasure = 'performance.accuracy'\nmin = 0.1\n"
FAILS = "version = 1\n[[rules]]\nmeasure = 'performance.accuracy'\nmin = 0.9999\n"


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("gate results.json --policy passes.toml", 0),
        ("gate results.json --policy fails.toml", 1),
        ("gate results.json --policy fails.toml --strict-as-never-heard", 2),
        ("none.onnx --data digits", 3),
        ("render results.json --format html --out passes.toml", 4),
        (f"{DIGITS_CNN} --data digits", 130),
    ],
)
def test_every_exit_code_of_the_installed_command(
    command: str, status: int, audit: tuple[Path, Done], tmp_path: Path
) -> None:
    script = Path(sys.executable).with_name("deepdig-audit")
    if not script.exists():
        pytest.skip("the console script is not installed")
    (tmp_path / "results.json").write_bytes((audit[0] / "audit-digits_cnn" / "results.json").read_bytes())
    (tmp_path / "passes.toml").write_text(PASSES)
    (tmp_path / "fails.toml").write_text(FAILS)
    process = subprocess.Popen(
        [script, *command.split()], cwd=tmp_path, env=environment(), text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # As at a terminal, whoever started the tests.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    if status == 130:
        assert process.stderr is not None
        process.stderr.readline()
        process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == status, err
    assert "Traceback" not in err
    assert len([line for line in err.splitlines() if "error: " in line]) == (status in (2, 3, 4))


def test_a_model_that_cannot_be_used(tmp_path: Path):
    torch.save(nn.Linear(64, 10).state_dict(), tmp_path / "weights.pt")
    done = run(["weights.pt", "--data", "digits"], tmp_path)
    assert done.status == 3
    assert "state_dict" in done.error
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_data_that_cannot_be_used(tmp_path: Path):
    x = np.random.default_rng(0).random((60, 1, 8, 8), np.float32)
    x[7, 0, 3, 3] = np.nan
    np.savez(tmp_path / "data.npz", x=x, y=np.arange(60) % 10)
    done = run([DIGITS_CNN, "--data", "data.npz"], tmp_path)
    assert done.status == 3
    assert "1 sample with NaN or infinite pixels" in done.error


def test_a_name_is_no_control_sequence_and_verbose_shows_where_it_happened(tmp_path: Path):
    (tmp_path / "\x1b[2Jnone\u202e.onnx").write_bytes(b"no model")
    done = run([tmp_path / "\x1b[2Jnone\u202e.onnx", "--data", "digits", "--verbose"], tmp_path)
    assert done.status == 3
    assert "\\x1b[2Jnone\\u202e.onnx" in done.error
    assert "In the worker process:" in done.stderr
    assert "sniff.py" in done.stderr
    assert "\x1b" not in done.stderr
