"""What a refusal looks like from outside: its exit code, one line, no traceback. Its causes: ``tests/audit``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from tests.cli.command import DIGITS_CNN, run


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
    done = run([tmp_path / "\x1b[2Jnone\u202e.onnx", "--data", "digits", "--verbose"], tmp_path)
    assert done.status == 3
    assert "\\x1b[2Jnone\\u202e.onnx" in done.error
    assert "In the worker process:" in done.stderr
    assert "sniff.py" in done.stderr
    assert "\x1b" not in done.stderr
