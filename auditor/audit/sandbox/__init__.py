"""What the worker may not do: files outside its places, network, programs, memory and time without end.

``enter`` closes the process in before anything heavy is imported and before the model is opened; it cannot be undone.
The parent watches time and memory from outside (``limits``, ``watch``).
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from auditor.audit.plan import ModelPlan, Plan
from auditor.audit.sandbox import landlock, seccomp
from auditor.audit.sandbox.limits import PREFIX, apply_resource_limits, limits_for
from auditor.audit.sandbox.places import places
from auditor.errors import InputRefused

NONE = "none"
_force = {"text": NONE}


def in_force() -> str:
    """The sandbox of this process in words, for the report."""
    return _force["text"]


def files_are_confined() -> bool:
    """Whether files outside the places of the job are out of reach."""
    return _force["text"].startswith("Landlock")


def wanted() -> bool:
    """Whether the environment leaves the sandbox on (``DEEPDIG_AUDIT_SANDBOX=off`` switches it off)."""
    return os.environ.get(PREFIX + "SANDBOX", "").lower() != "off"


def enter(plan: Plan) -> None:
    """Close this process in, as far as the system can; ``in_force`` says how far.

    Called before any thread is started, because Landlock binds only the calling thread and those it starts.

    Args:
        plan: of the job; it names the files that stay open.
    """
    apply_resource_limits(limits_for(Path(plan.model.path)))
    if not wanted():
        return
    parts = []
    if version := landlock.abi():
        if plan.instances_folder is not None:
            Path(plan.instances_folder).mkdir(parents=True, exist_ok=True)
        landlock.restrict(places(plan, Path(tempfile.gettempdir())))
        parts.append(f"Landlock ABI {version} (files)")
    if seccomp.available():
        seccomp.restrict()
        parts.append("seccomp (network, programs)")
    _force["text"] = ", ".join(parts) or NONE


def check_trust(model: ModelPlan, file_format: str) -> None:
    """A file that is a program needs a sandbox or the user's word (``.pt2`` asks for the word in any case).

    Raises:
        InputRefused: it has neither.
    """
    if file_format == "torchscript" and not files_are_confined() and not model.trust_model:
        raise InputRefused(
            "a kernel with Landlock, because a TorchScript file is a program",
            f"none in force for {Path(model.path).name}",
            "audit it as ONNX, or give --trust-model if you trust its source",
        )
