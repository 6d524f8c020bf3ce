"""The command's side of a cluster: helpers like those of this machine, whose tasks are done on nodes of Ray.

Ray is imported by a process of its own (``ray_main``), so that neither its threads and signals nor what it prints are
the command's.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from queue import Full, Queue
from types import TracebackType
from typing import Self

from pydantic import ValidationError

from auditor.documents.messages import (
    Failure,
    HelpWanted,
    Job,
    Notice,
    Shared,
    SharedName,
    error_from,
    read_message,
)
from auditor.documents.plan import Plan
from auditor.documents.results import Document
from auditor.documents.tasks import Task
from auditor.engines.orders import Died, Join, Joined, Load, Parcel, Terms, threads_of
from auditor.engines.parcels import digest, for_nodes, parcels_of
from auditor.engines.versions import versions
from auditor.errors import AuditIncomplete, UsageError
from auditor.worker.engine import Event
from auditor.worker.machine import usable_cores
from auditor.worker.process import Death
from auditor.worker.sandbox.limits import limits_for
from auditor.worker.shared_file import copy_shared

WAITING = 2
"""Tasks beyond those at work, so that no node waits for the next."""
_SECONDS_TO_LEAVE = 60.0
_LONGEST_LINE = 2000
_GONE = "the process that is a member of the cluster ended"


class RayEngine:
    """A cluster of Ray. Use it in a ``with`` block: leaving the block leaves the cluster as it was.

    Args:
        plan: of the audit.
        address: ``host:port`` of its head, or ``auto`` for the one that this machine belongs to; empty for RAY_ADDRESS,
            else a new one of this machine alone.
        verbose: tell what Ray prints.
        tell: given each line for the user.
    Attributes:
        most: helpers that there may be.
    Raises:
        AuditError: Ray is not installed, there is no such cluster, or its nodes cannot do this audit.
    """

    def __init__(
        self, plan: Plan, address: str, *, verbose: bool = False, tell: Callable[[str], None] = lambda _: None
    ) -> None:
        self._plan, self._tell = plan, tell
        self._wanted: HelpWanted | None = None
        self._audit, self._shared_by = "", Path()
        self._shared = dict[SharedName, Path]()
        self._helpers = dict[int, RemoteWorker]()
        self._folder = tempfile.TemporaryDirectory(prefix="deepdig-audit-", ignore_cleanup_errors=True)
        self._process = start_member(verbose)
        self._over = False
        threading.Thread(target=self._pass_on, daemon=True).start()
        try:
            self.write(0, Join(address=address or os.environ.get("RAY_ADDRESS", ""), versions=versions()))
            assert self._process.stdout is not None
            self.most = _places(self._process.stdout.readline()) + WAITING
        except BaseException:
            self.leave()
            raise
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()

    def helpers_for(self, wanted: HelpWanted) -> int:
        """How many helpers there are to be.

        Raises:
            UsageError: the audit computes on a GPU.
        """
        if wanted.device != "cpu":
            raise UsageError(
                "expected --engine ray to compute on processors; found a GPU; give --device cpu, or leave --engine out"
            )
        self._wanted = wanted
        return min(self.most, wanted.tasks)

    def helper(self, job: Job, events: Queue[Event], name: str) -> RemoteWorker:
        """A place in the cluster."""
        self._helpers[job.number] = helper = RemoteWorker(self, job, events, name)
        helper.send(job)  # only now, because its answer may come at once
        return helper

    def write(self, number: int, document: Document) -> None:
        """Say something of a helper, or of the process itself, which is number 0."""
        self.write_line(number, document.model_dump_json().encode())

    def write_line(self, number: int, line: bytes) -> None:
        """As ``write``, of a document that is a line already."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # that it has ended, its standard output says
            self._process.stdin.write(b"%d %s\n" % (number, line))
            self._process.stdin.flush()

    def share(self, name: SharedName, folder: Path) -> None:
        """Take over what the first worker shares, once, and have it sent along with every order."""
        if folder != self._shared_by:  # of another first worker
            self._shared_by, self._shared, self._audit = folder, {}, secrets.token_hex(8)
        if name in self._shared:
            return
        place = Path(tempfile.mkdtemp(dir=self._folder.name))
        copy_shared(folder, place, name, limits_for(Path(self._plan.model.path)).scratch)
        (self._shared[name],) = place.iterdir()
        self._load()

    def leave(self) -> None:
        """Cancel what is out and leave the cluster; a second call does nothing."""
        assert self._process.stdin is not None
        self._over = True
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(_SECONDS_TO_LEAVE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()

    def _load(self) -> None:
        wanted = self._wanted
        assert wanted is not None
        parcels = parcels_of(self._plan)
        parcels += [
            (Parcel(purpose=name, name=file.name, sha256=digest(file)), file) for name, file in self._shared.items()
        ]
        terms = Terms(
            audit=self._audit,
            plan=for_nodes(self._plan),
            parcels=[parcel for parcel, _ in parcels],
            versions=versions(),
            variables=threads_of(os.environ),
            cores=usable_cores(),
            threads=wanted.threads,
            not_imported=sorted({os.getcwd(), os.path.realpath(os.curdir)}),
        )
        files, instances = [str(file) for _, file in parcels], self._plan.instances_folder
        self.write(0, Load(terms=terms, files=files, memory=wanted.memory, instances=instances))

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            number, _, text = line.partition(b" ")
            if int(number):
                if (helper := self._helpers.get(int(number))) is not None:
                    helper.said(text)
                continue
            message = read_message(text)
            if isinstance(message, Notice):
                self._tell(message.text)
            else:  # why the cluster can be used no more: whichever helper says it, it ends the audit
                for helper in list(self._helpers.values()):
                    helper.said(text)
        for helper in list(self._helpers.values()):
            helper.died(Died(found=_GONE, for_good=True))

    def _pass_on(self) -> None:
        """Tell what the process writes to its standard error, in lines of bounded length."""
        if self._process.stderr is not None:
            while line := self._process.stderr.readline(_LONGEST_LINE):
                self._tell(f"cluster: {line.decode('utf-8', 'backslashreplace').rstrip()}")

    def put(self, helper: RemoteWorker, line: bytes | None) -> None:
        """Hand over what a helper says, unless nobody reads it any more."""
        while not self._over:
            with contextlib.suppress(Full):
                helper.events.put((helper, line), timeout=0.1)
                return


def _places(line: bytes) -> int:
    """Processors of the cluster, as its member says first.

    Raises:
        AuditError: why there is no cluster.
    """
    text = line.partition(b" ")[2]
    if not text:
        raise AuditIncomplete(
            f"expected to join the Ray cluster; found that {_GONE}; run again with --verbose for its last words"
        )
    try:
        return Joined.model_validate_json(text).places
    except ValidationError:
        raise error_from(Failure.model_validate_json(text)) from None


def start_member(verbose: bool) -> subprocess.Popen[bytes]:
    """A new process that waits to join a cluster."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "auditor.engines.ray_main"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if verbose else subprocess.DEVNULL,
        # A Ctrl-C at the terminal reaches the command alone, whose end this process sees and leaves in good order.
        start_new_session=True,
    )


class NothingToWatch:
    """The watch of a worker that its node watches."""

    held, limit_hit = 0, ""

    def heard(self, stage: str) -> None:
        """Nothing changes."""

    def rest(self) -> None:
        """Nothing changes."""


class RemoteWorker:
    """A place in the cluster, to be used like a worker of this machine (``auditor.worker.process.Worker``).

    Args:
        engine: of the cluster.
        job: its number is the place's.
        events: gets every line that it says, and None once it says no more.
        name: by which the user hears of it.
    """

    def __init__(self, engine: RayEngine, job: Job, events: Queue[Event], name: str) -> None:
        self._engine, self._number, self.events, self.name = engine, job.number, events, name
        self.task: Task | None = None
        self.come = 0
        self.watch = NothingToWatch()
        self._death = Death(**Died(found=_GONE).model_dump())
        self._over = False

    def send(self, document: Document) -> None:
        """Say something to it."""
        self._engine.write(self._number, document)

    def pass_on(self, line: bytes) -> None:
        """Say a line to it."""
        self._engine.write_line(self._number, line.rstrip(b"\n"))

    def take_shared(self, name: SharedName, folder: Path) -> None:
        """Have what the first worker shares go along with its tasks."""
        self._engine.share(name, folder)
        self.send(Shared(name=name))

    def death(self) -> Death:
        """How it has died, once it says no more."""
        return self._death

    def kill(self) -> None:
        """Have what it works on cancelled."""
        self._over = True
        self._engine.write_line(self._number, b"")

    def said(self, line: bytes) -> None:
        """Take a line, or its last word."""
        if line.startswith(b"!"):
            self.died(Died.model_validate_json(line[1:]))
        elif not self._over:
            self._engine.put(self, line)

    def died(self, how: Died) -> None:
        """It says no more."""
        if not self._over:
            self._over, self._death = True, Death(**how.model_dump())
            self._engine.put(self, None)
