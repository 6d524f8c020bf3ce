"""What the worker may not do: files outside its places, network, programs, memory and time without end.

``enter`` closes the process in before anything heavy is imported and before the model is opened; it cannot be undone.
The parent watches time, memory and disk from outside (``limits``, ``watch``).
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from auditor.documents.plan import ModelPlan, Plan
from auditor.documents.results import Validity
from auditor.errors import AuditIncomplete, InputRefused
from auditor.models.onnx.external_data_files import folder_of, weights_files
from auditor.worker.sandbox import capabilities, landlock, seccomp
from auditor.worker.sandbox.landlock import READ
from auditor.worker.sandbox.limits import PREFIX, apply_resource_limits, limits_for
from auditor.worker.sandbox.places import has_gpu, places

NONE = "none"


@dataclass(frozen=True)
class InForce:
    """What keeps this process in.

    Args:
        entered: whether it was asked to close itself in, as every worker is.
        landlock: version of the kernel's Landlock; 0 where files are open.
        seccomp: whether system calls are filtered.
    """

    entered: bool = False
    landlock: int = 0
    seccomp: bool = False


_state = {"now": InForce()}


def in_force() -> str:
    """The sandbox of this process in words, for the report."""
    now = _state["now"]
    parts = [f"Landlock ABI {now.landlock} (files)"] * bool(now.landlock) + [
        "seccomp (network, programs)"
    ] * now.seccomp
    return ", ".join(parts) or NONE


def missing() -> list[str]:
    """What a worker's sandbox lacks, in words; nothing for a process that is no worker."""
    now = _state["now"]
    if not now.entered:
        return []
    files, calls = "no Landlock: the model can reach files", "no seccomp: it can reach the network and start programs"
    return [files] * (not now.landlock) + [calls] * (not now.seccomp)


def checks() -> list[Validity]:
    """A warning where a part of the sandbox is missing; nothing where all of it is in force."""
    lacking = missing()
    return [Validity(id="sandbox", status="warn", message=warning(lacking))] if lacking else []


def warning(lacking: list[str]) -> str:
    """What the sandbox lacks, in a sentence."""
    why = "" if wanted() else f" ({PREFIX}SANDBOX=off)"
    return f"The sandbox is not complete{why}: {'; '.join(lacking)}. Audit only files whose source you trust."


def wanted() -> bool:
    """Whether the environment leaves the sandbox on (``DEEPDIG_AUDIT_SANDBOX=off`` switches it off)."""
    return os.environ.get(PREFIX + "SANDBOX", "").lower() != "off"


def enter(plan: Plan) -> None:
    """Close this process in, as far as the system can; ``in_force`` says how far.

    Called before any thread is started, because Landlock binds only the calling thread and those it starts.

    Args:
        plan: of the job; it names the files that stay open.
    Raises:
        AuditIncomplete: the system has what it takes and refuses it.
    """
    try:
        apply_resource_limits(limits_for(Path(plan.model.path)))
        _state["now"] = _closed_in(plan) if wanted() else InForce(entered=True)
    except OSError as err:
        raise AuditIncomplete(
            f"expected the system to close the worker process in; found: {err.strerror or err}; "
            f"set {PREFIX}SANDBOX=off if you trust the model and the data"
        ) from err


def _closed_in(plan: Plan) -> InForce:
    version, filtered, model = landlock.abi(), seccomp.available(), Path(plan.model.path)
    capabilities.give_up()
    if version:
        if plan.instances_folder is not None:
            Path(plan.instances_folder).mkdir(parents=True, exist_ok=True)
        always = [*places(plan, Path(tempfile.gettempdir())), (model, READ)]
        # In two steps, so that the names of the weights are read from the file when little else is left to reach.
        landlock.restrict([*always, (folder_of(model), READ)])
        landlock.restrict([*always, *((path, READ) for path in weights_files(model))])
    if filtered:
        seccomp.restrict(cuda=has_gpu())
    return InForce(True, version, filtered)


def check_trust(model: ModelPlan, file_format: str) -> None:
    """A file that is a program needs a sandbox or the user's word (``.pt2`` asks for the word in any case).

    Raises:
        InputRefused: it has neither.
    """
    now = _state["now"]
    if file_format == "torchscript" and not (now.landlock and now.seccomp) and not model.trust_model:
        raise InputRefused(
            "a kernel with Landlock and seccomp, because a TorchScript file is a program",
            f"{in_force()} in force for {Path(model.path).name}",
            "audit it as ONNX, or give --trust-model if you trust its source",
        )
