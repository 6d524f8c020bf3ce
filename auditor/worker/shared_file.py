"""What the first worker hands to its helpers: files of plain arrays and a text, never a pickle.

The first worker writes them to its own folder for temporary files; the parent copies them into each helper's, so that
no worker opens another's.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.documents.messages import SharedName as Name
from auditor.errors import AuditIncomplete

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_TEXT = "text"


def write_shared(name: Name, arrays: Mapping[str, NDArray[np.generic]], text: str) -> None:
    """Write the file to this process's folder for temporary files, whole or not at all."""
    import numpy as np

    folder = Path(tempfile.gettempdir())
    unfinished = folder / f"unfinished-{name}.npz"
    np.savez(unfinished, **dict(arrays), **{_TEXT: np.frombuffer(text.encode(), dtype=np.uint8)})  # type: ignore[arg-type]
    unfinished.replace(_file(folder, name))


def read_shared(name: Name) -> tuple[dict[str, NDArray[np.generic]], str]:
    """The arrays, by name, and the text of the file in this process's folder for temporary files.

    Raises:
        ValueError: it holds something else, such as a pickle.
    """
    import numpy as np

    with np.load(_file(Path(tempfile.gettempdir()), name), allow_pickle=False) as file:
        arrays = {key: file[key] for key in file.files}
    return arrays, arrays.pop(_TEXT).tobytes().decode()


def copy_shared(source: Path, target: Path, name: Name, most: int) -> None:
    """Copy the file from one worker's folder to another's, whatever the first worker has put in its place.

    Args:
        most: bytes that it may hold.
    Raises:
        AuditIncomplete: it is no regular file of that size, or cannot be copied.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(_file(source, name), flags)
        with open(handle, "rb") as file:
            about = os.fstat(handle)
            if not stat.S_ISREG(about.st_mode) or about.st_size > most:
                raise AuditIncomplete(
                    f"expected a file of at most {most:,} bytes from the worker process; found another; this is a bug"
                    " in the tool"
                )
            with open(_file(target, name), "xb") as copy:
                shutil.copyfileobj(file, copy, 1 << 20)
    except OSError as err:
        found = err.strerror or str(err)
        raise AuditIncomplete(f"expected to hand what workers share to a helper; found: {found}; try --jobs 1") from err


def _file(folder: Path, name: Name) -> Path:
    return folder / f"shared-{name}.npz"
