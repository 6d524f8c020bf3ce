"""What is not installed is told before anything of it is imported: an environment for the gate alone opens no model."""

from __future__ import annotations

from importlib.util import find_spec

from auditor.errors import AuditIncomplete

OPEN_MODELS = {
    "torch": "torch", "onnx": "onnx", "onnxruntime": "onnxruntime", "sklearn": "scikit-learn", "numpy": "numpy",
}  # fmt: skip
"""Modules without which no model is opened and no data are read, and the packages that bring them."""


def need_model_packages(command: str) -> None:
    """Refuse a command that needs a model's runtimes where they are not installed.

    Args:
        command: what the user asked for, in words.
    Raises:
        AuditIncomplete: packages are missing.
    """
    missing = [package for module, package in OPEN_MODELS.items() if not _is_there(module)]
    if missing:
        raise AuditIncomplete(
            f"expected the packages that {command} needs; found an environment without {', '.join(missing)}; install"
            " requirements.txt, or requirements-cpu.txt where there is no GPU (README.md); render, gate, compare and"
            " init-policy do without"
        )


def _is_there(module: str) -> bool:
    """Whether a module can be imported; a folder without code, as a half removed package leaves, is none."""
    spec = find_spec(module)
    return spec is not None and spec.origin is not None
