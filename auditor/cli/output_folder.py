"""The folder that a command writes to: its own alone, rid of what earlier runs left, the user's files left alone.

What the tool itself made goes once the command line is understood and before any option's value is used, so that a run
that does not end well leaves no verdict of another run. What the tool did not make, and what this very command reads,
is never removed or overwritten: where such a file has the place of an output, the command is refused.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from auditor.cli.earlier import INSTANCES, OF_A_COMPARISON, OF_AN_AUDIT, instances_of, strange
from auditor.documents.files import prepare_folder
from auditor.documents.parts import FinishedPairs, Found
from auditor.errors import AuditIncomplete, UsageError
from auditor.worker.journal import JOURNAL, only_audit

Reads = Mapping[str, Path | str | None]
"""What a command reads besides, by the name of the option; None for what was not given."""


ALL = (*OF_AN_AUDIT, *OF_A_COMPARISON, INSTANCES, JOURNAL)
"""Everything that the tool writes to an output folder."""


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
        parts = [part for part in (found.parts if found else []) if isinstance(part, FinishedPairs)]
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
