"""Image folders: ``ROOT/train/<class>/*`` with ``ROOT/test/<class>/*``, or ``ROOT/<class>/*`` and a split by seed.

Labels are the positions of the folders' names in text order, as torchvision and Keras number them; ``class_order``
brings them into the model's order where names are known. The splits are found under their usual names in any case,
``Training`` and ``VAL`` and ``test_set`` among them; a validation split stands in for a missing test split.
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
from auditor.datasets.links_outside import HIDDEN, leads_out
from auditor.datasets.splits import stratified
from auditor.errors import InputRefused

_TRAIN = frozenset({"train", "training", "trn", "fit"})
_TEST = frozenset({"test", "testing", "tst", "holdout"})
_VALIDATION = frozenset({"val", "valid", "validation", "validate", "dev", "eval", "evaluation"})
_SPLITS = (_TRAIN, _TEST, _VALIDATION)
_FILLERS = re.compile(r"(?i)[\s_.-]*(set|data|images?|imgs?|split|dataset)$|[\s_.-]+")
_LAYOUT = "a folder with train/<class>/* and test/<class>/*, or with <class>/*"


@path_source("folder", "a folder with train/<class>/* and test/<class>/* images, or only <class>/*", Path.is_dir)
def load(request: DataRequest) -> RawData:
    """Both splits as uint8 ``(N, 1, H, W)`` if all images are grey, else ``(N, 3, H, W)``.

    Raises:
        InputRefused: no such layout, no images, or more unreadable files than ``request.max_skip``.
    """
    root = Path(request.data)
    halves, notes = _halves(root)
    folders = sorted({_text(folder) for half in halves for folder in _class_folders(half)})
    label_of = {folder: label for label, folder in enumerate(folders)}
    hidden: list[str] = []
    listed = [[*_files(root, half, label_of, hidden)] for half in halves]
    images = [[file for file in files if file.path.suffix.lower() in SUFFIXES] for files in listed]
    if not any(images):
        raise InputRefused(_LAYOUT, f"no images in {root}", f"use files such as {', '.join(sorted(SUFFIXES))}")
    ignored = [file for files in listed for file in files if file.path.suffix.lower() not in SUFFIXES]
    every = [file for files in images for file in files]
    batch = read_images(every, request.geometry, request.max_skip)
    whole = Split(batch.pixels, batch.labels, tuple(every[position].name for position in batch.kept.tolist()))
    notes += [*_left_out(ignored, hidden), *_followed(root, halves, [every[row] for row in batch.kept.tolist()])]
    notes += batch.notes
    names = tuple(folders)
    if len(halves) == 1:
        train, test, note = stratified(whole, request.seed, names)
        return RawData(train, test, names, batch.skipped, (*notes, note), by_name=True)
    cut = int((batch.kept < len(images[0])).sum())
    train, test = whole.part(torch.arange(cut)), whole.part(torch.arange(cut, len(whole)))
    return RawData(train, test, names, batch.skipped, tuple(notes), by_name=True)


def natural_key(name: str) -> tuple[tuple[tuple[int, int, str], ...], str]:
    """Key that sorts numbers in names by value and letters without case.

    >>> sorted(["b10", "B2", "a"], key=natural_key)
    ['a', 'B2', 'b10']
    """
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    return tuple((0, int(part), "") if part[0] in "0123456789" else (1, 0, part.casefold()) for part in parts), name


def _halves(root: Path) -> tuple[list[Path], list[str]]:
    """The folders that hold class folders: train and test, or the root itself; and a note."""
    inner = _class_folders(root)
    if not inner:
        found = f"no folders in {root}"
        raise InputRefused(_LAYOUT, found, "put the images of each class into a folder with the name of the class")
    splits = [[f for f in inner if _split_name(f) in kind and _class_folders(f)] for kind in _SPLITS]
    for folders in splits:
        if len(folders) > 1:
            found = f"{' and '.join(sorted(map(_text, folders)))} in {root}"
            raise InputRefused("one folder for each split", found, "leave one of them out")
    train, test, validation = (folders[0] if folders else None for folders in splits)
    test = test or validation
    if train is not None and test is not None:
        stands_in = _split_name(test) in _VALIDATION
        return [train, test], [f"The test samples are those of the folder {_text(test)}."] * stands_in
    if train is not None or test is not None:
        found = f"class folders in {_text(test or train or root)} of {root} and none in {'train' if test else 'test'}"
        raise InputRefused(_LAYOUT, found, "give both, or put the class folders into one folder")
    return [root], []


def _split_name(folder: Path) -> str:
    """The folder's name without case, separators and words such as ``set`` and ``data``.

    >>> _split_name(Path("Training_Set")), _split_name(Path("VAL"))
    ('training', 'val')
    """
    return _FILLERS.sub("", folder.name).casefold()


def _class_folders(folder: Path) -> list[Path]:
    """Folders that may be of a class: not hidden ones, and not those that systems put there."""
    if not folder.is_dir():
        return []
    return [entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(HIDDEN)]


def _files(root: Path, half: Path, label_of: dict[str, int], hidden: list[str]) -> Iterator[ImageFile]:
    """Every file below the class folders, class by class in natural order; those that are hidden go to ``hidden``."""
    for folder in sorted(_class_folders(half), key=lambda folder: label_of[_text(folder)]):
        paths = []
        for place, inner, names in os.walk(folder, onerror=_fail):
            hidden += [_below(root, Path(place, name)) for name in (*inner, *names) if name.startswith(HIDDEN)]
            inner[:] = [name for name in inner if not name.startswith(HIDDEN)]
            paths += [Path(place, name) for name in names if not name.startswith(HIDDEN)]
        named = ((_below(root, path), path) for path in paths)
        for name, path in sorted(named, key=lambda both: natural_key(both[0])):
            yield ImageFile(path, name, label_of[_text(folder)])


def _below(root: Path, path: Path) -> str:
    return _readable(path.relative_to(root).as_posix())


def _fail(err: OSError) -> None:
    # os.walk would pass over a folder that it may not read.
    raise err


def _left_out(ignored: Sequence[ImageFile], hidden: Sequence[str]) -> list[str]:
    """Sentences about the files that are no samples."""
    notes = []
    if ignored:
        notes.append(f"Files without the suffix of an image, left out: {len(ignored):,} (first {ignored[0].name}).")
    if hidden:
        notes.append(f"Hidden files and folders, left out: {len(hidden):,} (first {min(hidden)}).")
    return notes


def _followed(root: Path, halves: Sequence[Path], files: Sequence[ImageFile]) -> list[str]:
    """A sentence about images that lie outside the data folder, behind links in it."""
    linked = tuple(f"{folder}{os.sep}" for half in halves for folder in _class_folders(half) if leads_out(folder, root))
    count = sum(
        str(file.path).startswith(linked) or (file.path.is_symlink() and leads_out(file.path, root)) for file in files
    )
    return [f"Images behind links that lead out of the data folder: {count:,}."] if count else []


def _text(path: Path) -> str:
    return _readable(path.name)


def _readable(name: str) -> str:
    """A name that can be written as UTF-8, whatever bytes the file system holds; other bytes are shown as ``\\xff``."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
