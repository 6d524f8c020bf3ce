"""The folder that a command writes to: its own alone, rid of what earlier runs left, the user's files left alone.

What the tool itself made goes once the command line is understood and before any option's value is used, so that a run
that does not end well leaves no verdict of another run. What the tool did not make, and what this very command reads,
is never removed or overwritten: where such a file has the place of an output, the command is refused. What looks as the
tool writes it is the tool's, of whatever version; all else is somebody's own. Links are never followed: what stands
behind one is not in the folder.
"""

from __future__ import annotations

import itertools
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from auditor.documents.pair_outcomes import Found, PairsPart
from auditor.documents.whole_files import RESULTS, RUN, prepare_folder
from auditor.errors import AuditIncomplete, UsageError, one_line
from auditor.worker.journal import JOURNAL, only_audit

INSTANCES = "instances"
"""Folder of the saved boundary instances in an output folder."""
OF_INSTANCES = re.compile(r"(\d{1,9})-(\d{1,9})\.npz")
_HEAD = 65_536
"""Bytes in which a file says by what it was made."""
_PDF = 1 << 26
"""Bytes of a PDF file that are looked through."""
_TOOL = b"deepdig-audit"


def _json(*keys: bytes) -> Callable[[bytes], bool]:
    """A JSON object that begins with the schema's version and has these keys near its beginning."""
    return lambda head: (
        re.match(rb'\s*\{\s*"schema_version"\s*:', head) is not None and all(key in head for key in keys)
    )


def _has(*texts: bytes) -> Callable[[bytes], bool]:
    return lambda head: all(text in head for text in texts)


def _begins(pattern: bytes) -> Callable[[bytes], bool]:
    return lambda head: re.match(pattern, head) is not None


_generator = _has(b'<meta name="generator" content="deepdig-audit ')

OF_AN_AUDIT: dict[str, Callable[[bytes], bool]] = {
    RESULTS: _json(b'"deepdig-audit"', b'"tool"'),
    RUN: _json(b'"duration_seconds"', b'"stages"'),
    "report.html": _generator,
    "summary.md": _begins(rb"### [^:\n]{1,40}: decision boundary of "),
    "junit.xml": _has(b'<testsuites name="deepdig-audit"'),
    "results.sarif": _has(b'"name": "deepdig-audit"', b'"driver"'),
    "samples.csv": _begins(rb"split,index,file,label,label_name,predicted,"),
    "report.pdf": _begins(rb"%PDF-"),
}
"""The outputs of an audit by the names of their files, and how the beginning of each shows that the tool made it."""
OF_A_COMPARISON: dict[str, Callable[[bytes], bool]] = {
    "compare.json": _json(b'"candidate"', b'"deepdig-audit"'),
    "compare.html": _generator,
    "compare.md": _begins(rb"### [^:\n]{1,40}: .+ against .+ on "),
    "compare.pdf": _begins(rb"%PDF-"),
}
"""The outputs of a comparison, likewise."""
WITH_VERDICT = ("report.html", "report.pdf", "summary.md", "junit.xml", "results.sarif")
"""Outputs that another decision on the same results makes wrong; results.json itself is written anew."""
_KNOWN = {**OF_AN_AUDIT, **OF_A_COMPARISON}
ALL = (*_KNOWN, INSTANCES, JOURNAL)
"""Everything that the tool writes to an output folder."""
Reads = Mapping[str, Path | str | None]
"""What a command reads besides, by the name of the option; None for what was not given."""


class OutputFolder:
    """An output folder for as long as the block runs; what the tool made there is gone when the block begins.

    Args:
        path: the folder; it need not be there. A link to a folder is one, since the user named it.
        names: of the outputs whose places this command needs.
        reads: what the command reads.
        keep: whether a file that the tool made stays for now.
    Attributes:
        removed: names of the files that the tool had made.
    Raises:
        UsageError: a file that stays has the place of an output.
        AuditIncomplete: another audit is at work there, or a file cannot be removed.
    """

    def __init__(
        self, path: Path, names: Collection[str], reads: Reads, keep: Callable[[Path], bool] = lambda _: False
    ) -> None:
        self.path, self.removed = path, list[str]()
        self._names, self._reads, self._keep = names, reads, keep
        self._stack, self._owned = ExitStack(), False

    def __enter__(self) -> Self:
        try:
            if os.path.isdir(self.path):  # unlike Path.is_dir, without an error where it may not be looked at
                self._own()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def prepare(self) -> None:
        """Make the folder where it is missing, and prove that it can be written to.

        Raises:
            AuditIncomplete: it cannot be made or written to.
        """
        prepare_folder(self.path)
        if not self._owned:
            self._own()

    def _own(self) -> None:
        self._stack.enter_context(only_audit(self.path))
        self._owned = True
        try:
            self._clear()
        except OSError as err:
            raise AuditIncomplete(
                f"expected a folder to write to; found {err.filename or self.path}: {err.strerror}; check rights,"
                " or name another with --out"
            ) from err

    def _clear(self) -> None:
        """Remove what the tool made; then refuse what has the place of an output and has to stay."""
        places = [self.path / name for name in self._names]
        if INSTANCES in self._names:
            places += instances_of(self.path)
        obstacles = list[str]()
        for place in places:
            if (option := self._read_here(place)) is not None:
                obstacles.append(f"{option} {place} in the place of an output, which would overwrite it")
            elif place.name != JOURNAL and os.path.lexists(place):  # whose journal it is shows when it is read
                if found := strange(place):
                    obstacles.append(found)
                elif place.name != INSTANCES and not self._keep(place):
                    remove(place)
                    self.removed.append(place.name)
        if obstacles:
            more = f" and {len(obstacles) - 1} more" if len(obstacles) > 1 else ""
            raise UsageError(
                f"expected an output folder without other files of these names; found {obstacles[0]}{more};"
                " name another --out, or move the file"
            )

    def _read_here(self, place: Path) -> str | None:
        """The option whose file stands at a place, if one does."""
        for option, path in self._reads.items():
            if path is not None and str(path) and same_file(Path(path), place):
                return option
        return None


