"""Checks on a TorchScript archive that torch does not make, before it is loaded.

``torch.jit.load`` accepts records with a wrong checksum, records shorter than their tensor (the rest is whatever lies
in memory) and deflated tensors (a 1 MB file that unpacks to 1 GiB). The pickles in the archive are read here without
calling anything they name.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from auditor.errors import InputRefused

_ITEM_BYTES = {
    "BoolStorage": 1, "ByteStorage": 1, "CharStorage": 1, "QInt8Storage": 1, "QUInt8Storage": 1, "UntypedStorage": 1,
    "ShortStorage": 2, "HalfStorage": 2, "BFloat16Storage": 2, "IntStorage": 4, "FloatStorage": 4, "QInt32Storage": 4,
    "LongStorage": 8, "DoubleStorage": 8, "ComplexFloatStorage": 8, "ComplexDoubleStorage": 16,
}  # fmt: skip
_WEIGHT_FOLDERS = ("data", "constants")
_TENSOR_FOLDERS = (*_WEIGHT_FOLDERS, "traced_inputs")  # of the traced example only the shape is kept
_LARGEST_CODE = 1 << 28


@dataclass(frozen=True)
class TracedInput:
    """The example a module was traced with: its shape with the batch axis, and its storage type."""

    shape: tuple[int, ...]
    storage: str


def check_archive(content: BinaryIO, name: str) -> TracedInput | None:
    """Check every record; the example input of a traced module, or None where the file keeps none.

    Args:
        content: the archive.
        name: of the file, for the message.
    Raises:
        InputRefused: a checksum, a record's size or its compression is wrong.
    """
    try:
        with zipfile.ZipFile(content) as archive:
            records = {info.filename.partition("/")[2]: info for info in archive.infolist()}
            _check_compression(records, name)
            if (bad := archive.testzip()) is not None:
                raise _damaged(name, f"record {bad} with a wrong checksum")
            pickles = {
                folder: _read(archive, records[f"{folder}.pkl"])
                for folder in _TENSOR_FOLDERS
                if f"{folder}.pkl" in records
            }
    except (zipfile.BadZipFile, EOFError, OSError, pickle.UnpicklingError, ValueError, NotImplementedError) as error:
        raise _damaged(name, "a corrupt archive") from error
    for folder in _WEIGHT_FOLDERS:
        if folder in pickles:
            _check_sizes(records, folder, pickles[folder], name)
    return _example(pickles["traced_inputs"].value) if "traced_inputs" in pickles else None


@dataclass(frozen=True)
class _Storage:
    type: str
    key: str
    count: int


class _Inert:
    """Stands for whatever a pickle names: remembers how it was called and does nothing."""

    name = ""

    def __new__(cls, *arguments: Any) -> _Inert:
        made = super().__new__(cls)
        made.arguments = arguments
        return made

    def __setstate__(self, state: Any) -> None:
        self.state = state

    arguments: tuple[Any, ...]


class _InertUnpickler(pickle.Unpickler):
    """Reads a pickle's structure; no name in it is imported and nothing is called."""

    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content))
        self.storages: list[_Storage] = []

    def find_class(self, module: str, name: str) -> type[_Inert]:
        return type("_Named", (_Inert,), {"name": name})

    def persistent_load(self, pid: Any) -> _Storage:
        if not (isinstance(pid, tuple) and len(pid) == 5 and isinstance(pid[1], type) and issubclass(pid[1], _Inert)):
            raise pickle.UnpicklingError("expected a tensor's storage")
        storage = _Storage(pid[1].name, str(pid[2]), int(pid[4]))
        self.storages.append(storage)
        return storage


@dataclass(frozen=True)
class _Content:
    value: Any
    storages: list[_Storage]


def _read(archive: zipfile.ZipFile, record: zipfile.ZipInfo) -> _Content:
    reader = _InertUnpickler(archive.read(record))
    try:
        value = reader.load()
    except (AttributeError, IndexError, KeyError, TypeError, MemoryError) as error:
        raise pickle.UnpicklingError(str(error)) from error
    return _Content(value, reader.storages)


def _check_compression(records: dict[str, zipfile.ZipInfo], file: str) -> None:
    """Tensors are stored as they are; only code and its debug records may be deflated, within a bound."""
    deflated = {name: info for name, info in records.items() if info.compress_type != zipfile.ZIP_STORED}
    for name in deflated:
        if name.partition("/")[0] in _TENSOR_FOLDERS:
            raise _damaged(file, f"a compressed tensor record {name}")
    if sum(info.file_size for info in deflated.values()) > _LARGEST_CODE:
        raise _damaged(file, "code records that unpack to more than 256 MiB")


def _check_sizes(records: dict[str, zipfile.ZipInfo], folder: str, content: _Content, file: str) -> None:
    """Each record holds as many bytes as the tensors that use it say."""
    for storage in content.storages:
        record = records.get(f"{folder}/{storage.key}")
        if record is None or storage.type not in _ITEM_BYTES:
            continue  # torch refuses a missing record by itself
        needed = storage.count * _ITEM_BYTES[storage.type]
        if record.file_size != needed:
            raise _damaged(file, f"tensor record {folder}/{storage.key} of {record.file_size} bytes, not {needed}")


def _example(traced: Any) -> TracedInput | None:
    """The tensor that ``forward`` was traced with, from ``{"forward": [tensor]}``."""
    for item in _walk(traced):
        if isinstance(item, _Inert) and item.name == "_rebuild_tensor_v2" and len(item.arguments) >= 3:
            storage, _, shape = item.arguments[:3]
            if isinstance(storage, _Storage) and all(isinstance(size, int) for size in shape):
                return TracedInput(tuple(shape), storage.type)
    return None


def _walk(item: Any) -> Iterator[Any]:
    yield item
    if isinstance(item, dict):
        # Only forward is called; other traced methods come beside it.
        item = [item["forward"]] if "forward" in item else []
    if isinstance(item, _Inert):
        item = [] if item.name == "_rebuild_tensor_v2" else item.arguments
    if isinstance(item, list | tuple):
        for part in item:
            yield from _walk(part)


def _damaged(name: str, found: str) -> InputRefused:
    return InputRefused("an intact TorchScript archive", f"{found} ({name})", "copy or export the file again")
