"""Which file beside an ONNX model holds the weights that its graph names: plain files, and links into a blob store.

A Hugging Face cache keeps every file once, under its hash, and the model's folder holds links::

    models--owner--name/blobs/<hash>
    models--owner--name/snapshots/<revision>/onnx/model.onnx_data -> ../../../blobs/<hash>

Such a link counts as the file; any other one could lead to whatever the user may read. Only the standard library is
used, because the worker asks before it has closed itself in.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePath

_SNAPSHOTS, _BLOBS = "snapshots", "blobs"


def weights_file(model: Path, name: str) -> Path | None:
    """The regular file that a model calls by this name, itself no link; None where there is none that it may read.

    None of its names may be hidden: ``.git/config`` beside a model holds no weights, but perhaps a token.

    Args:
        model: the model's file, or a link to it.
        name: a ``location`` of its external data.
    """
    try:
        if any(part.startswith(".") for part in PurePath(name).parts):
            return None
        return _plain_file(folder_of(model), name) or _blob(model, name)
    except (OSError, ValueError, RuntimeError):  # a loop of links, a name too long or with a NUL in it
        return None


def folder_of(model: Path) -> Path:
    """The folder in which a model's file really lies."""
    try:
        return Path(os.path.realpath(model)).parent
    except (OSError, ValueError):
        return model.parent


def _plain_file(folder: Path, name: str) -> Path | None:
    """A file below the folder; resolving refuses absolute paths, "..", and links that lead out."""
    file = folder / name
    if file.is_symlink() or not file.is_file():
        return None
    inside = file.resolve().relative_to(folder)
    return None if any(part.startswith(".") for part in inside.parts) else file


def _blob(model: Path, name: str) -> Path | None:
    """The file in the cache's own ``blobs`` to which a link beside the model leads."""
    beside = Path(os.path.realpath(model.parent))
    link = beside / name
    for folder in (beside, *beside.parents):
        store = folder.parent / _BLOBS
        if folder.name == _SNAPSHOTS and link.is_symlink() and not store.is_symlink():
            target = link.resolve()
            fits = target.parent == store and target.is_file() and not target.name.startswith(".")
            return target if fits and ".." not in PurePath(name).parts else None
    return None


def why_not(model: Path, name: str) -> str:
    """Why no file is read for a name, in words."""
    beside = model.parent / name
    try:
        leads_out = beside.is_symlink() and beside.exists()
    except (OSError, ValueError):
        leads_out = False
    if leads_out:
        return f"{beside.name}, a link that leads out of the model's folder and not into the blobs of its own hub cache"
    return f"no file {PurePath(name).name} that is neither hidden nor a link"
