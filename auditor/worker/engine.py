"""What ``workers`` asks of helpers and of the engine that they come from, wherever they are."""

from __future__ import annotations

from pathlib import Path
from queue import Queue
from typing import TYPE_CHECKING, Protocol

from auditor.documents.messages import HelpWanted, Job, SharedName
from auditor.documents.results import Document
from auditor.documents.tasks import Task

if TYPE_CHECKING:
    from auditor.worker.process import Death


class Watching(Protocol):
    """Sees to it that a helper stays within its limits; ``held`` are bytes of this machine's memory."""

    held: int

    def heard(self, stage: str) -> None:
        """The helper has said that it is at this stage."""

    def rest(self) -> None:
        """The helper waits for work."""


class Helper(Protocol):
    """A worker of this machine (``process.Worker``), or a place in a cluster."""

    name: str
    task: Task | None
    come: int

    @property
    def watch(self) -> Watching:
        """Who watches it."""

    def send(self, document: Document) -> None:
        """Say something to it, unless it has ended."""

    def pass_on(self, line: bytes) -> None:
        """Say a line to it, unless it has ended."""

    def take_shared(self, name: SharedName, folder: Path) -> None:
        """Give it what the worker of this folder shares, and say so."""

    def death(self) -> Death:
        """How it has died, once it says no more."""

    def kill(self) -> None:
        """End it; a second call does nothing."""


Event = tuple[Helper, bytes | None]
"""A line that a worker says, or that it says no more."""


class Engine(Protocol):
    """Where helpers come from that are not this machine's.

    What stands in the way of one of them stands in the way of all, so that the failure of one is the audit's.
    """

    @property
    def most(self) -> int:
        """Helpers that there may be."""

    def helpers_for(self, wanted: HelpWanted) -> int:
        """How many there are to be for this work."""

    def helper(self, job: Job, events: Queue[Event], name: str) -> Helper:
        """One of them, which says what it says to ``events``."""
