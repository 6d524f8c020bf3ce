"""Which files the worker may open: the installation, the system's libraries, the model, the data, what it writes.

Of what links in a data folder lead to outside it, only images are open (``datasets.linked``).

Of a model's folder only what an ONNX graph names as its weights is open (``external_data``).
"""

from __future__ import annotations

import os
import site
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import auditor
from auditor.datasets.links_outside import outside_images
from auditor.documents.plan import Plan
from auditor.plugin_registry import plugin_places
from auditor.worker.sandbox.landlock import DEVICE, LIST, OVERWRITE, READ, WRITE

_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/nix/store", "/etc/ld.so.cache", "/etc/ld.so.conf",
           "/etc/ld.so.conf.d", "/etc/ld.so.preload", "/etc/localtime", "/etc/alternatives", "/etc/nvidia",
           "/opt/conda/lib", "/opt/nvidia")  # fmt: skip
_KERNEL = ("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/version", "/proc/filesystems",
           "/proc/modules", "/proc/devices", "/proc/driver/nvidia", "/proc/sys/vm", "/proc/sys/kernel",
           "/sys/devices", "/sys/bus", "/sys/class", "/sys/module", "/sys/fs/cgroup", "/sys/kernel/mm",
           "/dev/urandom", "/dev/random", "/dev/zero")  # fmt: skip
_GPU = ("/proc/driver/nvidia-uvm", "/usr/lib/wsl")


def places(plan: Plan, scratch: Path) -> Iterator[tuple[Path, int]]:
    """Places and rights for a job, without the files of the model.

    Args:
        plan: of the job.
        scratch: a folder of its own for temporary files.
    """
    for path in installation():
        yield path, READ
    for folder, modules in plugin_places():
        yield folder, LIST
        yield from ((path, READ) for path in modules)
    for name in (*_SYSTEM, *_KERNEL):
        yield Path(name), READ
    yield Path("/dev/null"), DEVICE
    yield from of_gpu()
    for path in of_data(plan):
        yield path, READ
        outside = outside_images(path)
        yield from ((file, READ) for file in outside.files)
        yield from ((folder, LIST) for folder in outside.folders)
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


def of_gpu(devices: Path = Path("/dev")) -> Iterator[tuple[Path, int]]:
    """What CUDA needs where there is an NVIDIA device, or Windows' door to one; nothing elsewhere.

    Drivers from 570 on name their threads by writing to ``/proc/self/task/<thread>/comm`` and fail without. Landlock
    cannot tell ``comm`` from the other files of a thread, and threads come later, so all of them may be written to;
    what of these needs a power of root's, the worker has given up (``capabilities``).
    """
    if not has_gpu(devices):
        return
    for device in (*sorted(devices.glob("nvidia*")), devices / "dxg"):
        yield device, DEVICE
    yield Path("/proc/self/task"), OVERWRITE
    for name in _GPU:
        yield Path(name), READ


def has_gpu(devices: Path = Path("/dev")) -> bool:
    """Whether there is an NVIDIA driver, or Windows' door to one."""
    return (devices / "nvidiactl").exists() or (devices / "dxg").exists()


def of_data(plan: Plan) -> list[Path]:
    """The data's file or folder, and the folder of fetched data sets where a name is given."""
    if plan.data is None:
        return []
    given = Path(plan.data.data)
    try:
        return [given] if plan.data.data and given.exists() else [Path(plan.data.root)]
    except (OSError, ValueError):
        return []
