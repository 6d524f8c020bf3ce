"""What the host does for the device and waits for, counted at the line that caused it."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Literal, NamedTuple

from torch import Tensor

Kind = Literal["to device", "to host", "made there", "wait", "kernel", "runtime call"]
_FILES = {str(path) for path in Path(__file__).parent.glob("*.py") if not path.name.startswith("test_")}
"""The simulator's own."""


class Site(NamedTuple):
    """Where something happened.

    Args:
        kind: what.
        line: ``auditor/boundary/components.py:72``.
        function: its qualified name.
    """

    kind: Kind
    line: str
    function: str


class Events:
    """Counts by site, with the bytes of copies.

    Args:
        package: a folder's name between slashes; an event belongs to the innermost line in it, and else to its caller.
        lost: a line whose moves, or whose device for a new tensor, are left out, as a fault would.
    Attributes:
        count: of each site.
        bytes: of each site that copies.
        addresses: of memory of the device that somebody asked for.
    """

    def __init__(self, package: str, lost: Site | None = None) -> None:
        self._package, self._lost = package, lost
        self.count, self.bytes, self.addresses = Counter[Site](), Counter[Site](), set[int]()

    def add(self, kind: Kind, tensor: Tensor | None = None, times: int = 1) -> None:
        """One event, of a copy with what is copied."""
        site = Site(kind, "", "") if kind == "kernel" else self._site(kind)  # there are too many to ask where
        self.count[site] += times
        if tensor is not None:
            self.bytes[site] += tensor.numel() * tensor.element_size()

    def loses(self, kind: Kind) -> bool:
        """Whether a move of this kind, or a new tensor's device, is left out at this line."""
        return self._lost is not None and self._lost.kind == kind and self._site(kind) == self._lost

    def total(self, kind: Kind) -> int:
        """How many events of a kind."""
        return sum(number for site, number in self.count.items() if site.kind == kind)

    def total_bytes(self, kind: Kind) -> int:
        """How many bytes copies of a kind moved."""
        return sum(number for site, number in self.bytes.items() if site.kind == kind)

    def _site(self, kind: Kind) -> Site:
        caller = frame = _first(sys._getframe(1))
        while frame is not None and not self._inside(frame):
            frame = frame.f_back
        frame = frame or caller
        assert frame is not None
        path = frame.f_code.co_filename
        if self._package in path:
            path = path[path.index(self._package) + 1 :]
        return Site(kind, f"{path}:{frame.f_lineno}", frame.f_code.co_qualname)

    def _inside(self, frame: FrameType) -> bool:
        return self._package in frame.f_code.co_filename and not _of_the_simulator(frame)


def _first(frame: FrameType | None) -> FrameType | None:
    """The innermost frame outside of the simulator."""
    while frame is not None and _of_the_simulator(frame):
        frame = frame.f_back
    return frame


def _of_the_simulator(frame: FrameType) -> bool:
    return frame.f_code.co_filename in _FILES
