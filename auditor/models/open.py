"""Any model file in, one ``Backend`` out: the format is found by content and its opener is called.

A format that ``sniff`` does not know can come from a plug-in: its files are recognised by their extension, which is
the name under which it is registered.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from auditor.errors import AuditError, InputRefused
from auditor.models.base import Backend, ModelOptions, model_formats, torch_device
from auditor.models.explain import why
from auditor.models.gpu import compute_exactly
from auditor.models.onnx.weights_files import weights_file, why_not
from auditor.models.sniff import EXPECTED, refused, sniff

_SNIFFED = ("onnx", "torchscript", "pt2")
_CHUNK = 1 << 20


def open_model(path: Path, options: ModelOptions) -> Backend:
    """Open a model file by its own runtime, in evaluation mode.

    Raises:
        InputRefused: the file is no model, or one that cannot be read; one line says why and what to do.
        UsageError: an option does not fit the model.
    """
    name = model_format_of(path)
    opener = model_formats[name]
    compute_exactly(torch_device(options.device))
    try:
        return opener(path, options)
    except AuditError:
        raise
    except Exception as error:
        action = "export the model again, or to the other format"
        raise InputRefused(f"a readable {name} model", f"{path.name}: {why(error)}", action) from error


def model_format_of(path: Path) -> str:
    """Name of the registered format of a file: by content, or by extension for formats of plug-ins.

    Raises:
        InputRefused: no format fits; the message says what the file is instead.
    """
    try:
        return sniff(path)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    except InputRefused:
        extension = path.suffix.lstrip(".").lower()
        if os.path.exists(path) and extension in model_formats and extension not in _SNIFFED:
            return extension
        raise


def model_digest(path: Path) -> tuple[str, int]:
    """SHA-256 and size in bytes of a model.

    For ONNX with external data both cover the model file followed by its external files in the order of their names,
    as ``cat model.onnx weights.bin | sha256sum`` would; otherwise it is the plain SHA-256 of the file.

    Raises:
        InputRefused: the file is no model, or its external data are missing or outside its folder.
    """
    files = [path, *_external_files(path)] if model_format_of(path) == "onnx" else [path]
    digest, size = hashlib.sha256(), 0
    for part in files:
        try:
            with part.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
                    size += len(chunk)
        except OSError as error:
            raise _unreadable(part, error) from error
    return digest.hexdigest(), size


def _unreadable(path: Path, error: OSError | ValueError) -> InputRefused:
    """The refusal of a path that the system does not read: a name too long, a device, a file that goes away."""
    reason = getattr(error, "strerror", None) or str(error)
    return InputRefused(EXPECTED, f"{path.name[:100]}: {reason}", "check the path and its permissions")


def _external_files(path: Path) -> list[Path]:
    """The files that hold an ONNX model's external data, in the order of the names that it gives them."""
    import onnx
    from google.protobuf.message import DecodeError

    from auditor.models.onnx.weights import external_names

    try:
        model = onnx.load_model_from_string(path.read_bytes())
    except DecodeError as error:
        raise refused(path, "an ONNX file that cannot be parsed", "copy or download the file again") from error
    files = []
    for name in sorted(set(external_names(model))):
        if (file := weights_file(path, name)) is None:
            raise InputRefused(
                "the model's external data beside it", why_not(path, name), "keep both files in one folder"
            )
        files.append(file)
    return files
