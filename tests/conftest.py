"""What every test finds: one thread for each process, and hypothesis that repeats itself."""

from __future__ import annotations

import os
import tempfile

# Before torch, numpy or ONNX Runtime is imported: threads of several test processes would fight over the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# cuBLAS reads it before its first call; without it torch warns of results that do not repeat.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
# Tests import ONNX Runtime before the package does, which tells it so.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# Inside a job of GitHub Actions the command speaks to the service on standard output; tests say when they want that.
os.environ.pop("GITHUB_ACTIONS", None)
os.environ.pop("GITHUB_STEP_SUMMARY", None)

from hypothesis import settings

# The key of the journals that tests make is not the user's.
_state = tempfile.TemporaryDirectory(prefix="deepdig-audit-state-")
os.environ["XDG_STATE_HOME"] = _state.name

# The same examples in every run, and no verdict that depends on how busy the machine is.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")
