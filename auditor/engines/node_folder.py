"""Where a node keeps the files of an audit: a folder of its user's alone, gone when the audit is over.

    <temporary folder>/deepdig-audit-nodes-<user>/<audit>/<SHA-256>/model.onnx

Every process that works on the audit holds a lock on its folder. What an audit left behind whose machine failed has no
such lock, and the next audit on the node removes it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
from pathlib import Path

from auditor.errors import AuditIncomplete

_LOCK = "lock"


class NodeFolder:
    """The folder of one audit on this node, for as long as this process needs it.

    Args:
        audit: its name, of letters and digits.
    Attributes:
        path: of the folder.
    Raises:
        AuditIncomplete: there is no place for it, or somebody else made one in its place.
    """

    def __init__(self, audit: str) -> None:
        assert audit.isalnum(), audit
        base = _base()
        self.path = base / audit
        try:
            _sweep(base, audit)
            self._handle = _locked(self.path)
        except OSError as err:
            raise _unusable(base, err.strerror or str(err)) from err

    def leave(self) -> None:
        """This process needs it no more."""
        with contextlib.suppress(OSError):
            os.close(self._handle)

    def remove(self) -> None:
        """No process needs it any more."""
        self.leave()
        shutil.rmtree(self.path, ignore_errors=True)
        with contextlib.suppress(OSError):  # another audit has its folder there
            self.path.parent.rmdir()


def _base() -> Path:
    base = Path(tempfile.gettempdir(), f"deepdig-audit-nodes-{os.geteuid()}")
    try:
        base.mkdir(mode=0o700, exist_ok=True)
        found = base.lstat()
    except OSError as err:
        raise _unusable(base, err.strerror or str(err)) from err
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise _unusable(base, "that it is not this user's alone")
    return base


def _unusable(base: Path, found: str) -> AuditIncomplete:
    return AuditIncomplete(
        f"expected a private folder for temporary files on the node; found {base}: {found}; remove it, or set TMPDIR"
        " there"
    )


def _locked(folder: Path) -> int:
    """Hold the folder's lock together with others, making both where they are not there or have just been removed."""
    while True:
        try:
            _base()  # another process may just have removed it
            folder.mkdir(mode=0o700, exist_ok=True)
            handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(handle, fcntl.LOCK_SH)
            if os.path.samestat(os.fstat(handle), os.stat(folder / _LOCK)):
                return handle
            os.close(handle)
        except FileNotFoundError:
            continue


def _sweep(base: Path, audit: str) -> None:
    """Remove what other audits left behind that no process holds."""
    for folder in base.iterdir():
        if folder.name == audit:
            continue
        with contextlib.suppress(OSError):
            handle = os.open(folder / _LOCK, os.O_RDWR)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(handle)
