"""Which files the worker may open: the installation, the system's libraries, the model, the data, what it writes.

The model's folder is open only to an ONNX file, whose weights may lie beside it; of other formats only the file.
"""

from __future__ import annotations

import os
import site
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import auditor
from auditor.audit.plan import Plan
from auditor.audit.sandbox.landlock import DEVICE, READ, WRITE

_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/nix/store", "/etc/ld.so.cache", "/etc/ld.so.conf",
           "/etc/ld.so.conf.d", "/etc/ld.so.preload", "/etc/localtime", "/etc/alternatives", "/etc/nvidia",
           "/opt/conda/lib", "/opt/nvidia")  # fmt: skip
_KERNEL = ("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/version", "/proc/filesystems",
           "/proc/modules", "/proc/devices", "/proc/driver/nvidia", "/proc/sys/vm", "/proc/sys/kernel",
           "/sys/devices", "/sys/bus", "/sys/class", "/sys/module", "/sys/fs/cgroup", "/sys/kernel/mm",
           "/dev/urandom", "/dev/random", "/dev/zero")  # fmt: skip
_ARCHIVE = b"PK"


def places(plan: Plan, scratch: Path) -> Iterator[tuple[Path, int]]:
    """Places and rights for a job.

    Args:
        plan: of the job.
        scratch: a folder of its own for temporary files.
    """
    for path in installation():
        yield path, READ
    for name in (*_SYSTEM, *_KERNEL):
        yield Path(name), READ
    yield Path("/dev/null"), DEVICE
    for device in sorted(Path("/dev").glob("nvidia*")):
        yield device, DEVICE
    yield of_model(Path(plan.model.path)), READ
    yield from ((path, READ) for path in of_data(plan))
    yield scratch, WRITE
    if plan.instances_folder is not None:
        yield Path(plan.instances_folder), WRITE


def installation() -> list[Path]:
    """Python, its packages, this package and the libraries that the environment points to.

    The working directory is none of them, though ``python -m`` puts it on the import path: the audited files and
    everything beside them may lie there.
    """
    names = [sys.prefix, sys.base_prefix, sys.exec_prefix, *sysconfig.get_paths().values(), *site.getsitepackages()]
    here = Path.cwd().resolve()
    on_path = [entry for entry in sys.path if entry and Path(entry).resolve() != here]
    linked = [entry for entry in os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep) if entry]
    found = {Path(name).resolve() for name in (*names, *on_path, *linked)} | {Path(auditor.__file__).resolve().parent}
    return sorted(path for path in found if path != Path(path.anchor) and path != here)


def of_model(path: Path) -> Path:
    """The model's file, or its folder where it may have weights beside it."""
    try:
        if not path.is_file():  # to open a pipe would wait for its other end
            return path
        with path.open("rb") as file:
            alone = file.read(2) == _ARCHIVE
    except (OSError, ValueError):
        return path
    return path if alone else path.resolve().parent


def of_data(plan: Plan) -> list[Path]:
    """The data's file or folder, and the folder of fetched data sets where a name is given."""
    if plan.data is None:
        return []
    given = Path(plan.data.data)
    try:
        return [given] if plan.data.data and given.exists() else [Path(plan.data.root)]
    except (OSError, ValueError):
        return []
