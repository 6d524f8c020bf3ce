"""The variables of a worker: what it needs, and no secret of the parent's."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.worker import process
from auditor.worker.sandbox.environment import for_downloads, worker_environment
from tests.cli.test_interruption import eventually

SECRETS = {
    "CI_TOKEN": "s3cret", "GITHUB_TOKEN": "s3cret", "AWS_SECRET_ACCESS_KEY": "s3cret",
    "ACTIONS_RUNTIME_TOKEN": "s3cret",
    "SSH_AUTH_SOCK": "s3cret", "DATABASE_URL": "s3cret", "PIP_INDEX_URL": "s3cret", "HTTPS_PROXY": "s3cret",
    "https_proxy": "s3cret", "NETRC": "s3cret", "PYTHONSTARTUP": "s3cret", "LD_PRELOAD": "", "MY_CUDA_X": "s3cret",
    "CUDA_REGISTRY_TOKEN": "s3cret", "LC_PASSWORD": "s3cret", "DEEPDIG_AUDIT_KEY": "s3cret", "PATHOLOGY": "s3cret",
    "PYTHONWARNINGS": "s3cret", "OMP_PROC_BIND": "s3cret", "GOMP_CPU_AFFINITY": "s3cret",
}  # fmt: skip
NEEDED = {
    "PATH": "p", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "1", "NVIDIA_VISIBLE_DEVICES": "all", "LD_LIBRARY_PATH": "l",
    "DEEPDIG_AUDIT_SANDBOX": "off", "DEEPDIG_AUDIT_MEMORY_MB": "9", "PYTHONHASHSEED": "0",
    "CUBLAS_WORKSPACE_CONFIG": ":16:8",
    "ORT_DISABLE_TELEMETRY": "1",
}  # fmt: skip


def test_what_is_needed_is_passed_on_and_nothing_else() -> None:
    chosen = worker_environment({**SECRETS, **NEEDED}, ["", "/packages"], "/scratch")
    assert "s3cret" not in chosen.values()
    assert "LD_PRELOAD" not in chosen
    assert {**chosen, **NEEDED} == chosen
    assert chosen["PYTHONPATH"] == "/packages"
    for name in ("TMPDIR", "XDG_CACHE_HOME", "MPLCONFIGDIR", "CUDA_CACHE_PATH", "TRITON_CACHE_DIR"):
        assert chosen[name] == "/scratch"


def test_how_to_reach_the_network_is_no_part_of_it() -> None:
    assert for_downloads({**SECRETS, **NEEDED}) == {"HTTPS_PROXY": "s3cret", "https_proxy": "s3cret"}


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks into /proc")
def test_a_workers_environment_holds_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value or "s3cret")
    monkeypatch.delenv("LD_PRELOAD")
    child = process.start_child(str(tmp_path), verbose=False)
    try:
        shown = Path(f"/proc/{child.pid}/environ")
        assert eventually(lambda: bool(shown.read_bytes()))  # empty while the program is being started
        held = shown.read_bytes().decode().split("\0")
    finally:
        child.kill()
        child.communicate()
    names = {entry.partition("=")[0] for entry in held if entry}
    assert {"PATH", "PYTHONPATH", "TMPDIR"} <= names
    assert not names & set(SECRETS)
    assert not any("s3cret" in entry for entry in held)