class EarlierInstances:
    """Boundary instances that an interrupted run saved; those of other pairs than it finished are removed at once.

    Args:
        folder: the output folder.
        found: what the journal holds, or None.
    """

    def __init__(self, folder: Path, found: Found | None) -> None:
        parts = [part for part in (found.parts if found else []) if isinstance(part, PairsPart)]
        finished = {f"{s}-{t}.npz" for part in parts for a, b in part.classes for s, t in ((a, b), (b, a))}
        self._kept = list[tuple[Path, int]]()
        for path in instances_of(folder):
            if path.name in finished:
                self._kept.append((path, path.lstat().st_ino))
            else:
                remove(path)

    def forget(self) -> None:
        """Remove those that are left, unless this run has written them anew."""
        for path, inode in self._kept:
            if os.path.lexists(path) and path.lstat().st_ino == inode:
                remove(path)


def remove(path: Path) -> None:
    """Remove a file of an earlier run.

    Raises:
        AuditIncomplete: it cannot be removed.
    """
    try:
        path.unlink()
    except OSError as err:
        raise AuditIncomplete(
            f"expected to remove {path} of an earlier run; found: {err.strerror}; remove it, or name another --out"
        ) from err


def same_file(path: Path, place: Path) -> bool:
    """Whether two paths lead to one file that would be lost under both names; another hard link would not."""
    try:
        if os.path.realpath(path) == os.path.realpath(place):
            return True
        return place.samefile(path) and place.stat().st_nlink == 1
    except (OSError, ValueError):  # one of them is not there, or is no path
        return False


def is_instances(path: Path) -> bool:
    """Whether a file has the name and the place of saved boundary instances."""
    return path.parent.name == INSTANCES and OF_INSTANCES.fullmatch(path.name) is not None


def instances_of(folder: Path) -> Iterator[Path]:
    """Files in an output folder that have the names of saved boundary instances."""
    inside = folder / INSTANCES
    if inside.is_dir() and not inside.is_symlink():
        yield from sorted(path for path in inside.iterdir() if OF_INSTANCES.fullmatch(path.name))


def strange(path: Path) -> str:
    """What stands at a place of an output that the tool did not write, in words; empty where it wrote it."""
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return f"{path}, a link, which is not followed"
    if path.name == INSTANCES and stat.S_ISDIR(mode):
        return ""
    if not stat.S_ISREG(mode):
        return f"{path}, which is no file"
    try:
        made = _made_by_tool(path)
    except Exception as err:  # zipfile raises all kinds of errors for damaged archives
        return f"{path}, which cannot be read: {one_line(str(err))}"
    return "" if made else f"{path}, which deepdig-audit did not write"


def _made_by_tool(path: Path) -> bool:
    if OF_INSTANCES.fullmatch(path.name):
        with zipfile.ZipFile(path) as archive:
            return {"x_boundary.npy", "p_boundary.npy"} <= set(archive.namelist())
    with open(path, "rb", opener=_not_a_link) as file:
        head = file.read(_HEAD)
        if path.name not in _KNOWN or not _KNOWN[path.name](head):
            return False
        return not path.name.endswith(".pdf") or _pdf_by_tool(head + file.read(_PDF))


def _not_a_link(name: str, flags: int) -> int:
    return os.open(name, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))


def _pdf_by_tool(content: bytes) -> bool:
    """Whether the metadata of a PDF file name the tool."""
    streams = re.finditer(rb"/Metadata[^>]{0,200}>>\s{0,4}stream\r?\n", content)
    for match in itertools.islice(streams, 4):
        try:
            text = zlib.decompressobj().decompress(content[match.end() : match.end() + _HEAD], _HEAD)
        except zlib.error:
            text = content[match.end() : match.end() + _HEAD]
        if _TOOL in text:
            return True
    return False
