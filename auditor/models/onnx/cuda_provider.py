"""ONNX Runtime's CUDA provider: the libraries it needs are brought in; where it does not come up, the reason is found.

Its libraries are packages beside it, in folders that the system's loader does not search, and torch loads only those
that it uses itself. What ONNX Runtime says of a provider that does not load goes to a log that nobody reads.
"""

from __future__ import annotations

import ctypes
import importlib.util
import io
import os
import sys
import warnings
from contextlib import redirect_stderr, redirect_stdout
from importlib.metadata import packages_distributions
from pathlib import Path

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # see onnx_runtime, which may not be the first to import it

import onnxruntime

CUDA_PROVIDER = "CUDAExecutionProvider"
_BINARIES = Path(onnxruntime.__file__).parent / "capi"
_NAME = "{}.dll" if sys.platform == "win32" else "lib{}.so"
PROVIDER_LIBRARY = _BINARIES / _NAME.format("onnxruntime_providers_cuda")
_SHARED_LIBRARY = _BINARIES / _NAME.format("onnxruntime_providers_shared")


def preload() -> None:
    """Load the CUDA libraries that are installed as packages, silently; what lacks shows when the provider is used."""
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        onnxruntime.preload_dlls()
        for folder in _library_folders():
            onnxruntime.preload_dlls(directory=str(folder))


def why_not_loaded() -> str:
    """Why a session has no CUDA provider, in the words of the system's loader where it is a library that is missing.

    Call it after a session was made without the provider: only then is the library free to be loaded by others.
    """
    build = f"ONNX Runtime {onnxruntime.__version__}"
    if CUDA_PROVIDER not in onnxruntime.get_available_providers():
        if len(builds := installed_builds()) > 1:
            return (
                f"{build} is a build without CUDA: the packages {' and '.join(builds)} are installed, and each has"
                " overwritten files of the other; uninstall all of them, then install onnxruntime-gpu alone"
            )
        return f"{build} is a build without CUDA (package onnxruntime instead of onnxruntime-gpu)"
    try:
        ctypes.CDLL(str(_SHARED_LIBRARY), mode=ctypes.RTLD_GLOBAL)
        ctypes.CDLL(str(PROVIDER_LIBRARY))
    except OSError as err:
        return f"the CUDA provider of {build} does not load: {err}"
    return f"the CUDA provider of {build} loads, but finds no device that it can use"


def installed_builds() -> list[str]:
    """The installed packages that bring the module ``onnxruntime``, sorted: more than one share its files."""
    return sorted(set(packages_distributions().get("onnxruntime", ())))


def _library_folders() -> list[Path]:
    """Folders of NVIDIA's packages, which may be spread over several environments that lie on each other."""
    spec = importlib.util.find_spec("nvidia")
    roots = spec.submodule_search_locations if spec is not None else None
    return sorted(folder for root in roots or () for folder in Path(root).glob("*/lib"))
