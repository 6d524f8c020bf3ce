"""Class names inside a model's file: in ONNX as label attributes or metadata, in torch's archives as extra files."""

from __future__ import annotations

import ast
import json
import re
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from onnx import AttributeProto, ModelProto, NodeProto

from auditor.class_names import CarriedNames, NoClassNames, read_class_names

_LABELS = ("classlabels_strings", "classlabels_int64s", "classlabels_ints")
_KEYS = frozenset(
    {"names", "labels", "classes", "classnames", "labelnames", "id2label", "classtoidx", "label2id", "categories"}
)
_LARGEST = 4 << 20
"""Bytes of a list of names; ImageNet's with all its synonyms has 60 kB."""
_MOST_NAMES = 100_000


def names_in_onnx(model: ModelProto) -> CarriedNames | None:
    """The names that a classifier of ``ai.onnx.ml`` gives to its classes, or that the file's metadata list.

    Args:
        model: with its functions inlined.
    """
    for node in sorted(model.graph.node, key=lambda node: node.op_type != "ZipMap"):  # it is what stands at the output
        if node.domain == "ai.onnx.ml" and (names := _label_attribute(node)):
            return CarriedNames(names, f"the model's {node.op_type}")
    metadata = ((entry.key, entry.value) for entry in model.metadata_props)
    return _first_list((key, text.encode()) for key, text in metadata if _is_key(key))


def names_in_archive(archive: Path | BinaryIO) -> CarriedNames | None:
    """The names in the extra files of a TorchScript or ``.pt2`` archive whose records were checked."""
    try:
        with zipfile.ZipFile(archive) as records:
            return _first_list(_extra_files(records))
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return None


def _label_attribute(node: NodeProto) -> tuple[str, ...] | None:
    """Two or more different labels of a node, as text."""
    for attribute in node.attribute:
        if attribute.name in _LABELS:
            labels = attribute.strings if attribute.type == AttributeProto.STRINGS else attribute.ints
            names = tuple(v.decode("utf-8", "backslashreplace") if isinstance(v, bytes) else str(v) for v in labels)
            if 2 <= len(names) <= _MOST_NAMES and len({*names}) == len(names):
                return names
    return None


def _is_key(name: str) -> bool:
    """Whether a key or a file is called like a list of names, such as ``class_names`` or ``Labels.txt``."""
    stem = re.sub(r"\.(txt|json|csv|names|labels)$", "", name.rpartition("/")[2].casefold())
    plain = re.sub(r"[^a-z0-9]", "", stem)
    return plain in _KEYS or plain in ("config", "modelconfig", "synsets", "synset")


def _extra_files(archive: zipfile.ZipFile) -> Iterator[tuple[str, bytes]]:
    for entry in archive.infolist():
        inner = entry.filename.partition("/")[2]
        if inner.startswith("extra/") and _is_key(inner) and entry.file_size <= _LARGEST:
            yield inner.removeprefix("extra/"), archive.read(entry)


def _first_list(entries: Iterator[tuple[str, bytes]]) -> CarriedNames | None:
    for key, content in entries:
        if len(content) <= _LARGEST and (names := _listed(content)):
            return CarriedNames(names, f"{key!r} in the model's file")
    return None


def _listed(content: bytes) -> tuple[str, ...] | None:
    """The names in a value: JSON, a Python dictionary (as Ultralytics writes), lines, or a list with commas."""
    text = content.decode("utf-8", "replace").strip()
    if text[:1] in ("{", "["):
        with suppress(ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            text = json.dumps(ast.literal_eval(text))  # JSON is no Python where it says true, false or null
        if not text.startswith(("{", "[")):
            return None
    elif "\n" not in text:
        text = text.replace(",", "\n")
    try:
        names = read_class_names(text.encode())
    except NoClassNames:
        return None
    return names if len(names) <= _MOST_NAMES else None
