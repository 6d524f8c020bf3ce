"""Image folders with hostile entries and names, and options given as files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.hostile.case import ACCEPTED, LIMIT, REFUSED, USAGE, Case
from benchmarks.hostile.onnx_parts import written
from benchmarks.hostile.pictures import sound_folder
from benchmarks.hostile.torchscript_code import OUTSIDE

MODEL_CLASSES = 10
"""Of the model that looks at the folders; nothing but their number says which folder is which class."""
Change = Callable[[Path], object]


def _folder(change: Change, *, each: int = 6) -> Callable[[Path], Path]:
    def build(folder: Path) -> Path:
        data = sound_folder(folder, each=each)
        for index in range(2, MODEL_CLASSES):
            shutil.copytree(data / "dog", data / f"like-dog-{index}")
        change(data)
        return data

    return build


def _named(name: bytes) -> Change:
    """The first class, and one of its files, under this name."""

    def change(data: Path) -> None:
        (data / "cat" / "0.png").rename(data / "cat" / os.fsdecode(name + b".png"))
        (data / "cat").rename(data / os.fsdecode(name))

    return change


def _unreadable_named(name: bytes) -> Change:
    return lambda data: (data / "cat" / os.fsdecode(name + b".png")).write_bytes(b"no image")


def _empty_classes(count: int) -> Change:
    def change(data: Path) -> None:
        for index in range(count):
            (data / f"class{index}").mkdir()

    return change


def _deep(data: Path) -> None:
    place = data / "cat"
    for _ in range(150):
        place /= "deeper"
    place.mkdir(parents=True)
    shutil.copy(data / "cat" / "0.png", place / "x.png")


def _outside(name: str) -> Change:
    """A link to the canary under this name."""
    return lambda data: (data / "cat" / name).symlink_to(data.parent.parent / OUTSIDE / "secret")


def _linked_class(data: Path) -> None:
    away = data.parent / "away"
    (data / "cat").rename(away)
    (data / "cat").symlink_to(away)


def _unreadable(data: Path) -> None:
    if os.geteuid() == 0:
        raise OSError("the superuser reads every file")
    (data / "cat").chmod(0)


CHANGES: dict[str, tuple[Change, tuple[int, ...]]] = {
    "sound": (lambda d: None, (ACCEPTED,)), "a-pipe": (lambda d: os.mkfifo(d / "cat" / "a.png"), (REFUSED, ACCEPTED)),
    "a-pipe-without-suffix": (lambda d: os.mkfifo(d / "cat" / "a"), (ACCEPTED,)),
    "a-folder-as-image": (lambda d: (d / "cat" / "a.png").mkdir(), (ACCEPTED,)),
    "a-link-out": (_outside("a.png"), (REFUSED,)), "a-link-out-without-suffix": (_outside("a"), (ACCEPTED,)),
    "a-link-to-zeros": (lambda d: (d / "cat" / "a.png").symlink_to("/dev/zero"), (REFUSED,)),
    "a-dangling-link": (lambda d: (d / "cat" / "a.png").symlink_to("none"), (REFUSED,)),
    "a-loop-of-links": (lambda d: (d / "cat" / "a.png").symlink_to("a.png"), (REFUSED,)),
    "a-link-to-the-root": (lambda d: (d / "cat" / "up").symlink_to(d), (ACCEPTED,)),
    "a-linked-class": (_linked_class, (REFUSED, ACCEPTED)),
    "a-class-linked-to-the-root": (lambda d: (d / "up").symlink_to("/"), (REFUSED,)),
    "a-class-linked-to-itself": (lambda d: (d / "loop").symlink_to("loop"), (ACCEPTED,)),
    "an-empty-class": (lambda d: (d / "emu").mkdir(), (REFUSED,)),
    "ten-thousand-empty-classes": (_empty_classes(10_000), (REFUSED,)),
    "one-class": (lambda d: shutil.rmtree(d / "cat"), (REFUSED,)),
    "no-class": (lambda d: [shutil.rmtree(d / name) for name in ("cat", "dog")], (REFUSED,)),
    "files-beside-the-classes": (lambda d: (d / "notes.txt").write_text("x"), (ACCEPTED,)),
    "one-image-in-a-class": (lambda d: [(d / "cat" / f"{i}.png").unlink() for i in range(1, 6)], (REFUSED,)),
    "deep-folders": (_deep, (ACCEPTED, REFUSED)),
    "only-train": (lambda d: (d / "train" / "a").mkdir(parents=True), (REFUSED,)),
    "hidden-class": (lambda d: (d / ".git").mkdir(), (ACCEPTED,)),
    "without-permission": (_unreadable, (REFUSED,)),
    "five-hundred-bad-images": (lambda d: [(d / "cat" / f"b{i}.png").write_bytes(b"x") for i in range(500)],
        (REFUSED,)),
}  # fmt: skip
NAMES: dict[str, bytes] = {
    "markup": b"<script>alert(1)<", "control-characters": b"\x1b[2J\x07\x01", "newline": b"a\nb", "quote": b"'\";--",
    "blanks": b"  ",
    "right-to-left": "\u202egod".encode(), "long": b"L" * 240, "template": b"{{ 7*7 }}", "latin": b"caf\xe9",
    "lone-surrogate": b"\xed\xa0\x80",
    "every-byte": bytes(set(range(1, 240)) - {46, 47}), "emoji": "\U0001f4a3".encode(), "number": b"0",
    "minus": b"-rf", "percent": b"%s%n",
}  # fmt: skip
CLASS_NAMES: dict[str, tuple[bytes, tuple[int, ...]]] = {
    "sound": (b"\n".join(b"n%d" % i for i in range(10)), (ACCEPTED,)),
    "hostile": (b"\x1b[2J\n<b>\n" + b"\n".join(b"n%d" % i for i in range(8)), (ACCEPTED,)),
    "too-few": (b"a\nb\n", (USAGE,)), "too-many": (b"\n".join(b"n%d" % i for i in range(1000)), (USAGE,)),
    "alike": (b"a\n" * 10, (USAGE,)),
    "latin": (b"caf\xe9\nb\n", (USAGE,)), "empty": (b"", (USAGE,)), "zeros": (bytes(1000), (USAGE,)),
    "utf-16": ("a\nb\n".encode("utf-16"), (USAGE,)),
    "one-line-of-10-MB": (b"L" * 10_000_000, (USAGE,)),
    "a-million-lines": (b"".join(b"%d\n" % i for i in range(1_000_000)), (USAGE,)),
    "with-a-mark": (b"\xef\xbb\xbfa\n" + b"\n".join(b"n%d" % i for i in range(9)), (ACCEPTED,)),
    "line-separators": ("a\u2028b\n".encode() + b"\n".join(b"n%d" % i for i in range(9)), (ACCEPTED,)),
    "windows": (b"\r\n".join(b"n%d" % i for i in range(10)), (ACCEPTED,)),
}  # fmt: skip
CONFIGS: dict[str, tuple[bytes, tuple[int, ...]]] = {
    "empty": (b"", (ACCEPTED,)), "sound": (b"seed = 1\n", (ACCEPTED,)), "no-toml": (b"<html>", (USAGE,)),
    "zeros": (bytes(100), (USAGE,)), "latin": (b'seed = "\xe9"', (USAGE,)),
    "unknown-key": (b"evil = 1\n", (USAGE,)), "hostile-key": (b'"\\u001b[2J<b>" = 1\n', (USAGE,)),
    "wrong-type": (b'seed = "evil"\n', (USAGE,)), "negative-seed": (b"seed = -1\n", (USAGE,)),
    "huge-number": (b"seed = " + b"9" * 5000 + b"\n", (USAGE,)), "a-table": (b"[seed]\na = 1\n", (USAGE,)),
    "nested-deep": (b"seed = " + b"[" * 5000 + b"]" * 5000, (USAGE,)),
    "a-key-twice": (b"seed = 1\nseed = 2\n", (USAGE,)), "a-date": (b"seed = 2026-01-01\n", (USAGE,)),
    "not-a-number": (b"max-skip = nan\n", (USAGE,)), "infinity": (b"max-skip = inf\n", (USAGE,)),
    "trust-as-text": (b'trust-model = "maybe"\n', (USAGE,)),
    "a-path-as-model": (b'model = "/etc/passwd"\n', (USAGE,)),
    "another-data": (b'data = "/etc/passwd"\n', (ACCEPTED, REFUSED)),
    "itself": (b'config = "config.toml"\n', (USAGE,)), "surrogate": (b'embedding = "\\ud800"\n', (USAGE,)),
    "nul": (b'data-root = "a\\u0000b"\n', (USAGE, REFUSED, ACCEPTED)),
    "mean-of-text": (b'mean = "evil"\n', (USAGE,)), "mean-of-nan": (b"mean = [nan]\n", (USAGE,)),
    "empty-list": (b"mean = []\n", (USAGE,)),
    "many-keys": (b"".join(b"k%d = 1\n" % i for i in range(10_000)), (USAGE,)),
}  # fmt: skip


def cases() -> Iterator[Case]:
    """Entries, names, files of options."""
    for name, (change, codes) in CHANGES.items():
        yield Case(
            f"folder/entry/{name}",
            _folder(change),
            codes,
            "files below the folder, nothing that a link leads to",
            "data",
            seconds=120.0,
        )
    for name, text in NAMES.items():
        yield Case(f"folder/name/{name}", _folder(_named(text)), (ACCEPTED,), "a name is text, shown escaped", "data")
        yield Case(
            f"folder/name/{name}/unreadable",
            _folder(_unreadable_named(text)),
            (REFUSED,),
            "the refusal quotes the name safely",
            "data",
        )
    for name in ("latin", "markup", "every-byte"):
        build, why = _folder(_named(NAMES[name]), each=40), "results stay valid JSON in UTF-8"
        pairs = ("--pairs", "0:1")
        yield Case(f"folder/name/{name}/audit", build, (ACCEPTED, REFUSED, LIMIT), why, "data", pairs, audit=True)
    for name, (content, codes) in CLASS_NAMES.items():
        yield Case(
            f"option/class-names/{name}",
            written(content, "names.txt"),
            codes,
            "a text in UTF-8, one different name a line",
            "option",
            ("--class-names",),
        )
    for name, (content, codes) in CONFIGS.items():
        case = Case(
            f"option/config/{name}",
            written(content, "config.toml"),
            codes,
            "TOML with the long names of options",
            "option",
            ("--config",),
            audit=True,
        )
        yield case
    for name, place in {"a-folder": "/", "a-device": "/dev/null", "missing": "/none"}.items():
        yield Case(
            f"option/config/{name}",
            lambda folder, place=place: Path(place),
            (USAGE, ACCEPTED),
            "a file that can be read",
            "option",
            ("--config",),
            audit=True,
        )
