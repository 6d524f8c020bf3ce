"""Standard output and standard error that never raise: what could not be written is known at the end.

A closed pipe, a full disk or a stream that was closed from the start must not end a command at whatever line it stands,
with whatever exit code that happens to give. Characters that the stream's encoding lacks are written as escapes.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
import warnings
from typing import Any


class Patient(io.RawIOBase):
    """A raw stream whose writing always succeeds; the first failure is kept.

    Args:
        raw: to write to; None where the stream was closed from the start.
    Attributes:
        lost: why something could not be written; None where all was.
    """

    def __init__(self, raw: Any) -> None:
        super().__init__()
        self._raw = raw
        self.lost: OSError | None = None

    def write(self, data: Any) -> int:
        """Write all of it, or none after the first failure; returns the number of bytes given."""
        view = memoryview(data).cast("B")
        rest = view
        while len(rest) and self.lost is None:
            try:
                if self._raw is None:
                    raise _closed()
                written = self._raw.write(rest)
                if written is None:  # it does not block, and its reader is slow
                    select.select([], [self._raw], [])
                rest = rest[written or 0 :]
            except (OSError, ValueError) as err:
                self.lost = err if isinstance(err, OSError) else _closed()
        return len(view)

    def writable(self) -> bool:
        """Always."""
        return True

    def isatty(self) -> bool:
        """Whether a terminal shows it."""
        return self._raw is not None and bool(self._raw.isatty())

    def fileno(self) -> int:
        """Of the stream below."""
        if self._raw is None:
            raise io.UnsupportedOperation("fileno")
        return int(self._raw.fileno())


def protect() -> None:
    """Put standard output and standard error behind streams that never raise, and keep warnings from being errors."""
    _open_all()
    sys.stdout, sys.stderr = _patient(sys.stdout), _patient(sys.stderr)
    if any(action == "error" for action, *_ in warnings.filters):
        # Meant for code under test, not for what a library says about itself; the worker inherits the variable.
        os.environ.pop("PYTHONWARNINGS", None)
        warnings.resetwarnings()
        warnings.simplefilter("ignore")


def output_lost() -> OSError | None:
    """Why standard output did not get all that it was given; None where it did, or is no stream of ours."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    if not isinstance(raw, Patient):
        return None
    sys.stdout.flush()
    return raw.lost


def _closed() -> OSError:
    return OSError(errno.EBADF, "it is closed")


def _open_all() -> None:
    """Open what is closed of the three streams, so that no file of the work gets their number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free, which is this one


def _patient(stream: Any) -> io.TextIOWrapper:
    buffer = getattr(stream, "buffer", None)
    raw = Patient(None if stream is None else getattr(buffer, "raw", buffer))
    lines = stream is not None and (stream.line_buffering or stream is sys.stderr)
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding=getattr(stream, "encoding", None) or "utf-8", errors="backslashreplace",
        line_buffering=lines, write_through=getattr(stream, "write_through", False),
    )  # fmt: skip
