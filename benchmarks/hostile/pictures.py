"""Image files, each one among sound ones in a folder of two classes: cut, huge, of other kinds, with hostile parts."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.hostile.case import ACCEPTED, REFUSED, Case

CLASSES = ("cat", "dog")
EACH = 6


def sound_folder(folder: Path, classes: tuple[str, ...] = CLASSES, each: int = EACH) -> Path:
    """``folder/data/<class>/<n>.png``, grey noise of 8 x 8 pixels."""
    rng = np.random.default_rng(0)
    for name in classes:
        (folder / "data" / name).mkdir(parents=True)
        for index in range(each):
            Image.fromarray(rng.integers(0, 256, (8, 8), np.uint8)).save(folder / "data" / name / f"{index}.png")
    return folder / "data"


def _with(name: str, content: bytes | Callable[[], bytes]) -> Callable[[Path], Path]:
    """A folder with one more file in its first class."""

    def build(folder: Path) -> Path:
        data = sound_folder(folder)
        (data / CLASSES[0] / name).write_bytes(content if isinstance(content, bytes) else content())
        return data

    return build


def encoded(kind: str, mode: str = "RGB", size: tuple[int, int] = (8, 8), **options: object) -> bytes:
    """An image of noise in memory."""
    rng, file = np.random.default_rng(1), io.BytesIO()
    base = Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), np.uint8))
    (base if mode == "RGB" else base.convert(mode)).save(file, kind, **options)
    return file.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG with its checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, data: bytes = b"", *more: bytes, depth: int = 8, colour: int = 0) -> bytes:
    """A PNG that declares this size, whatever its data."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = b"".join([chunk(b"IHDR", header), *more, chunk(b"IDAT", data), chunk(b"IEND", b"")])
    return b"\x89PNG\r\n\x1a\n" + body


def _pixels(width: int = 8, height: int = 8) -> bytes:
    return zlib.compress((b"\0" + bytes(range(width))) * height)


def _bomb_in(kind: bytes) -> bytes:
    """A hundred megabytes of text in a compressed chunk."""
    packed = zlib.compress(bytes(100_000_000), 9)
    body = (
        b"Comment\0\0" + packed
        if kind == b"zTXt"
        else b"Comment\0\1\0\0\0" + packed
        if kind == b"iTXt"
        else b"icc\0\0" + packed
    )
    return png(8, 8, _pixels(), chunk(kind, body))


def _exif(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded("JPEG", exif=exif.tobytes())


def _animated(kind: str) -> bytes:
    rng, file = np.random.default_rng(2), io.BytesIO()
    frames = [Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)) for _ in range(5)]
    frames[0].save(file, kind, save_all=True, append_images=frames[1:])
    return file.getvalue()


def _sixteen() -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(3).integers(0, 65536, (8, 8), np.uint16)).save(file, "PNG")
    return file.getvalue()


def _wide(mode: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.zeros((8, 8), np.float32 if mode == "F" else np.int32)).save(file, "TIFF")
    return file.getvalue()


SVG = b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg><text>&x;</text></svg>'
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n(/etc/passwd) (r) file\n%%EOF\n"
WMF = struct.pack("<IHhhhhHIH", 0x9AC6CDD7, 0, 0, 0, 8, 8, 96, 0, 0) + b"\x01\x00\x09\x00" + bytes(40)
GOOD, BAD = (ACCEPTED,), (REFUSED,)

