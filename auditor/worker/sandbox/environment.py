"""The variables that a worker gets: those of a list, so that a secret of the parent's environment is not among them.

Whatever a model can do in the worker, it can read them, and what it reads could end in the report.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from auditor.worker.sandbox.limits import VARIABLES

_NAMES = frozenset(
    (
        *(
            "PATH",
            "HOME",
            "LANG",
            "LANGUAGE",
            "TZ",
            "LD_LIBRARY_PATH",
            "DYLD_LIBRARY_PATH",
            "DYLD_FALLBACK_LIBRARY_PATH",
        ),
        *("PYTHONHOME", "PYTHONUSERBASE", "PYTHONNOUSERSITE", "PYTHONHASHSEED", "PYTHONUTF8", "PYTHONIOENCODING"),
        *("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "PYTHONOPTIMIZE", "VIRTUAL_ENV", "CONDA_PREFIX"),
        *("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "USERPROFILE", "NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE"),
        *("ORT_DISABLE_TELEMETRY", "PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF", "TORCH_CUDA_ARCH_LIST"),
        *VARIABLES,
    )
)
_BEGINNINGS = ("LC_", "OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "NUMEXPR_", "VECLIB_", "CUDA_", "CUDNN_", "CUBLAS_",
               "NVIDIA_", "MALLOC_")  # fmt: skip
_BINDING = {"OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY", "KMP_AFFINITY", "KMP_HW_SUBSET"}
"""They bind threads to processors, by a call that ``seccomp`` forbids because it could bind other processes'; libgomp
ends the process when it fails."""
_SECRETS = ("TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL", "APIKEY", "API_KEY", "PRIVATE")
_TEMPORARY = ("TMPDIR", "TMP", "TEMP")
_CACHES = ("XDG_CACHE_HOME", "MPLCONFIGDIR", "TORCH_HOME", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR",
           "CUDA_CACHE_PATH", "NUMBA_CACHE_DIR", "JOBLIB_TEMP_FOLDER")  # fmt: skip
_FOR_DOWNLOADS = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")


def worker_environment(given: Mapping[str, str], path: Iterable[str], scratch: str) -> dict[str, str]:
    """The variables of a worker.

    Args:
        given: the parent's.
        path: the parent's import path, so that the child imports the very modules that the parent would.
        scratch: the only folder that is the child's to write to; temporary files and caches go there.
    """
    chosen = {name: value for name, value in given.items() if _is_needed(name.upper())}
    chosen["PYTHONPATH"] = os.pathsep.join(entry for entry in path if entry)
    chosen.update(dict.fromkeys((*_TEMPORARY, *_CACHES), scratch))
    chosen["JOBLIB_MULTIPROCESSING"] = "0"  # it would try a semaphore, be refused and warn
    # cuBLAS is reproducible only with a fixed workspace, and reads this before its first call.
    chosen.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    return chosen


def for_downloads(given: Mapping[str, str]) -> dict[str, str]:
    """The variables that say how to reach the network, which may hold a proxy's password."""
    return {name: value for name, value in given.items() if name.upper() in _FOR_DOWNLOADS}


def _is_needed(name: str) -> bool:
    if name in _BINDING or any(part in name for part in _SECRETS):
        return False
    return name in _NAMES or name.startswith(_BEGINNINGS)
