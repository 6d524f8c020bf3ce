"""What the parent does for CUDA before a worker starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.worker.sandbox.gpu import make_ready
from auditor.worker.sandbox.landlock import READ
from auditor.worker.sandbox.places import has_gpu, of_gpu


@pytest.fixture
def modprobe(tmp_path: Path) -> Path:
    """A program that writes down how it was called, and with which variables."""
    program = tmp_path / "modprobe"
    program.write_text(f'#!/bin/sh\necho "$@" $(/usr/bin/env | /usr/bin/cut -d= -f1) >> {tmp_path}/calls\nexit 1\n')
    program.chmod(0o755)
    return program


def test_the_drivers_program_makes_the_device_that_is_missing(modprobe: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("CI_TOKEN", "x")
    calls = tmp_path / "calls"
    make_ready(tmp_path, modprobe)
    assert not calls.exists()  # no driver
    (tmp_path / "nvidiactl").touch()
    make_ready(tmp_path, tmp_path / "missing")
    make_ready(tmp_path, modprobe)
    assert calls.read_text().split()[:2] == ["-u", "-c=0"]
    assert "CI_TOKEN" not in calls.read_text()
    (tmp_path / "nvidia-uvm").touch()
    make_ready(tmp_path, modprobe)
    assert len(calls.read_text().splitlines()) == 1


def test_nothing_more_is_open_without_a_driver(tmp_path: Path) -> None:
    (tmp_path / "nvidia0").touch()
    assert not has_gpu(tmp_path)
    assert list(of_gpu(tmp_path)) == []
    (tmp_path / "dxg").touch()
    assert has_gpu(tmp_path)
    opened = dict(of_gpu(tmp_path))
    assert {tmp_path / "dxg", tmp_path / "nvidia0", Path("/proc/self/task")} < set(opened)
    assert opened[Path("/proc/driver/nvidia-uvm")] == opened[Path("/usr/lib/wsl")] == READ
