"""Any model file in, one ``Backend`` out: the format is found by content and its opener is called.

A format that ``sniff`` does not know can come from a plug-in: its files are recognised by their extension, which is
the name under which it is registered.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from auditor.errors import AuditError, InputRefused, error_summary
from auditor.models.base import Backend, ModelOptions, model_formats, torch_device
from auditor.models.gpu import compute_exactly
from auditor.models.model_file import ModelFile
from auditor.models.onnx.external_data_files import weights_file, weights_names, why_not
from auditor.models.sniff import size_of_file, sniff, unreadable

_SNIFFED = ("onnx", "torchscript", "pt2")


def open_model(model: Path | ModelFile, options: ModelOptions) -> Backend:
    """Open a model file by its own runtime, in evaluation mode.

    Raises:
        InputRefused: the file is no model, or one that cannot be read; one line says why and what to do.
        UsageError: an option does not fit the model.
    """
    if isinstance(model, Path):
        with open_file(model) as file:
            return open_model(file, options)
    opener = model_formats[model.format]
    compute_exactly(torch_device(options.device))
    try:
        return opener(model, options)
    except AuditError:
        raise
    except Exception as error:
        action = "export the model again, or to the other format"
        raise InputRefused(
            f"a readable {model.format} model", f"{model.path.name}: {error_summary(error)}", action
        ) from error


def open_file(path: Path) -> ModelFile:
    """Hold a model's file open, and the files of its weights.

    Raises:
        InputRefused: the file is no model, or its external data are missing or outside its folder; the message says
            what the file is instead.
    """
    with ExitStack() as opened:
        try:
            size_of_file(path)
            content = opened.enter_context(path.open("rb"))
            name = _format_of(path, content)
        except (OSError, ValueError) as error:
            raise unreadable(path, error) from error
        names = weights_names(content) if name == "onnx" else []
        weights = {each: opened.enter_context(_weights(path, each)) for each in names}
        return ModelFile(path, name, content, weights, opened.pop_all())


def _format_of(path: Path, content: BinaryIO) -> str:
    """Name of the registered format of a file: by content, or by extension for formats of plug-ins."""
    try:
        return sniff(path, content)
    except InputRefused:
        extension = path.suffix.lstrip(".").lower()
        if extension in model_formats and extension not in _SNIFFED:
            return extension
        model_formats.refuse_broken(extension)
        raise


def _weights(path: Path, name: str) -> BinaryIO:
    """The open file that an ONNX model calls by this name."""
    if (file := weights_file(path, name)) is None:
        raise InputRefused("the model's external data beside it", why_not(path, name), "keep both files in one folder")
    try:
        return file.open("rb")
    except OSError as error:
        raise unreadable(file, error) from error
