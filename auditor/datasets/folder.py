"""Image folders: ``ROOT/train/<class>/*`` with ``ROOT/test/<class>/*``, or ``ROOT/<class>/*`` and a split by seed.

The order of the classes is the natural order of their folders' names (2 before 10), or the order of
``--class-names`` where it names the folders. ``val``, ``valid`` and ``validation`` stand in for a missing ``test``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from auditor.datasets.base import DataRequest, RawData, Split, path_source
from auditor.datasets.image_batch import ImageFile, read_images
from auditor.datasets.image_file import SUFFIXES
from auditor.datasets.splits import stratified
from auditor.errors import InputRefused, UsageError

_TEST_NAMES = ("test", "val", "valid", "validation")
_LAYOUT = "a folder with train/<class>/* and test/<class>/*, or with <class>/*"


@path_source("folder", "a folder with train/<class>/* and test/<class>/* images, or only <class>/*", Path.is_dir)
def load(request: DataRequest) -> RawData:
    """Both splits as uint8 ``(N, 1, H, W)`` if all images are grey, else ``(N, 3, H, W)``.

    Raises:
        InputRefused: no such layout, no images, or more unreadable files than ``request.max_skip``.
        UsageError: ``request.class_names`` do not fit the folders.
    """
    root = Path(request.data)
    halves, notes = _halves(root)
    folders = sorted({_text(folder) for half in halves for folder in _class_folders(half)}, key=natural_key)
    names, label_of, order_notes = _class_order(folders, request.class_names)
    listed = [[*_files(root, half, label_of)] for half in halves]
    images = [[file for file in files if file.path.suffix.lower() in SUFFIXES] for files in listed]
    if not any(images):
        raise InputRefused(_LAYOUT, f"no images in {root}", f"use files such as {', '.join(sorted(SUFFIXES))}")
    ignored = [file for files in listed for file in files if file.path.suffix.lower() not in SUFFIXES]
    every = [file for files in images for file in files]
    batch = read_images(every, request.image_size, request.max_skip)
    whole = Split(batch.pixels, batch.labels, tuple(every[position].name for position in batch.kept.tolist()))
    notes += [*order_notes, *_ignored_note(ignored), *batch.notes]
    if len(halves) == 1:
        train, test, note = stratified(whole, request.seed, names)
        return RawData(train, test, names, batch.skipped, (*notes, note))
    cut = int((batch.kept < len(images[0])).sum())
    train, test = whole.part(torch.arange(cut)), whole.part(torch.arange(cut, len(whole)))
    return RawData(train, test, names, batch.skipped, tuple(notes))


def natural_key(name: str) -> tuple[tuple[tuple[int, int, str], ...], str]:
    """Key that sorts numbers in names by value and letters without case.

    >>> sorted(["b10", "B2", "a"], key=natural_key)
    ['a', 'B2', 'b10']
    """
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    return tuple((0, int(part), "") if part[0] in "0123456789" else (1, 0, part.casefold()) for part in parts), name


def _halves(root: Path) -> tuple[list[Path], list[str]]:
    """The folders that hold class folders: train and test, or the root itself; and a note."""
    train = root / "train"
    test = next((root / name for name in _TEST_NAMES if _class_folders(root / name)), None)
    if _class_folders(train) and test is not None:
        return [train, test], [] if test.name == "test" else [f"The test samples are those of the folder {test.name}."]
    if _class_folders(train) or test is not None:
        found = f"class folders in {_text(test or train)} of {root} and none in {'train' if test else 'test'}"
        raise InputRefused(_LAYOUT, found, "give both, or put the class folders into one folder")
    if not _class_folders(root):
        found = f"no folders in {root}"
        raise InputRefused(_LAYOUT, found, "put the images of each class into a folder with the name of the class")
    return [root], []


def _class_folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith((".", "__"))]


def _class_order(
    folders: Sequence[str], given: tuple[str, ...] | None
) -> tuple[tuple[str, ...], dict[str, int], list[str]]:
    """Names of the classes in order, the label of each folder, and notes."""
    by_position = {folder: label for label, folder in enumerate(folders)}
    if given is None:
        natural = "Class folders are in natural order (2 before 10), not in the order of their characters."
        return tuple(folders), by_position, [natural] if sorted(folders) != folders else []
    if {*folders} <= {*given}:
        order = [f"The class folders are in the order of --class-names ({len(folders)} of {len(given)} have one)."]
        return given, {folder: given.index(folder) for folder in folders}, order
    unnamed = [folder for folder in folders if folder not in given]
    if len(unnamed) < len(folders):
        expected = "--class-names that name every class folder, or new names for all"
        raise UsageError(f"expected {expected}; found no name for folder {unnamed[0]!r}; add it")
    if len(given) != len(folders):
        expected = f"--class-names with {len(folders)} names, one for each class folder"
        raise UsageError(f"expected {expected}; found {len(given)}; correct it")
    renamed = f"The class folders {_some(folders)} were renamed {_some(given)} by --class-names, in natural order."
    return given, by_position, [renamed]


def _files(root: Path, half: Path, label_of: dict[str, int]) -> Iterator[ImageFile]:
    """Every file below the class folders, hidden ones left out, class by class in natural order."""
    for folder in sorted(_class_folders(half), key=lambda folder: label_of[_text(folder)]):
        paths = []
        for place, inner, names in os.walk(folder, onerror=_fail):
            inner[:] = [name for name in inner if not name.startswith(".")]
            paths += [Path(place, name) for name in names if not name.startswith(".")]
        named = ((_readable(path.relative_to(root).as_posix()), path) for path in paths)
        for name, path in sorted(named, key=lambda both: natural_key(both[0])):
            yield ImageFile(path, name, label_of[_text(folder)])


def _fail(err: OSError) -> None:
    # os.walk would pass over a folder that it may not read.
    raise err


def _ignored_note(ignored: Sequence[ImageFile]) -> list[str]:
    return (
        [f"Files without the suffix of an image, left out: {len(ignored)} (first {ignored[0].name})."]
        if ignored
        else []
    )


def _text(path: Path) -> str:
    return _readable(path.name)


def _readable(name: str) -> str:
    """A name that can be written as UTF-8, whatever bytes the file system holds; other bytes are shown as ``\\xff``."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
