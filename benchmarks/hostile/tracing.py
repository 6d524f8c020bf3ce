"""What processes opened and asked of the network, from strace's log, against the places where they may.

The places are listed here anew, not taken from the product, so that a mistake there shows.
"""

from __future__ import annotations

import re
import shutil
import site
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.hostile.commands import ROOT

_CALLS = "openat,open,creat,socket,connect,execve,unlink,unlinkat,rename,renameat,renameat2,clone,clone3,fork,vfork"
_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/ld.so.preload", "/etc/localtime",
           "/etc/locale.alias", "/etc/alternatives", "/etc/ssl/openssl.cnf", "/proc", "/sys", "/dev")  # fmt: skip
_BEGIN = re.compile(r"^(\d+) +(\w+)\((.*)$")
_RESUMED = re.compile(r"^(\d+) +<\.\.\. (\w+) resumed>(.*)$")
_OPENED = re.compile(r"= \d+<(.*?)>(?:\(deleted\))?$")
_ENDED = re.compile(r"^(\d+) +\+\+\+ (?:exited|killed)")
_STARTED = re.compile(r"= (\d+)$")
_BESIDE = re.compile(r'^(?:AT_FDCWD|\d+)<(.*?)>(?:\(deleted\))?, "((?:[^"\\]|\\.)*)"')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Call:
    """One system call that succeeded: the process (its first thread), the call, what it was about."""

    process: int
    name: str
    target: str


def available() -> bool:
    """Whether strace is installed."""
    return shutil.which("strace") is not None


def command(log: Path) -> list[str]:
    """What to put before a command to write its log."""
    options = ["-f", "--seccomp-bpf", "-y", "-q", "-s", "4096", "-e", "signal=none", "-e", f"trace={_CALLS}"]
    return ["strace", *options, "-o", str(log)]


def calls(lines: Iterable[str]) -> Iterator[Call]:
    """The calls in a log that succeeded; threads count as their process.

    >>> [call.target for call in calls(['7 openat(AT_FDCWD</a>, "b", O_RDONLY) = 3</a/b>', '7 openat(5, "c") = -1 E'])]
    ['/a/b']
    """
    process: dict[int, int] = {}
    early: set[int] = set()
    pending: dict[int, tuple[str, str]] = {}
    for line in lines:
        line = line.rstrip("\n")
        if ended := _ENDED.match(line):
            thread = int(ended.group(1))
            owner = process.pop(thread, None)
            if owner is None:
                early.add(thread)
            elif owner == thread:
                yield Call(thread, "ends", "")  # its number may come again
            continue
        begin, resumed = _BEGIN.match(line), _RESUMED.match(line)
        if begin is None and resumed is None:
            continue
        thread = int((begin or resumed).group(1))  # type: ignore[union-attr]
        if begin is not None:
            name, text = begin.group(2), begin.group(3)
            if text.endswith("<unfinished ...>"):
                pending[thread] = name, text
                continue
        else:
            assert resumed is not None
            name, start = pending.pop(thread, (resumed.group(2), ""))
            text = start + resumed.group(3)
        owner = process.get(thread, thread)
        if name in ("clone", "clone3", "fork", "vfork"):
            if started := _STARTED.search(text):
                child = int(started.group(1))
                if child in early:  # over before the line of its start was written
                    early.remove(child)
                    continue
                process[child] = owner if "CLONE_THREAD" in text else child
        elif name in ("open", "openat", "creat"):
            if (opened := _OPENED.search(text)) and "O_PATH" not in text:
                yield Call(owner, name, opened.group(1))
        elif not re.search(r"= -1 ", text):
            beside, quoted = _BESIDE.match(text), _QUOTED.search(text)
            named = str(Path(beside.group(1), beside.group(2))) if beside else quoted.group(1) if quoted else text
            yield Call(owner, name, named)


def installation() -> tuple[str, ...]:
    """Folders of Python, its packages, this project's package and the system."""
    found = {sys.prefix, sys.base_prefix, *site.getsitepackages(), str(ROOT / "auditor"), str(ROOT / "templates")}
    return (*_SYSTEM, *sorted(found | {str(Path(place).resolve()) for place in found}))


def breaches(made: Iterable[Call], allowed: Sequence[str], programs: Sequence[str] = ()) -> list[str]:
    """Calls that reach beyond the places.

    Args:
        made: by one process or more.
        allowed: folders and files beside the installation, and what begins like the scratch folders.
        programs: names of programs that may be started.
    """
    places, found = (*installation(), *allowed), set[str]()
    folder = re.escape(tempfile.gettempdir())
    # The scratch folder, and the file by which Python finds out whether it can write to the temporary folder.
    scratch = re.compile(rf"{folder}/(deepdig-audit-|#\d+$|[a-z0-9_]{{8}}$)")
    for call in made:
        if call.name in ("socket", "connect"):
            found.add(f"{call.name} {call.target}")
        elif call.name == "execve":
            if Path(call.target).name not in programs:
                found.add(f"started {call.target}")
        elif call.name == "ends" or call.target.startswith(("pipe:", "socket:", "anon_inode:", "/memfd:")):
            continue
        elif not scratch.match(call.target) and not _below(call.target, places):
            found.add(f"{call.name} {call.target}")
    return sorted(found)


def _below(path: str, places: Iterable[str]) -> bool:
    return any(path == place or path.startswith(place.rstrip("/") + "/") for place in places)
