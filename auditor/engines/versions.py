"""What must agree on every machine that works on an audit: the versions of what computes its numbers."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from auditor import __version__
from auditor.errors import InputRefused

PACKAGES = ("torch", "onnx", "onnxruntime-gpu", "onnxruntime", "numpy", "scikit-learn", "torchvision", "pydantic")
TOOL = "deepdig-audit"


def environment() -> dict[str, str]:
    """Versions of what computed the numbers, by package."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue  # one of the two builds of ONNX Runtime is installed, not both
    return found


def versions() -> dict[str, str]:
    """Those of the environment and of this tool."""
    return {TOOL: __version__, **environment()}


def check_versions(here: Mapping[str, str], there: Mapping[str, str], node: str) -> None:
    """Refuse a node whose numbers could be others.

    Args:
        here: versions where the command was given.
        there: versions on the node.
        node: its name or address.
    Raises:
        InputRefused: they differ; it names both.

    >>> check_versions({"python": "3.11.4", "torch": "2.13"}, {"python": "3.11.4", "torch": "2.12"}, "10.0.0.7")
    Traceback (most recent call last):
    auditor.errors.InputRefused: expected torch 2.13 on every node, as here; found torch 2.12 on 10.0.0.7; install the \
same packages there
    """
    other = [name for name in {**here, **there} if here.get(name) != there.get(name)]
    if other:
        wanted, found = (", ".join(f"{name} {has.get(name, 'none')}" for name in other) for has in (here, there))
        raise InputRefused(f"{wanted} on every node, as here", f"{found} on {node}", "install the same packages there")
