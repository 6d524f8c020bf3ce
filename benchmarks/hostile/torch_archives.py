"""TorchScript and .pt2 archives that are damaged, lie about their records, or hold pickles that run code."""

from __future__ import annotations

import io
import pickle
import struct
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from benchmarks.hostile.case import ACCEPTED, LIMIT, REFUSED, Case
from benchmarks.hostile.commands import SAMPLES

_SAMPLE = SAMPLES / "digits_fcn.pt"
Records = dict[str, bytes]


def records() -> Records:
    """Names and contents of the sample's records."""
    with zipfile.ZipFile(_SAMPLE) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(content: Mapping[str, bytes], path: Path, compression: int = zipfile.ZIP_STORED) -> Path:
    """An archive with right checksums."""
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", compression) as archive:
        warnings.simplefilter("ignore")
        for name, data in content.items():
            archive.writestr(name, data)
    return path


def _changed(change: Callable[[Records], object], compression: int = zipfile.ZIP_STORED) -> Callable[[Path], Path]:
    def build(folder: Path) -> Path:
        content = records()
        change(content)
        return zipped(content, folder / "model.pt", compression)

    return build


_FORWARD = "class A(Module):\n  def forward(self, x: Tensor) -> Tensor:\n    return "


def _tensor(content: Records) -> str:
    return max(
        (name for name in content if "/data/" in name or "/constants/" in name), key=lambda name: len(content[name])
    )


def _set(part: str, data: bytes) -> Callable[[Records], None]:
    """Put this content into the records whose name ends so."""

    def change(content: Records) -> None:
        for name in [name for name in content if name.endswith(part)]:
            content[name] = data

    return change


def _drop(part: str) -> Callable[[Records], None]:
    def change(content: Records) -> None:
        for name in [name for name in content if part in name]:
            del content[name]

    return change


def _code(text: str) -> Callable[[Records], None]:
    def change(content: Records) -> None:
        name = next(name for name in content if "/code/" in name and name.endswith(".py"))
        content[name] = text.encode()

    return change


CHANGES: dict[str, tuple[Callable[[Records], object], tuple[int, ...]]] = {
    "unchanged": (lambda c: None, (ACCEPTED,)),
    "short-tensor": (lambda c: c.update({_tensor(c): c[_tensor(c)][:-8]}), (REFUSED,)),
    "long-tensor": (lambda c: c.update({_tensor(c): c[_tensor(c)] + bytes(8)}), (REFUSED,)),
    "empty-tensor": (lambda c: c.update({_tensor(c): b""}), (REFUSED,)),
    "no-tensor": (lambda c: c.pop(_tensor(c)), (REFUSED,)),
    "nan-tensor": (lambda c: c.update({_tensor(c): b"\xff" * len(c[_tensor(c)])}), (REFUSED,)),
    "no-constants": (_drop("constants.pkl"), (REFUSED,)), "no-code": (_drop("/code/"), (REFUSED,)),
    "no-data": (_drop("/data.pkl"), (REFUSED,)),
    "no-version": (_drop("/version"), (REFUSED, ACCEPTED)), "no-debug-records": (_drop(".debug_pkl"), (ACCEPTED,)),
    "version-of-text": (_set("/version", b"evil"), (REFUSED,)),
    "version-of-999999": (_set("/version", b"999999\n"), (REFUSED,)),
    "version-of-minus-one": (_set("/version", b"-1\n"), (REFUSED,)),
    "data-of-zeros": (_set("/data.pkl", bytes(100)), (REFUSED,)),
    "data-of-nothing": (_set("/data.pkl", b""), (REFUSED,)),
    "data-is-a-number": (_set("/data.pkl", pickle.dumps(5, 2)), (REFUSED,)),
    "constants-are-a-number": (_set("constants.pkl", pickle.dumps(5, 2)), (REFUSED, ACCEPTED)),
    "debug-of-zeros": (_set(".debug_pkl", bytes(64)), (REFUSED, ACCEPTED)),
    "byteorder-of-text": (_set("/byteorder", b"evil"), (REFUSED, ACCEPTED)),
    "big-endian": (_set("/byteorder", b"big"), (REFUSED, ACCEPTED)),
    "code-of-python": (_code("import os\nos.system('touch x')\n"), (REFUSED,)),
    "code-of-nothing": (_code(""), (REFUSED,)),
    "code-nested-deep": (_code(_FORWARD + "(" * 50_000 + "x" + ")" * 50_000 + "\n"), (REFUSED, LIMIT)),
    "code-of-many-additions": (_code(_FORWARD + "x" + " + x" * 50_000 + "\n"), (REFUSED, LIMIT)),
    "code-of-zeros": (_code("\0" * 1000), (REFUSED,)),
    "code-that-imports": (_code("import __torch__.evil\n"), (REFUSED,)),
    "entry-that-leads-out": (lambda c: c.update({"../../evil": b"x"}), (ACCEPTED, REFUSED)),
    "absolute-entry": (lambda c: c.update({"/tmp/evil": b"x"}), (ACCEPTED, REFUSED)),
    "two-roots": (lambda c: c.update({"other/data.pkl": b"x"}), (ACCEPTED, REFUSED)),
    "ten-thousand-entries": (lambda c: c.update({f"digits_fcn/extra/{i}": b"" for i in range(10_000)}),
        (ACCEPTED, REFUSED)),
    "hostile-entry-names": (lambda c: c.update({"digits_fcn/extra/\x1b[2J<b>\n": b"x"}), (ACCEPTED, REFUSED)),
}  # fmt: skip


