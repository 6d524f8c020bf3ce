"""The parent's side of the worker: start it, read what it says, and never leave it behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import ValidationError

from auditor.documents.messages import (
    Begun,
    Failure,
    Finished,
    Inspected,
    Job,
    Notice,
    PartDone,
    Progress,
    Revisited,
    error_from,
    read_message,
)
from auditor.errors import AuditIncomplete
from auditor.worker.sandbox.environment import for_downloads, worker_environment
from auditor.worker.sandbox.gpu import make_ready
from auditor.worker.sandbox.limits import limits_for
from auditor.worker.sandbox.processes import adopt, end_all, end_orphans, tree
from auditor.worker.sandbox.watch import Watch

if sys.platform != "win32":
    import resource

_RAISE = "look whether the file is what it should be, or raise the limit (docs/security.md)"
_LONGEST_MESSAGE = 1 << 30
_LONGEST_LINE = 2000
"""Bytes of a message, and of a line that native libraries print."""


class Worker:
    """A child process that does one job. Use it in a ``with`` block: leaving the block kills the child.

    Args:
        job: what to do.
        verbose: tell what the child writes to its standard error, with whatever native libraries print.
        tell: given each line for the user, as the child wrote it: it may hold control characters.
    """

    def __init__(self, job: Job, *, verbose: bool = False, tell: Callable[[str], None] = lambda _: None) -> None:
        limits = limits_for(Path(job.plan.model.path))
        make_ready()
        self._tell = tell
        self._scratch = tempfile.TemporaryDirectory(prefix="deepdig-audit-", ignore_cleanup_errors=True)
        self._adopted_before = adopt()
        self._cpu_before = _cpu_seconds_of_children()
        self._process = start_child(self._scratch.name, verbose)
        self._watch = Watch(self._process.pid, limits, Path(self._scratch.name), self._end)
        self._passing_on = threading.Thread(target=self._pass_on, daemon=True)
        self._passing_on.start()
        assert self._process.stdin is not None
        if job.plan.downloads:
            job = job.model_copy(update={"network": for_downloads(os.environ)})
        with contextlib.suppress(BrokenPipeError):  # the child died at once; outcome() says so
            self._process.stdin.write(job.model_dump_json().encode() + b"\n")
            self._process.stdin.flush()  # left open: its end tells the child that the parent is gone

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def outcome(
        self, report: Callable[[Progress], None], keep: Callable[[Begun | PartDone], None] = lambda _: None
    ) -> Finished | Inspected | Revisited:
        """Wait for the end of the job, passing progress on.

        Args:
            report: told of progress.
            keep: given each finished part at once, and before the first what the worker goes on from.
        Raises:
            AuditError: the error that ended the job, as the worker raised it, or that of ``keep``.
            AuditIncomplete: the worker died, or said something that is no message.
        """
        for line in self._lines():
            try:
                message = read_message(line)
            except ValidationError as err:
                self._raise_if_limited()
                raise AuditIncomplete(
                    "expected a message from the worker process; found something else; this is a bug in the tool"
                ) from err
            if isinstance(message, Failure):
                raise error_from(message)
            if isinstance(message, Finished | Inspected | Revisited):
                return message
            if isinstance(message, Progress):
                self._watch.heard(message.stage)
                report(message)
            elif isinstance(message, Notice):
                self._tell(message.text)
            else:
                keep(message)
        status = self._process.wait()
        self._watch.stop()
        self._raise_if_limited()
        raise AuditIncomplete(_cause_of_death(status, _cpu_seconds_of_children() - self._cpu_before))

    def _lines(self) -> Iterator[bytes]:
        """Lines of the child's standard output; what it was killed in the middle of is none."""
        assert self._process.stdout is not None
        while (line := self._process.stdout.readline(_LONGEST_MESSAGE)).endswith(b"\n"):
            yield line
        if len(line) == _LONGEST_MESSAGE:
            self._end()

    def _raise_if_limited(self) -> None:
        if hit := self._watch.limit_hit:
            raise AuditIncomplete(f"expected the worker process to stay within its limits; found {hit}; {_RAISE}")

    def _pass_on(self) -> None:
        """Tell what the child writes to its standard error, in lines of bounded length, until it ends."""
        if self._process.stderr is None:
            return
        # A pipe that nobody reads would stop the child, so it is read to its end whatever becomes of the lines.
        with contextlib.suppress(ValueError):
            while line := self._process.stderr.readline(_LONGEST_LINE):
                with contextlib.suppress(OSError, ValueError):
                    self._tell(f"worker: {line.decode('utf-8', 'backslashreplace').rstrip()}")

    def kill(self) -> None:
        """End the child and all that it started; a second call does nothing."""
        self._watch.stop()
        if self._process.poll() is None:
            self._end()
            self._process.wait()
        end_orphans(self._scratch.name, self._process.pid)
        adopt(self._adopted_before)
        self._passing_on.join(timeout=5.0)  # its pipe ends with the last process that holds it
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


def _cause_of_death(status: int, cpu_seconds: float) -> str:
    if limit := _cpu_limit_hit(status, cpu_seconds):
        return f"expected the worker process to finish; found {limit}; raise that limit, or ask for less"
    if status < 0:
        name = signal.Signals(-status).name if -status in set(signal.Signals) else f"signal {-status}"
        memory = " (the system ends a process so when memory runs out)" if -status == signal.SIGKILL else ""
        found = f"it was ended by {name}{memory}"
    else:
        found = f"it ended with status {status} and no word"
    return (
        f"expected the worker process to finish; found that {found};"
        " run again with --verbose for its last words, or with fewer --samples-per-class"
    )
