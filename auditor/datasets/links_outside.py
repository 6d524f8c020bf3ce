"""Links that lead out of a data folder, as DVC, git-annex, blob stores and curated subsets make them.

A data folder may come from somebody else, and with it a link to a file that only the user may read. So a link is
followed only to a regular file that begins as an image does, and a linked folder of a class or a split only where most
of its files do. Only the standard library is used, because the worker asks before it has closed itself in.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

HIDDEN = (".", "__", "@", "#recycle", "$RECYCLE")
"""How the names of files and folders begin that systems put there: thumbnails, bins, checkpoints, sidecars."""
_BEGINS = re.compile(
    rb"\x89PNG\r\n|\xff\xd8\xff|GIF8[79]a|RIFF....WEBP|II\*\0|MM\0\*|BM....\0\0\0\0|P[1-6]\s+[#\d]", re.DOTALL
)
_CLASS_FOLDERS = 1
"""How deep below the root the folders of classes lie at most: below that of a split."""


@dataclass(frozen=True)
class Outside:
    """What links lead to.

    Args:
        files: images outside the data folder.
        folders: folders outside it whose names of files are to be read.
    """

    files: list[Path]
    folders: list[Path]


def outside_images(root: Path) -> Outside:
    """The images outside a data folder to which links in it lead; nothing where it is no folder."""
    inside, found = os.path.realpath(root), Outside([], [])
    pending = list(_links(inside, 0))
    while pending:
        link, depth = pending.pop()
        target = os.path.realpath(link)
        if _is_below(target, inside):
            continue
        if os.path.isdir(target):
            if depth <= _CLASS_FOLDERS and _is_of_images(target):
                found.folders.append(Path(target))
                for file in _regular(target):
                    if begins_as_image(file):
                        found.files.append(Path(file))
                pending += _links(target, depth + 1)
        elif begins_as_image(target):
            found.files.append(Path(target))
    return found


def leads_out(path: Path, root: Path) -> bool:
    """Whether a path of a data folder really lies outside it."""
    return not _is_below(os.path.realpath(path), os.path.realpath(root))


def begins_as_image(path: str | Path) -> bool:
    """Whether a regular file has the signature of an image in a format that is read."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)
    try:
        if not os.path.isfile(path):  # to open a pipe would wait for its other end
            return False
        handle = os.open(path, flags)
        with os.fdopen(handle, "rb") as file:
            return _BEGINS.match(file.read(16)) is not None
    except (OSError, ValueError):
        return False


def _is_of_images(folder: str) -> bool:
    """Whether most files below a folder are images, or links, which are looked at one by one."""
    images = others = 0
    for file in _regular(folder):
        images, others = (images + 1, others) if begins_as_image(file) else (images, others + 1)
    return images > others or (not images and not others and any(True for _ in _links(folder, 0)))


def _regular(folder: str) -> Iterator[str]:
    """Regular files below a folder that are neither hidden nor links."""
    yield from (entry.path for entry, _ in _entries(folder, 0) if entry.is_file(follow_symlinks=False))


def _links(folder: str, depth: int) -> Iterator[tuple[str, int]]:
    """Links below a folder that are not hidden, with how deep each lies."""
    yield from ((entry.path, level) for entry, level in _entries(folder, depth) if entry.is_symlink())


def _entries(folder: str, depth: int) -> Iterator[tuple[os.DirEntry[str], int]]:
    """What lies below a folder and is not hidden; no link is followed."""
    pending = [(folder, depth)]
    while pending:
        place, level = pending.pop()
        with suppress(OSError), os.scandir(place) as entries:  # a folder that may not be read is told by its reader
            for entry in entries:
                if not entry.name.startswith(HIDDEN):
                    yield entry, level
                    if entry.is_dir(follow_symlinks=False):
                        pending.append((entry.path, level + 1))


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