FILES: dict[str, tuple[str, Callable[[], bytes], tuple[int, ...]]] = {
    "sound": ("a.png", lambda: encoded("PNG"), GOOD), "cmyk": ("a.jpg", lambda: encoded("JPEG", "CMYK"), GOOD),
    "sixteen-bits": ("a.png", _sixteen, GOOD), "palette": ("a.png", lambda: encoded("PNG", "P"), GOOD),
    "one-bit": ("a.png", lambda: encoded("PNG", "1"), GOOD),
    "grey-and-alpha": ("a.png", lambda: encoded("PNG", "LA"), GOOD),
    "colour-and-alpha": ("a.png", lambda: encoded("PNG", "RGBA"), GOOD),
    "lab": ("a.tif", lambda: encoded("TIFF", "LAB"), GOOD),
    "thirty-two-bits": ("a.tif", lambda: _wide("I"), BAD), "floats": ("a.tif", lambda: _wide("F"), BAD),
    "one-pixel": ("a.png", lambda: encoded("PNG", size=(1, 1)), GOOD),
    "a-line": ("a.png", lambda: encoded("PNG", size=(1, 5000)), GOOD),
    "animated-png": ("a.png", lambda: _animated("PNG"), GOOD),
    "animated-webp": ("a.webp", lambda: _animated("WEBP"), GOOD),
    "pages-of-tiff": ("a.tiff", lambda: _animated("TIFF"), GOOD),
    "gif-as-png": ("a.png", lambda: _animated("GIF"), BAD),
    "gif": ("a.gif", lambda: _animated("GIF"), GOOD), "bmp": ("a.bmp", lambda: encoded("BMP"), GOOD),
    "ppm": ("a.ppm", lambda: encoded("PPM"), GOOD),
    "jpeg-as-png": ("a.png", lambda: encoded("JPEG"), GOOD), "png-as-jpeg": ("a.jpg", lambda: encoded("PNG"), GOOD),
    "suffix-in-capitals": ("a.PNG", lambda: encoded("PNG"), GOOD), "no-suffix": ("a", lambda: encoded("PNG"), GOOD),
    "text": ("a.png", lambda: b"hello", BAD), "empty": ("a.png", lambda: b"", BAD),
    "html": ("a.jpg", lambda: b"<html>", BAD),
    "git-lfs": ("a.png", lambda: b"version https://git-lfs.github.com/spec/v1\n", BAD),
    "svg": ("a.png", lambda: SVG, BAD),
    "svg-by-name": ("a.svg", lambda: SVG, GOOD), "eps": ("a.png", lambda: EPS, BAD), "wmf": ("a.png", lambda: WMF, BAD),
    "ico": ("a.png", lambda: encoded("ICO", size=(16, 16)), BAD),
    "psd": ("a.png", lambda: b"8BPS\0\1" + bytes(60), BAD),
    "pcx": ("a.png", lambda: encoded("PCX"), BAD), "tga": ("a.png", lambda: encoded("TGA"), BAD),
    "icns": ("a.png", lambda: b"icns" + bytes(20), BAD),
    "pdf": ("a.png", lambda: b"%PDF-1.7\n", BAD), "zip": ("a.png", lambda: b"PK\x03\x04" + bytes(30), BAD),
    "a-pickle": ("a.png", lambda: b"\x80\x04.", BAD),
    "cut-png": ("a.png", lambda: encoded("PNG", size=(64, 64))[:2000], BAD),
    "cut-jpeg": ("a.jpg", lambda: encoded("JPEG", size=(64, 64))[:1500], BAD),
    "cut-gif": ("a.png", lambda: encoded("GIF")[:40], BAD), "cut-webp": ("a.webp", lambda: encoded("WEBP")[:50], BAD),
    "cut-tiff": ("a.tif", lambda: encoded("TIFF")[:100], BAD),
    "cut-bmp": ("a.bmp", lambda: encoded("BMP")[:100], BAD), "cut-ppm": ("a.ppm", lambda: encoded("PPM")[:60], BAD),
    "144-megapixels": ("a.png", lambda: png(12000, 12000, _pixels()), BAD),
    "terapixels": ("a.png", lambda: png(2**31 - 1, 2**31 - 1, _pixels()), BAD),
    "real-144-megapixels": ("a.png", lambda: png(12000, 12000, zlib.compress(bytes(12001 * 12000))), BAD),
    "no-pixels": ("a.png", lambda: png(0, 0, b""), BAD), "no-height": ("a.png", lambda: png(8, 0, b""), BAD),
    "depth-of-99": ("a.png", lambda: png(8, 8, _pixels(), depth=99), BAD),
    "colour-of-9": ("a.png", lambda: png(8, 8, _pixels(), colour=9), BAD),
    "palette-without-palette": ("a.png", lambda: png(8, 8, _pixels(), colour=3), (ACCEPTED, REFUSED)),
    "bad-checksum": ("a.png", lambda: png(8, 8, _pixels())[:-20] + bytes(20), (ACCEPTED, REFUSED)),
    "data-too-long": ("a.png", lambda: png(8, 8, zlib.compress(bytes(10**8))), (ACCEPTED, REFUSED)),
    "text-bomb": ("a.png", lambda: _bomb_in(b"zTXt"), BAD),
    "unicode-text-bomb": ("a.png", lambda: _bomb_in(b"iTXt"), BAD),
    "profile-bomb": ("a.png", lambda: _bomb_in(b"iCCP"), (ACCEPTED, REFUSED)),
    "chunk-of-4-gigabytes": ("a.png", lambda: b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffIHDR" + bytes(50), BAD),
    "hundred-thousand-chunks": ("a.png", lambda: png(8, 8, _pixels(), *[chunk(b"tEXt", b"a\0b")] * 100_000),
        (ACCEPTED, REFUSED)),
    "huge-tiff": ("a.tif",
        lambda: b"II*\0\x08\0\0\0\x03\0" + b"\0\1\4\0\1\0\0\0\xff\xff\xff\x7f" * 2 + b"\x11\1\4\0\1\0\0\0"
        + bytes(8), BAD),
    "tiff-that-points-to-itself": ("a.tif", lambda: b"II*\0\x08\0\0\0\0\0\x08\0\0\0", BAD),
    "huge-bmp": ("a.bmp", lambda: b"BM" + bytes(8) + struct.pack("<IIiiHHI", 54, 40, 2**30, 2**30, 1, 24,
        0) + bytes(24), BAD),
    "huge-ppm": ("a.ppm", lambda: b"P6 999999999 999999999 255\n", BAD),
    "ppm-of-many-digits": ("a.ppm", lambda: b"P6 " + b"9" * 10_000 + b" 1 255\n", BAD),
    "exif-garbage": ("a.jpg", lambda: encoded("JPEG", exif=b"Exif\0\0" + b"\xff" * 2000), GOOD),
    "exif-that-loops": ("a.jpg", lambda: encoded("JPEG",
        exif=b"Exif\0\0II*\0\x08\0\0\0\1\0\x69\x87\4\0\1\0\0\0\x08\0\0\0"), (ACCEPTED, REFUSED)),
    "orientation-of-9999": ("a.jpg", lambda: _exif(9999), GOOD),
    **{f"orientation-of-{turn}": ("a.jpg", lambda turn=turn: _exif(turn), GOOD) for turn in (3, 6, 8)},
}  # fmt: skip


def cases() -> Iterator[Case]:
    """One case for each file."""
    for name, (file, content, codes) in FILES.items():
        why = (
            "one image in twelve that cannot be read is more than 1 %"
            if codes == BAD
            else "an image that is odd but right"
        )
        yield Case(f"image/{name}", _with(file, content), codes, why, "data", seconds=120.0)
