"""Any model file in, one ``Backend`` out: the format is found by content and its opener is called.

A format that ``sniff`` does not know can come from a plug-in: its files are recognised by their extension, which is
the name under which it is registered.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.errors import AuditError, InputRefused
from auditor.models.base import Backend, ModelOptions, model_formats, torch_device
from auditor.models.explain import why
from auditor.models.gpu import compute_exactly
from auditor.models.sniff import EXPECTED, refused, sniff

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, TensorProto

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
        if path.exists() and extension in model_formats and extension not in _SNIFFED:
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
    """Files beside an ONNX model that hold its external data, by name."""
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load_model_from_string(path.read_bytes())
    except DecodeError as error:
        raise refused(path, "an ONNX file that cannot be parsed", "copy or download the file again") from error
    names = {
        entry.value
        for tensor in _tensors(model)
        if tensor.data_location == onnx.TensorProto.EXTERNAL
        for entry in tensor.external_data
        if entry.key == "location"
    }
    folder = path.resolve().parent
    files = [folder / name for name in sorted(names)]
    for file in files:
        if not _is_inside(file, folder):
            raise InputRefused(
                "the model's external data beside it",
                f"no file {file.name} that is neither hidden nor a link",
                "keep both files in one folder",
            )
    return files


def _is_inside(file: Path, folder: Path) -> bool:
    """Whether this is a file below the folder; resolving refuses absolute paths, "..", and links that lead out.

    None of its names may be hidden: ``.git/config`` beside a model holds no weights, but perhaps a token.
    """
    try:
        if file.is_symlink() or not file.is_file():
            return False
        return not any(part.startswith(".") for part in file.resolve().relative_to(folder).parts)
    except (OSError, ValueError):  # a loop of links, a name too long or with a NUL in it
        return False


def _tensors(model: ModelProto) -> Iterator[TensorProto]:
    """All tensors of a model that may be stored outside it."""
    pending: list[GraphProto] = [model.graph]
    nodes = [node for function in model.functions for node in function.node]
    while pending or nodes:
        if pending:
            graph = pending.pop()
            yield from graph.initializer
            nodes.extend(graph.node)
        for node in nodes:
            for attribute in node.attribute:
                if attribute.HasField("t"):
                    yield attribute.t
                yield from attribute.tensors
                pending.extend([*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])])
        nodes = []
