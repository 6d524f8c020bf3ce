"""Real small files, damaged by a seed: bits, cuts, splices, copies, lengths; also inside archives and messages."""

from __future__ import annotations

import io
import random
import warnings
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.hostile.commands import SAMPLES, small_data
from benchmarks.hostile.onnx_parts import classifier, node
from benchmarks.hostile.pictures import encoded, sound_folder
from benchmarks.hostile.protobuf import in_field

_LENGTHS = (0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63 - 1)
_EDGE = 2500
"""Bytes at both ends that are damaged more often: there is the structure, in between are weights."""


@dataclass(frozen=True)
class Seed:
    """A sound file.

    Args:
        name: with the extension by which it is opened.
        content: its bytes.
        kind: ``model``, ``data`` (an archive) or ``image`` (one file of a folder).
        weight: how often it is drawn.
    """

    name: str
    content: bytes
    kind: str
    weight: int


@dataclass(frozen=True)
class Mutant:
    """A damaged file: of which seed, by what, and where it is written."""

    number: int
    seed: Seed
    by: str
    content: bytes

    @property
    def family(self) -> str:
        """Seed and way, for the table."""
        return f"mutation/{self.seed.name}"

    def write(self, folder: Path) -> Path:
        """Write it, for an image among sound ones, and return the path to give."""
        if self.seed.kind == "image":
            data = sound_folder(folder, each=3)
            (data / "cat" / self.seed.name).write_bytes(self.content)
            return data
        (folder / self.seed.name).write_bytes(self.content)
        return folder / self.seed.name


def seeds(folder: Path) -> list[Seed]:
    """Sample models, small graphs, an archive of arrays and images of each kind."""
    import onnx

    light = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
    branching = classifier([node("ReduceSum", "x", "sum", keepdims=0), node("Greater", "sum zero", "ask"),
                            node("Where", "ask zero zero", "more")])  # fmt: skip
    files = [
        (SAMPLES / name).read_bytes()
        for name in ("digits_fcn.onnx", "digits_cnn.onnx", "digits_fcn.pt", "digits_cnn.pt")
    ]
    made = [
        Seed("digits_fcn.onnx", files[0], "model", 10), Seed("digits_cnn.onnx", files[1], "model", 4),
        Seed("digits_fcn.pt", files[2], "model", 10), Seed("digits_cnn.pt", files[3], "model", 6),
        Seed("linear.onnx", classifier().SerializeToString(), "model", 10),
        Seed("branching.onnx", branching.SerializeToString(), "model", 8),
        Seed("data.npz", small_data(folder / "seed.npz").read_bytes(), "data", 6),
        *(Seed(f"a.{kind.lower()}", encoded(kind, size=(16, 16)), "image", 2) for kind in ("PNG", "JPEG", "BMP",
        "TIFF", "WEBP", "PPM")),
    ]  # fmt: skip
    # Without data that fit they are opened alone.
    made += [Seed(f"{name}.onnx", (light / f"{name}.onnx").read_bytes(), "model alone", 1)
             for name in ("light_squeezenet", "light_vgg19",
             "light_zfnet512") if (light / f"{name}.onnx").exists()]  # fmt: skip
    return made


def mutants(count: int, seed: int, folder: Path) -> Iterator[Mutant]:
    """Damaged files; the same for the same seed.

    Args:
        folder: for files that the seeds are made of.
    """
    rng, known = random.Random(seed), seeds(folder)
    for number in range(count):
        drawn = rng.choices(known, [each.weight for each in known])[0]
        way, inside = rng.choice(list(WAYS)), rng.random() < 0.6
        if inside and drawn.content[:2] == b"PK":
            yield Mutant(number, drawn, f"{way} in a record", _in_record(drawn.content, way, rng))
        elif inside and drawn.name.endswith(".onnx"):
            yield Mutant(number, drawn, f"{way} in a field", in_field(drawn.content, WAYS[way], rng))
        else:
            yield Mutant(number, drawn, way, WAYS[way](drawn.content, rng))


def _place(content: bytes, rng: random.Random) -> int:
    size = len(content)
    if size > 2 * _EDGE and rng.random() < 0.7:
        return rng.randrange(_EDGE) if rng.random() < 0.5 else size - 1 - rng.randrange(_EDGE)
    return rng.randrange(max(1, size))


def _flip(content: bytes, rng: random.Random) -> bytes:
    made = bytearray(content or b"\0")
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        made[_place(made, rng)] ^= 1 << rng.randrange(8)
    return bytes(made)


def _overwrite(content: bytes, rng: random.Random) -> bytes:
    place, size = _place(content, rng), rng.choice((1, 2, 4, 16))
    filler = rng.choice((b"\0", b"\xff", b"\x7f", b"A"))
    return content[:place] + filler * size + content[place + size :]


def _cut(content: bytes, rng: random.Random) -> bytes:
    return content[: _place(content, rng)]


def _splice(content: bytes, rng: random.Random) -> bytes:
    place, other, size = _place(content, rng), _place(content, rng), rng.choice((1, 4, 32, 512))
    return content[:place] + content[other : other + size] + content[place:]


def _copy(content: bytes, rng: random.Random) -> bytes:
    place, size = _place(content, rng), rng.choice((2, 16, 128, 1024))
    return content[: place + size] + content[place : place + size] * rng.choice((1, 2, 20)) + content[place + size :]


def _drop(content: bytes, rng: random.Random) -> bytes:
    place, size = _place(content, rng), rng.choice((1, 3, 16, 256))
    return content[:place] + content[place + size :]


def _length(content: bytes, rng: random.Random) -> bytes:
    """A number of 1, 2, 4 or 8 bytes becomes one that lengths should not have, or a varint one more or less."""
    place, width = _place(content, rng), rng.choice((1, 2, 4, 8))
    if rng.random() < 0.4:
        return (
            content[:place]
            + bytes([(content[place] + rng.choice((1, 255))) % 256 if content else 0])
            + content[place + 1 :]
        )
    number = rng.choice(_LENGTHS) % 256**width
    return content[:place] + number.to_bytes(width, rng.choice(("little", "big"))) + content[place + width :]


WAYS: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "bits": _flip, "bytes": _overwrite, "cut": _cut, "splice": _splice, "copy": _copy, "drop": _drop, "length": _length,
}  # fmt: skip


def _in_record(content: bytes, way: str, rng: random.Random) -> bytes:
    """The archive with one record damaged and every checksum right; code and pickles are drawn before weights."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        names = archive.namelist()
        chosen = rng.choice(
            [name for name in names if name.endswith((".pkl", ".py", ".npy")) or rng.random() < 0.3] or names
        )
        with zipfile.ZipFile(made, "w") as out:
            for name in names:
                data = archive.read(name)
                out.writestr(name, WAYS[way](data, rng) if name == chosen else data)
    return made.getvalue()
