"""The key that shows that a journal was made by this user on this machine: 32 random bytes outside every checkout.

``$XDG_STATE_HOME/deepdig-audit/journal.key`` (``~/.local/state`` where that is not set), readable by its owner alone. A
file that came with a checkout is none: version control keeps neither its owner nor that nobody else may read it. Only
the parent knows it; the worker, in which a model file is opened, is never told.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path

SIZE = 32


def user_key(folder: Path) -> bytes:
    """The key, made where there is none.

    Args:
        folder: of the output; the key must not lie in it or in the checkout that it lies in.
    Raises:
        OSError: there is no place for it, or what is there is not this user's alone.
    """
    place = _state() / "deepdig-audit"
    if any(place.resolve().is_relative_to(part) for part in _untrusted(folder.resolve())):
        raise OSError(f"{place} lies in the checkout")
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    _only_ours(place.lstat(), place, stat.S_ISDIR, 0o022)
    path = place / "journal.key"
    if not os.path.lexists(path):
        _make(path)
    with open(path, "rb", opener=_not_a_link) as file:
        _only_ours(os.fstat(file.fileno()), path, stat.S_ISREG, 0o077)
        key = file.read(SIZE + 1)
    if len(key) != SIZE:
        raise OSError(f"{path} does not hold {SIZE} bytes; remove it")
    return key


def _state() -> Path:
    given = os.environ.get("XDG_STATE_HOME") or os.environ.get("LOCALAPPDATA") or ""
    if os.path.isabs(given):
        return Path(given)
    try:
        return Path.home() / ".local" / "state"
    except RuntimeError as err:
        raise OSError("no home folder") from err


def _untrusted(folder: Path) -> list[Path]:
    """The output folder and the checkout around it, unless that is the home folder itself."""
    checkout = next((part for part in (folder, *folder.parents) if (part / ".git").exists()), folder)
    try:
        home = Path.home().resolve()
    except RuntimeError:
        home = None
    return [folder] if checkout == home else [folder, checkout]


def _only_ours(found: os.stat_result, path: Path, kind: Callable[[int], bool], others: int) -> None:
    """Refuse what is of another kind or another user, or open to others (bits of the mode)."""
    if not kind(found.st_mode) or (os.name != "nt" and (found.st_uid != os.geteuid() or found.st_mode & others)):
        raise OSError(f"{path} is not this user's alone; remove it")


def _make(path: Path) -> None:
    """Write a new key so that it appears whole; that of another process that was faster stays."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(handle, "wb") as file:
            file.write(secrets.token_bytes(SIZE))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError:
            pass
        except (OSError, AttributeError):  # a file system without links
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _not_a_link(name: str, flags: int) -> int:
    return os.open(name, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
