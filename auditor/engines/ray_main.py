"""The process that is a member of the cluster: it stands between the command, which never imports Ray, and the nodes.

Lines come in and go out as ``NUMBER JSON``: of the worker with this number, as the command sees it, or 0 for the
process itself. Such a worker is a place in the cluster: a task that it is handed goes to whichever node is free.
``NUMBER !JSON`` says how it died, ``NUMBER`` alone gives it up. When standard input ends, in whatever way the command
did, all that is out is cancelled and the nodes are left as they were.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from base64 import b64decode
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import BinaryIO

from auditor.documents.messages import (
    Notice,
    Ready,
    Shared,
    TaskIn,
    TaskOut,
    Want,
    failure_from,
    read_message,
)
from auditor.documents.results import Document
from auditor.documents.tasks import Task
from auditor.documents.whole_files import write_whole
from auditor.engines.orders import Answer, Join, Joined, Load, Order
from auditor.engines.ray_cluster import RayCluster

ITSELF = 0
"""Number of this process."""
DIED = b"!"
_SECONDS_BETWEEN_LOOKS = 0.05
_SECONDS_BETWEEN_COUNTS = 5.0
"""Nodes are counted no more often."""


def main() -> None:
    """Be a member until standard input ends."""
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # Ray prints
    lines = SimpleQueue[bytes | None]()
    threading.Thread(target=_read, args=(sys.stdin.buffer, lines), daemon=True).start()
    member = Member(out)
    try:
        while member.look(lines):
            pass
    except BaseException as err:
        with contextlib.suppress(BrokenPipeError):
            member.say(ITSELF, failure_from(err))
    with contextlib.suppress(BrokenPipeError, ValueError):
        out.close()
    member.leave()
    os._exit(0)


def _read(file: BinaryIO, lines: SimpleQueue[bytes | None]) -> None:
    for line in file:
        lines.put(line)
    lines.put(None)


class Member:
    """The cluster, what goes along with orders, and which tasks are out.

    Args:
        out: where lines go.
    """

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._cluster: RayCluster | None = None
        self._load: Load | None = None
        self._audits, self._places, self._tasks = list[str](), set[int](), dict[int, Task]()
        self._counted = time.monotonic()

    def look(self, lines: SimpleQueue[bytes | None]) -> bool:
        """Take the next line, if there is one, and what has come back; False once there are no more lines.

        Raises:
            AuditError: the cluster cannot be used.
        """
        with contextlib.suppress(Empty):
            while (line := lines.get(timeout=0 if self._tasks else _SECONDS_BETWEEN_LOOKS)) is not None:
                name, _, text = line.rstrip(b"\n").partition(b" ")
                self._take(int(name), text)
            return False
        if self._cluster is not None:
            for place, answer in self._cluster.ended(_SECONDS_BETWEEN_LOOKS):
                self._came_back(place, answer)
            self._count()
        return True

    def leave(self) -> None:
        """Leave the cluster as it was."""
        if self._cluster is not None:
            self._cluster.leave(self._audits)

    def say(self, number: int, document: Document, mark: bytes = b"") -> None:
        """Say something, in one line."""
        self._out.write(b"%d %s%s\n" % (number, mark, document.model_dump_json().encode()))
        self._out.flush()

    def _take(self, number: int, text: bytes) -> None:
        if self._cluster is None:
            join = Join.model_validate_json(text)
            self._cluster = RayCluster(join.address)
            self._cluster.check(join.versions)
            self.say(ITSELF, Joined(places=self._cluster.places))
        elif number == ITSELF:
            self._load = load = Load.model_validate_json(text)
            self._audits += [load.terms.audit] * (load.terms.audit not in self._audits)
            parcels = zip(load.terms.parcels, map(Path, load.files), strict=True)
            self._cluster.load(parcels, load.terms.threads, load.memory)
        elif not text:
            self._tasks.pop(number, None)
            self._cluster.cancel(number)
        elif number not in self._places:  # what is to be done, which comes first
            self._places.add(number)
            self.say(number, Ready())
        else:
            message = read_message(text)
            if isinstance(message, Shared) and message.name == "work":
                self.say(number, Want(worker=number))
            elif isinstance(message, TaskOut):
                assert self._load is not None
                self._tasks[number] = message.task
                self._cluster.send(number, Order(terms=self._load.terms, task=message.task))

    def _came_back(self, number: int, answer: Answer) -> None:
        task = self._tasks.pop(number)
        if answer.refused is not None:
            self.say(number, answer.refused)
        elif answer.outcome is not None:
            self._save(answer.files)
            self.say(number, TaskIn(worker=number, task=task, outcome=answer.outcome))
            self.say(number, Want(worker=number))
        elif answer.died is not None:
            self.say(number, answer.died, DIED)

    def _save(self, files: dict[str, str]) -> None:
        """Save boundary instances where the first worker saves its own."""
        for name, content in files.items():
            assert self._load is not None
            assert self._load.instances is not None
            write_whole(Path(self._load.instances, Path(name).name), b64decode(content))

    def _count(self) -> None:
        if self._cluster is None or time.monotonic() - self._counted < _SECONDS_BETWEEN_COUNTS:
            return
        self._counted = time.monotonic()
        for node in self._cluster.lost():
            text = f"warn: node {node} of the cluster was lost; what it worked on begins anew on another"
            self.say(ITSELF, Notice(text=text))


if __name__ == "__main__":
    main()
