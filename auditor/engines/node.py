"""On a node: an order is carried out by a sandboxed worker like any other, and what it says is handed back.

Everything here runs in a process of Ray that belongs to this audit alone. The worker stays for the next order that
comes to this process, so that model and data are opened once.
"""

from __future__ import annotations

import os
import sys
import tempfile
from base64 import b64encode
from collections.abc import Callable, Sequence
from queue import Empty, Queue
from typing import Any, TypeVar

from auditor.documents.messages import (
    Failure,
    Job,
    Progress,
    Ready,
    SharedName,
    TaskIn,
    TaskOut,
    Want,
    failure_from,
    read_message,
)
from auditor.documents.tasks import Task
from auditor.engines.node_folder import NodeFolder
from auditor.engines.orders import Answer, Died, Order, Parcel, Terms, take_over
from auditor.engines.parcels import on_node, unpacked
from auditor.engines.versions import check_versions, versions
from auditor.errors import AuditError
from auditor.worker.engine import Event
from auditor.worker.process import Death, Worker

_SECONDS_BETWEEN_LOOKS = 0.2
"""Ray cancels a call by an exception in the main thread, which waiting without end would not notice."""
_NUMBER = 2
"""Of a worker that is not the first one of its audit."""
SHARED: tuple[SharedName, ...] = ("work", "generator")
"""What the first worker shares, in this order."""
T = TypeVar("T")
_kept = dict[str, "Helper"]()
"""By their audits, of which there is one."""


def carry_out(order: bytes, goods: Sequence[Any], get: Callable[[Any], bytes], node: str) -> bytes:
    """Do the task of an order.

    Args:
        order: an ``Order``.
        goods: what ``get`` makes the contents of its parcels of, in their order.
        get: gets the content of one.
        node: name of this node, for messages.
    Returns:
        an ``Answer``.
    """
    try:
        asked = Order.model_validate_json(order)
        terms = asked.terms
        check_versions(terms.versions, versions(), node)

        def content(parcel: Parcel) -> bytes:
            return get(goods[terms.parcels.index(parcel)])

        if terms.audit not in _kept:
            _kept[terms.audit] = Helper(terms, content)
        answer = _kept[terms.audit].do(asked, content)
    except AuditError as err:
        answer = Answer(refused=failure_from(err))
    return answer.model_dump_json().encode()


def tidy(audit: str) -> None:
    """The audit is over: remove what this node keeps of it."""
    if (helper := _kept.pop(audit, None)) is not None:
        helper.end()
    NodeFolder(audit).remove()


class _Ended(Exception):
    """The worker says no more, or that it cannot help."""

    def __init__(self, how: Death | Failure) -> None:
        self.how = how


class Helper:
    """The worker of this process.

    Args:
        terms: of the audit.
        content: gets the bytes of one of its parcels.
    Raises:
        AuditError: its files have no place on this node.
    """

    def __init__(self, terms: Terms, content: Callable[[Parcel], bytes]) -> None:
        self._audit, self._folder = terms.audit, NodeFolder(terms.audit)
        try:
            places = unpacked(terms.parcels, content, self._folder.path)
        except BaseException:
            self._folder.leave()
            raise
        take_over(terms)
        # Ray lets its processes import from the working folder of the command, where the audited files may lie.
        sys.path[:] = [entry for entry in sys.path if entry not in terms.not_imported]
        # Nothing stays of a worker that is killed with this process.
        self._temporary, tempfile.tempdir = tempfile.tempdir, str(self._folder.path)
        self._instances = self._folder.path / f"instances-{os.getpid()}"
        self._has = set[SharedName]()
        self._events: Queue[Event] = Queue()
        job = Job(task="help", plan=on_node(terms.plan, places, self._instances), number=_NUMBER)
        self._worker = Worker(job, self._events)

    def do(self, order: Order, content: Callable[[Parcel], bytes]) -> Answer:
        """Do a task.

        Raises:
            BaseException: this call is cancelled; the worker is ended.
        """
        try:
            self._give(order.terms, content)
            self._worker.send(TaskOut(worker=_NUMBER, task=order.task))
            outcome = self._heard(TaskIn).outcome
            self._heard(Want)
        except _Ended as err:
            self.end()
            if isinstance(err.how, Failure):
                return Answer(refused=err.how)
            return Answer(died=Died(**vars(err.how)))
        except BaseException:
            self.end()
            raise
        return Answer(outcome=outcome, files=self._saved(order.task))

    def end(self) -> None:
        """End the worker; the next order gets another."""
        _kept.pop(self._audit, None)
        self._worker.kill()
        tempfile.tempdir = self._temporary
        self._folder.leave()

    def _give(self, terms: Terms, content: Callable[[Parcel], bytes]) -> None:
        """Give the worker what the first one shares, as far as it has not got it."""
        if not self._has:
            self._heard(Ready)
        places = unpacked(terms.parcels, content, self._folder.path)
        for name in (name for name in SHARED if name in places and name not in self._has):
            self._worker.take_shared(name, places[name].parent)
            self._has.add(name)
            if name == "work":
                self._heard(Want)

    def _heard(self, kind: type[T]) -> T:
        """The next message of this kind."""
        while True:
            try:
                _, line = self._events.get(timeout=_SECONDS_BETWEEN_LOOKS)
            except Empty:
                continue
            if line is None:
                raise _Ended(self._worker.death())
            message = read_message(line)
            if isinstance(message, Failure):
                raise _Ended(message)
            if isinstance(message, Progress):
                self._worker.watch.heard(message.stage)
            elif isinstance(message, kind):
                self._worker.watch.rest()
                return message

    def _saved(self, task: Task) -> dict[str, str]:
        """The boundary instances of the task's pairs, where there are files of them; they are handed over."""
        names = [f"{s}-{t}.npz" for a, b in task.pairs for s, t in ((a, b), (b, a))]
        files = [file for name in names if (file := self._instances / name).is_file()]
        saved = {file.name: b64encode(file.read_bytes()).decode() for file in files}
        for file in files:
            file.unlink()
        return saved
