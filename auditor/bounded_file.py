"""Reading a document from outside: a regular file of bounded size, or an error with its reason; nothing ever hangs.

A path from outside may name a pipe without a writer, an endless device or a file larger than memory. It is opened
without waiting and looked at before it is read; what is no regular file, or too large, fails like a file that cannot be
opened: with an ``OSError`` whose ``strerror`` says why.
"""

from __future__ import annotations

import errno
import os
import stat
import tomllib
from pathlib import Path
from typing import Any, Final

LARGEST_RESULTS: Final = 512 * 2**20
"""Bytes of results.json and of a journal: those of thousands of class pairs."""
LARGEST_SMALL: Final = 2**20
"""Bytes of what people write themselves (policy, configuration, class names) and of run.json."""
MOST_DOTS: Final = 256
"""Dots of a line of TOML: the time that a dotted key takes grows with the square of its parts."""
DEEPEST: Final = 16
"""Tables and lists inside each other in TOML."""
LARGEST_NUMBER: Final = 2**63

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


def read_bounded(path: Path, most: int) -> bytes:
    """The content of a regular file of at most ``most`` bytes.

    Raises:
        OSError: it cannot be opened, is no regular file or is larger; ``strerror`` says which.
    """
    flags = os.O_RDONLY
    for name in ("O_NONBLOCK", "O_CLOEXEC", "O_NOCTTY", "O_BINARY"):
        flags |= getattr(os, name, 0)
    try:
        handle = os.open(path, flags)
    except ValueError as err:  # a NUL in the name
        raise OSError(errno.EINVAL, "a name that no file can have", str(path)) from err
    try:
        found = os.fstat(handle)
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(found.st_mode):
            kind = next((said for is_kind, said in _KINDS if is_kind(found.st_mode)), "a special file")
            raise OSError(errno.EINVAL, f"{kind}, where a regular file is needed", str(path))
        # A file may say a size of 0, as those in /proc do, or grow while it is read.
        with os.fdopen(handle, "rb", closefd=False) as file:
            content = file.read(most + 1) if found.st_size <= most else b""
        if found.st_size > most or len(content) > most:
            raise OSError(errno.EFBIG, f"more than the {most:,} bytes that are read of it", str(path))
        return content
    finally:
        os.close(handle)


def read_text(path: Path, most: int = LARGEST_SMALL) -> str:
    """The text of such a file; see ``decoded``.

    Raises:
        OSError: as ``read_bounded``, and where it is no such text.
    """
    try:
        return decoded(read_bounded(path, most))
    except UnicodeDecodeError as err:
        raise OSError(errno.EILSEQ, f"text that is not {err.encoding.upper()}", str(path)) from err


def decoded(content: bytes) -> str:
    """Text as editors write it: UTF-8, or UTF-16 where a byte order mark says so; the mark is left out.

    Raises:
        UnicodeDecodeError: it is neither.
    """
    return content.decode("utf-16" if content.startswith(_UTF_16) else "utf-8-sig")


def plain_utf8(content: bytes) -> bytes:
    """Such text in UTF-8 without a mark; what has no mark is left as it is.

    Raises:
        UnicodeDecodeError: it has one, and is not what that says.
    """
    return decoded(content).encode() if content.startswith((*_UTF_16, b"\xef\xbb\xbf")) else content


def parse_toml(text: str) -> dict[str, Any]:
    """The tables of a TOML document of bounded depth, with numbers of bounded size.

    Raises:
        ValueError: it is no TOML, or goes beyond the bounds; the message says what of it.
    """
    if any(line.count(".") > MOST_DOTS for line in text.splitlines()):
        raise ValueError(f"a line with more than {MOST_DOTS} dots")
    try:
        content = tomllib.loads(text)
    except RecursionError as err:
        raise ValueError("tables or lists nested without end") from err
    level: list[Any] = [content]
    for _ in range(DEEPEST):
        level = [part for whole in level for part in (whole.values() if isinstance(whole, dict) else whole)]
        if any(isinstance(part, int) and abs(part) >= LARGEST_NUMBER for part in level):
            raise ValueError("a number of more than 18 digits")
        level = [part for part in level if isinstance(part, dict | list)]
        if not level:
            return content
    raise ValueError(f"tables or lists nested more than {DEEPEST} deep")
