"""Files that an earlier run left in an output folder: which of them this tool made, as their content shows.

What looks as the tool writes it is the tool's, of whatever version; all else is somebody's own and never touched. Links
are never followed: what stands behind one is not in the folder.
"""

from __future__ import annotations

import itertools
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from auditor.documents.files import RESULTS, RUN
from auditor.errors import one_line

INSTANCES = "instances"
"""Folder of the saved boundary instances in an output folder."""
OF_INSTANCES = re.compile(r"(\d{1,9})-(\d{1,9})\.npz")
_HEAD = 65_536
"""Bytes in which a file says by what it was made."""
_PDF = 1 << 26
"""Bytes of a PDF file that are looked through."""
_TOOL = b"deepdig-audit"


def _json(*keys: bytes) -> Callable[[bytes], bool]:
    """A JSON object that begins with the schema's version and has these keys near its beginning."""
    return lambda head: (
        re.match(rb'\s*\{\s*"schema_version"\s*:', head) is not None and all(key in head for key in keys)
    )


def _has(*texts: bytes) -> Callable[[bytes], bool]:
    return lambda head: all(text in head for text in texts)


def _begins(pattern: bytes) -> Callable[[bytes], bool]:
    return lambda head: re.match(pattern, head) is not None


_generator = _has(b'<meta name="generator" content="deepdig-audit ')

OF_AN_AUDIT: dict[str, Callable[[bytes], bool]] = {
    RESULTS: _json(b'"deepdig-audit"', b'"tool"'),
    RUN: _json(b'"duration_seconds"', b'"stages"'),
    "report.html": _generator,
    "summary.md": _begins(rb"### [^:\n]{1,40}: decision boundary of "),
    "junit.xml": _has(b'<testsuites name="deepdig-audit"'),
    "results.sarif": _has(b'"name": "deepdig-audit"', b'"driver"'),
    "samples.csv": _begins(rb"split,index,file,label,label_name,predicted,"),
    "report.pdf": _begins(rb"%PDF-"),
}
"""The outputs of an audit by the names of their files, and how the beginning of each shows that the tool made it."""
OF_A_COMPARISON: dict[str, Callable[[bytes], bool]] = {
    "compare.json": _json(b'"candidate"', b'"deepdig-audit"'),
    "compare.html": _generator,
    "compare.md": _begins(rb"### [^:\n]{1,40}: .+ against .+ on "),
    "compare.pdf": _begins(rb"%PDF-"),
}
"""The outputs of a comparison, likewise."""
WITH_VERDICT = ("report.html", "report.pdf", "summary.md", "junit.xml", "results.sarif")
"""Outputs that another decision on the same results makes wrong; results.json itself is written anew."""
_KNOWN = {**OF_AN_AUDIT, **OF_A_COMPARISON}


def is_instances(path: Path) -> bool:
    """Whether a file has the name and the place of saved boundary instances."""
    return path.parent.name == INSTANCES and OF_INSTANCES.fullmatch(path.name) is not None


def instances_of(folder: Path) -> Iterator[Path]:
    """Files in an output folder that have the names of saved boundary instances."""
    inside = folder / INSTANCES
    if inside.is_dir() and not inside.is_symlink():
        yield from sorted(path for path in inside.iterdir() if OF_INSTANCES.fullmatch(path.name))


def strange(path: Path) -> str:
    """What stands at a place of an output that the tool did not write, in words; empty where it wrote it."""
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return f"{path}, a link, which is not followed"
    if path.name == INSTANCES and stat.S_ISDIR(mode):
        return ""
    if not stat.S_ISREG(mode):
        return f"{path}, which is no file"
    try:
        made = _made_by_tool(path)
    except Exception as err:  # zipfile raises all kinds of errors for damaged archives
        return f"{path}, which cannot be read: {one_line(str(err))}"
    return "" if made else f"{path}, which deepdig-audit did not write"


def _made_by_tool(path: Path) -> bool:
    if OF_INSTANCES.fullmatch(path.name):
        with zipfile.ZipFile(path) as archive:
            return {"x_boundary.npy", "p_boundary.npy"} <= set(archive.namelist())
    with open(path, "rb", opener=_not_a_link) as file:
        head = file.read(_HEAD)
        if path.name not in _KNOWN or not _KNOWN[path.name](head):
            return False
        return not path.name.endswith(".pdf") or _pdf_by_tool(head + file.read(_PDF))


def _not_a_link(name: str, flags: int) -> int:
    return os.open(name, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))


def _pdf_by_tool(content: bytes) -> bool:
    """Whether the metadata of a PDF file name the tool."""
    streams = re.finditer(rb"/Metadata[^>]{0,200}>>\s{0,4}stream\r?\n", content)
    for match in itertools.islice(streams, 4):
        try:
            text = zlib.decompressobj().decompress(content[match.end() : match.end() + _HEAD], _HEAD)
        except zlib.error:
            text = content[match.end() : match.end() + _HEAD]
        if _TOOL in text:
            return True
    return False
