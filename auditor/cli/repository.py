"""Where a file lies in its repository, in words that are the same in every checkout."""

from __future__ import annotations

import os
from pathlib import Path


def path_in_repository(file: Path) -> str:
    """The path from the root of the file's repository, else from the working folder, with ``/``.

    Of a file that lies in neither, its name. Links are not followed: the name in the repository counts.
    """
    path = Path(os.path.abspath(file))
    root = next((folder for folder in path.parents if os.path.lexists(folder / ".git")), None)
    if root is None:
        folder, root = Path(os.path.realpath(path.parent)), Path(os.path.realpath(os.curdir))
        path = folder / path.name
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
