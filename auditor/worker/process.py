"""The parent's side of one worker: start it, read what it says, and never leave it behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from queue import Full, Queue

from auditor.documents.messages import Job, Shared, SharedName
from auditor.documents.results import Document
from auditor.documents.tasks import Task
from auditor.errors import AuditIncomplete
from auditor.worker.engine import Event
from auditor.worker.sandbox.environment import worker_environment
from auditor.worker.sandbox.limits import limits_for
from auditor.worker.sandbox.processes import end_all, end_orphans, tree
from auditor.worker.sandbox.watch import Watch
from auditor.worker.shared_file import copy_shared

if sys.platform != "win32":
    import resource

_RAISE = "look whether the file is what it should be, or raise the limit (docs/security.md)"
_LONGEST_MESSAGE = 1 << 30
_LONGEST_LINE = 2000
"""Bytes of a message, and of a line that native libraries print."""


class Worker:
    """A child process that does one job.

    Args:
        job: what to do.
        events: gets every line that it says, and None once it says no more, each with the worker itself.
        name: by which ``tell`` has it.
        verbose: tell what the child writes to its standard error, with whatever native libraries print.
        tell: given each line for the user, as the child wrote it: it may hold control characters.
        beside: bytes of memory that other workers hold, which count with this one's.
    Attributes:
        watch: sees to it that it stays within its limits.
        task: that it works on, where it is said.
        come: steps of progress within it.
    """

    def __init__(
        self,
        job: Job,
        events: Queue[Event],
        *,
        name: str = "worker",
        verbose: bool = False,
        tell: Callable[[str], None] = lambda _: None,
        beside: Callable[[], int] = lambda: 0,
    ) -> None:
        self._limits = limits_for(Path(job.plan.model.path))
        self.name = name
        self.task: Task | None = None
        self.come = 0
        self._events, self._tell, self._over = events, tell, False
        self._scratch = tempfile.TemporaryDirectory(prefix="deepdig-audit-", ignore_cleanup_errors=True)
        self._process = start_child(self._scratch.name, verbose)
        self.watch = Watch(self._process.pid, self._limits, self.scratch, self._end, beside)
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._pass_on, self._listen)]
        for thread in self._threads:
            thread.start()
        self.send(job)

    @property
    def pid(self) -> int:
        """Number of its process."""
        return self._process.pid

    @property
    def scratch(self) -> Path:
        """Its folder for temporary files."""
        return Path(self._scratch.name)

    def send(self, document: Document) -> None:
        """Say something to it, unless it has ended."""
        self.pass_on(document.model_dump_json().encode() + b"\n")

    def pass_on(self, line: bytes) -> None:
        """Say a line to it, unless it has ended."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # that it has ended, its events say
            self._process.stdin.write(line)
            self._process.stdin.flush()  # left open: its end tells the child that the parent is gone

    def take_shared(self, name: SharedName, folder: Path) -> None:
        """Give it a copy of what the worker of this folder shares, and say so."""
        copy_shared(folder, self.scratch, name, self._limits.scratch)
        self.send(Shared(name=name))

    def death(self) -> Death:
        """How it has died, once it says no more."""
        before = _cpu_seconds_of_children()
        status = self._process.wait()
        seconds = _cpu_seconds_of_children() - before
        self.watch.stop()
        if hit := self.watch.limit_hit:
            return Death("stay within its limits", hit, _RAISE, for_memory="memory" in hit)
        if limit := _cpu_limit_hit(status, seconds):
            return Death("finish", limit, "raise that limit, or ask for less", for_good=True)
        action = "run again with --verbose for its last words, or with fewer --samples-per-class"
        return Death("finish", _cause_of_death(status), action, for_memory=status == -signal.SIGKILL)

    def _listen(self) -> None:
        """Pass on lines of the child's standard output; what it was killed in the middle of is none."""
        assert self._process.stdout is not None
        with contextlib.suppress(ValueError):  # closed by kill()
            while (line := self._process.stdout.readline(_LONGEST_MESSAGE)).endswith(b"\n"):
                self._put(line)
            if len(line) == _LONGEST_MESSAGE:
                self._end()
        self._put(None)

    def _put(self, line: bytes | None) -> None:
        """Hand over a line; a child that says more than is read is made to wait."""
        while not self._over:
            with contextlib.suppress(Full):
                self._events.put((self, line), timeout=0.1)
                return

    def _pass_on(self) -> None:
        """Tell what the child writes to its standard error, in lines of bounded length, until it ends."""
        if self._process.stderr is None:
            return
        # A pipe that nobody reads would stop the child, so it is read to its end whatever becomes of the lines.
        with contextlib.suppress(ValueError):
            while line := self._process.stderr.readline(_LONGEST_LINE):
                with contextlib.suppress(OSError, ValueError):
                    self._tell(f"{self.name}: {line.decode('utf-8', 'backslashreplace').rstrip()}")

    def kill(self) -> None:
        """End the child and all that it started; a second call does nothing."""
        self._over = True
        self.watch.stop()
        if self._process.poll() is None:
            self._end()
            self._process.wait()
        end_orphans(self._scratch.name, self._process.pid)
        for thread in self._threads:
            thread.join(timeout=5.0)  # its pipe ends with the last process that holds it
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):  # the job was never read
                    pipe.close()
        self._scratch.cleanup()

    def _end(self) -> None:
        below = tree(self._process.pid)[1:]
        with contextlib.suppress(ProcessLookupError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()
        end_all(below)


@dataclass(frozen=True)
class Death:
    """How a worker has died.

    Args:
        expected, found, action: in words for the user.
        for_memory: memory ran out, or may have.
        for_good: another in its place would die as well.
    """

    expected: str
    found: str
    action: str
    for_memory: bool = False
    for_good: bool = False

    @property
    def error(self) -> AuditIncomplete:
        """As the error that ends a job."""
        return AuditIncomplete(f"expected the worker process to {self.expected}; found {self.found}; {self.action}")


def start_child(scratch: str, verbose: bool) -> subprocess.Popen[bytes]:
    """A new process that waits for a job on its standard input, with temporary files in ``scratch``.

    ``-P`` keeps the working directory, where the audited files may lie, off its import path.
    """
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "auditor.pipeline.worker_main"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if verbose else subprocess.DEVNULL,
        env=worker_environment(os.environ, sys.path, scratch),
        # A Ctrl-C at the terminal then reaches the parent alone, which ends the child on its own terms.
        start_new_session=True,
    )


def _cpu_seconds_of_children() -> float:
    """Processor time of all children that have ended; 0 on Windows."""
    if sys.platform == "win32":
        return 0.0
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _cpu_limit_hit(status: int, cpu_seconds: float) -> str:
    """Which limit on processor time ended a child, in words; empty where none did.

    At the soft limit the kernel sends SIGXCPU, at the hard one SIGKILL, as it does where memory runs out.
    """
    if sys.platform == "win32":
        return ""
    soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    killed = status == -signal.SIGKILL and hard != resource.RLIM_INFINITY and cpu_seconds >= hard - 1
    if status != -signal.SIGXCPU and not killed:
        return ""
    limit = hard if killed else soft
    return f"that it used up the {limit:,} s of processor time that this command was started with (ulimit -t)"


def _cause_of_death(status: int) -> str:
    if status >= 0:
        return f"that it ended with status {status} and no word"
    name = signal.Signals(-status).name if -status in set(signal.Signals) else f"signal {-status}"
    memory = " (the system ends a process so when memory runs out)" if -status == signal.SIGKILL else ""
    return f"that it was ended by {name}{memory}"
