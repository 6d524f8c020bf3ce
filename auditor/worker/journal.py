"""The journal of an audit: every finished part on the disk, so that the same command goes on after whatever ended it.

A file of lines in the output folder, each the HMAC-SHA-256 of a JSON document and the document: first the facts under
which the parts were made, then the parts. A line is added and forced to the disk before anyone is told that its part is
finished. A line that a failing machine cut or changed does not have its code; its part is made again.

The key of the codes is this user's on this machine (``journal_key``). A file whose first line does not have its code
was made by somebody else, such as the author of the checkout: nothing of it is used, and it is not touched. A part's
code covers the first line too, so that parts of two audits cannot be mixed.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TypeVar

from pydantic import TypeAdapter, ValidationError

from auditor.documents.messages import Begun, PartDone
from auditor.documents.pair_outcomes import Found, Part
from auditor.documents.whole_files import write_whole
from auditor.errors import AuditIncomplete
from auditor.worker.journal_key import user_key

JOURNAL = "audit.journal"
MODEL_FILE_CODE = "the model file as the parent read it"
"""Fact of the first line that the parent states; the worker, in which the model file is opened, could state another."""
_HEAD_BYTES = 1 << 22
T = TypeVar("T")
_facts: TypeAdapter[dict[str, str]] = TypeAdapter(dict[str, str])
_part: TypeAdapter[Part] = TypeAdapter(Part)


class Journal:
    """The journal in one output folder.

    Args:
        folder: of the audit's output; it is there.
        keep: go on from what it holds; otherwise that is forgotten.
        model: the SHA-256 of the model file as the parent read it; parts of another are not gone on from.
    Attributes:
        found: what an earlier run left, or None.
        damaged: lines of it that could not be used.
        another_model: whether an earlier run was about another model file.
        forgotten: whether it holds parts that are not to be gone on from.
        off: why no journal is read or kept; empty where one is.
    """

    def __init__(self, folder: Path, *, keep: bool = True, model: str = "") -> None:
        self._path, self._model = folder / JOURNAL, model
        self._documents: list[bytes] = []
        self._head_code = b""
        self.found: Found | None = None
        self.damaged, self.another_model, self.forgotten, self.off = 0, False, False, ""
        try:
            self._key = user_key(folder)
        except OSError as err:
            self.off = f"no key for it: {err.strerror or err}"
            return
        self._read(keep)

    def _read(self, keep: bool) -> None:
        try:
            with open(self._path, "rb", opener=_not_a_link) as file:
                regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
                head = self._document(file.readline(_HEAD_BYTES), b"") if regular else None
                if head is None:
                    self.off = f"{self._path} was not made by this user on this machine"
                elif keep:
                    self._read_parts(head, file)
                else:
                    self.forgotten = bool(file.read(1))
        except FileNotFoundError:
            return
        except OSError as err:
            if self._path.is_symlink():
                self.off = f"{self._path} is a link"
                return
            raise AuditIncomplete(
                f"expected to read {self._path}; found: {err.strerror}; mend it, or give --no-resume"
            ) from err

    def _read_parts(self, head: bytes, file: BinaryIO) -> None:
        try:
            before = _facts.validate_json(head)
        except ValidationError:  # of another version of the tool
            self.damaged = 1 + sum(1 for _ in file)
            return
        if before.pop(MODEL_FILE_CODE, "") != self._model:
            self.another_model = True
            return
        code, parts = self._code(head, b""), list[Part]()
        for line in file:
            document = self._document(line, code)
            part = _valid(document, _part) if document is not None else None
            if part is None or document is None:
                self.damaged += 1
            else:
                parts.append(part)
                self._documents.append(document)
        self.found = Found(facts=before, parts=parts)

    def keep(self, message: Begun | PartDone, written: Callable[[], None] = lambda: None) -> None:
        """Write down what the worker says.

        Args:
            written: called when it stands in the file: the disk may take its time, and an interrupt may come meanwhile.
        Raises:
            AuditIncomplete: it could not be written; what was written before is there.
        """
        if self.off:
            return
        if isinstance(message, PartDone):
            self._add(self._line(message.part.model_dump_json().encode(), self._head_code), written)
            return
        if self.found is None or message.changed:
            self._documents = []
        # Whole and new, so that neither a cut line nor parts of another audit stand before what is added.
        head = _facts.dump_json({**message.facts, MODEL_FILE_CODE: self._model})
        self._head_code = self._code(head, b"")
        lines = [self._line(head, b""), *(self._line(document, self._head_code) for document in self._documents)]
        write_whole(self._path, b"".join(lines))
        self.found, self._documents = None, []
        written()

    def _add(self, line: bytes, written: Callable[[], None]) -> None:
        try:
            with open(self._path, "ab", opener=_not_a_link) as file:
                file.write(line)
                file.flush()
                written()
                os.fsync(file.fileno())
        except OSError as err:
            found = f"{err.strerror}; what was finished before is kept: free space and run the command again"
            raise AuditIncomplete(f"expected to write {self._path}; found: {found}") from err

    def finish(self) -> None:
        """The results are written: the journal is needed no more."""
        if not self.off:
            with suppress(OSError):  # the same command would find everything finished, which does no harm
                self._path.unlink(missing_ok=True)

    def _code(self, document: bytes, before: bytes) -> bytes:
        """HMAC-SHA-256 of the code of the first line, empty for that line itself, and the document."""
        return hmac.new(self._key, before + b" " + document, hashlib.sha256).hexdigest().encode()

    def _line(self, document: bytes, before: bytes) -> bytes:
        return self._code(document, before) + b" " + document + b"\n"

    def _document(self, line: bytes, before: bytes) -> bytes | None:
        """The document of a line; None where the line is damaged, or of somebody else."""
        code, _, document = line.rstrip(b"\n").partition(b" ")
        return document if hmac.compare_digest(code, self._code(document, before)) else None


def _valid(document: bytes, kind: TypeAdapter[T]) -> T | None:
    """What a document says; None where it is of another version of the tool."""
    try:
        return kind.validate_json(document)
    except ValidationError:
        return None


def _not_a_link(name: str, flags: int) -> int:
    return os.open(name, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0), 0o666)


@contextmanager
def only_audit(folder: Path) -> Iterator[None]:
    """Keep other audits out of an output folder for as long as the block runs.

    Raises:
        AuditIncomplete: another one is at work there.
    """
    try:
        import fcntl
    except ImportError:  # Windows has no such lock
        yield
        return
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError as err:
        raise AuditIncomplete(
            f"expected a folder to write to; found {folder}: {err.strerror}; name another with --out"
        ) from err
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as err:
            raise AuditIncomplete(
                f"expected a folder to itself; found another audit writing to {folder}; wait, or name another with"
                " --out"
            ) from err
        except OSError:
            pass  # a file system without locks
        yield
    finally:
        os.close(handle)