def _duplicate(folder: Path) -> Path:
    """Every record twice, the second time another content: readers differ in which they take."""
    path = zipped(records(), folder / "model.pt")
    with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as archive:
        warnings.simplefilter("ignore")
        for name in records():
            archive.writestr(name, b"evil")
    return path


def _with_bytes(change: Callable[[bytes], bytes]) -> Callable[[Path], Path]:
    def build(folder: Path) -> Path:
        (folder / "model.pt").write_bytes(change(_SAMPLE.read_bytes()))
        return folder / "model.pt"

    return build


def _wrong_checksum(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        info = archive.getinfo(_tensor({i.filename: b"x" * i.file_size for i in archive.infolist()}))
    start = info.header_offset + 30 + struct.unpack("<H", content[info.header_offset + 26 : info.header_offset + 28])[0]
    start += struct.unpack("<H", content[info.header_offset + 28 : info.header_offset + 30])[0]
    return content[: start + 5] + bytes([content[start + 5] ^ 1]) + content[start + 6 :]


def _bomb(folder: Path) -> Path:
    """A megabyte that unpacks to a gigabyte, as a tensor."""
    content = records()
    name = _tensor(content)
    with zipfile.ZipFile(folder / "model.pt", "w") as archive:
        for other, data in content.items():
            archive.writestr(other, b"" if other == name else data)
        with archive.open(zipfile.ZipInfo(f"{name}9"), "w", force_zip64=True) as file:
            file.write(b"")
        info = zipfile.ZipInfo(name.rpartition("/")[0] + "/bomb")
        info.compress_type = zipfile.ZIP_DEFLATED
        with archive.open(info, "w", force_zip64=True) as file:
            for _ in range(1024):
                file.write(bytes(1 << 20))
    return folder / "model.pt"


def _code_bomb(folder: Path) -> Path:
    content = records()
    name = next(name for name in content if "/code/" in name and name.endswith(".py"))
    with zipfile.ZipFile(folder / "model.pt", "w") as archive:
        for other, data in content.items():
            archive.writestr(other, data)
        with archive.open(zipfile.ZipInfo(name + "x"), "w") as file:
            file.write(b"")
        archive.writestr(zipfile.ZipInfo(name.replace(".py", "bomb.py")), bytes(300 << 20), zipfile.ZIP_DEFLATED)
    return folder / "model.pt"


def cases() -> Iterator[Case]:
    """Records, payloads, containers."""
    clean = "an archive whose records are what they say; no pickle in it is ever loaded by Python"
    for name, (change, codes) in CHANGES.items():
        yield Case(f"torchscript/archive/{name}", _changed(change), codes, clean)
    yield Case(
        "torchscript/archive/deflated",
        _changed(lambda c: None, zipfile.ZIP_DEFLATED),
        (REFUSED,),
        "tensors are stored as they are",
    )
    yield Case(
        "torchscript/archive/bzip2",
        _changed(lambda c: None, zipfile.ZIP_BZIP2),
        (REFUSED,),
        "tensors are stored as they are",
    )
    yield Case("torchscript/archive/tensor-bomb", _bomb, (REFUSED,), "tensors are stored as they are")
    yield Case("torchscript/archive/code-bomb", _code_bomb, (REFUSED,), "code that unpacks to more than 256 MiB")
    yield Case("torchscript/archive/duplicate-entries", _duplicate, (REFUSED,), "two readers would see two models")
    yield Case("torchscript/archive/wrong-checksum", _with_bytes(_wrong_checksum), (REFUSED,), "a changed record")
    size = _SAMPLE.stat().st_size
    for length in (1, 2, 3, 4, 30, 100, 1000, 5000, size // 2, size - 1000, size - 100, size - 22, size - 21, size - 1):
        yield Case(
            f"torchscript/cut/{length}-bytes",
            _with_bytes(lambda c, n=length: c[:n]),
            (REFUSED,),
            "the file ends too early",
        )
    tails: dict[str, Callable[[bytes], bytes]] = {
        "text-before": lambda c: b"evil" * 10 + c, "text-behind": lambda c: c + b"evil" * 10, "twice": lambda c: c + c,
        "zeros-behind": lambda c: c + bytes(70_000), "onnx-before": lambda c: b"\x08\x09" + c,
        "encrypted": lambda c: c.replace(b"PK\x01\x02\x00\x00\x00\x00\x00\x00", b"PK\x01\x02\x00\x00\x00\x00\x01\x00"),
    }  # fmt: skip
    for name, tail in tails.items():
        yield Case(
            f"torchscript/frame/{name}",
            _with_bytes(tail),
            (REFUSED, ACCEPTED),
            "readers of archives allow for some of it",
        )
