"""The package's own templates, style sheets and fonts."""

from __future__ import annotations

import base64
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path


@cache
def _root() -> Traversable:
    """``templates/`` stands beside the package in the sources and is ``auditor_templates`` when installed."""
    try:
        return files("auditor_templates")
    except ModuleNotFoundError:  # run from a checkout that is not installed
        return Path(__file__).resolve().parents[2] / "templates"


@cache
def read_bytes(name: str) -> bytes:
    """A file of ``templates/``, by its path inside it."""
    return _root().joinpath(*name.split("/")).read_bytes()


def read_text(name: str) -> str:
    """A text file of ``templates/``."""
    return read_bytes(name).decode("utf-8")


def data_uri(mime: str, content: bytes) -> str:
    """The content as a ``data:`` address."""
    return f"data:{mime};base64,{base64.b64encode(content).decode('ascii')}"
