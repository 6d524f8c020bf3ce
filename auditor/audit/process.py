"""The parent's side of the worker: start it, read what it says, and never leave it behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import ValidationError

from auditor.audit.messages import (
    Begun,
    Failure,
    Finished,
    Inspected,
    Job,
    PartDone,
    Progress,
    Revisited,
    error_from,
    read_message,
)
from auditor.audit.sandbox.limits import limits_for
from auditor.audit.sandbox.watch import Watch
from auditor.errors import AuditIncomplete

_RAISE = "look whether the file is what it should be, or raise the limit (docs/security.md)"


class Worker:
    """A child process that does one job. Use it in a ``with`` block: leaving the block kills the child.

    Args:
        job: what to do.
        verbose: let the child's standard error through, with whatever native libraries print.
    """

    def __init__(self, job: Job, *, verbose: bool = False) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="deepdig-audit-", ignore_cleanup_errors=True)
        self._process = start_child(self._scratch.name, verbose)
        self._watch = Watch(self._process.pid, limits_for(Path(job.plan.model.path)), self._end)
        assert self._process.stdin is not None
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
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                message = read_message(line)
            except ValidationError as err:
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
            else:
                keep(message)
        status = self._process.wait()
        self._watch.stop()
        if hit := self._watch.limit_hit:
            raise AuditIncomplete(f"expected the worker process to stay within its limits; found {hit}; {_RAISE}")
        raise AuditIncomplete(_cause_of_death(status))

    def kill(self) -> None:
        """End the child and all that it started; a second call does nothing."""
        self._watch.stop()
        if self._process.poll() is None:
            self._end()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):  # the job was never read
                    pipe.close()
        self._scratch.cleanup()

    def _end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()


def start_child(scratch: str, verbose: bool) -> subprocess.Popen[bytes]:
    """A new process that waits for a job on its standard input, with temporary files in ``scratch``."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "auditor.audit.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=None if verbose else subprocess.DEVNULL,
        env=_environment(scratch),
        # A Ctrl-C at the terminal then reaches the parent alone, which ends the child on its own terms.
        start_new_session=True,
    )


def _environment(scratch: str) -> dict[str, str]:
    """The parent's environment, so that the child imports the very modules that the parent would.

    ``-P`` keeps the working directory, where the audited files may lie, off the child's import path. Temporary files
    go to ``scratch``, the only folder that is the child's to write to.
    """
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(entry for entry in sys.path if entry))
    environment.update(dict.fromkeys(("TMPDIR", "TMP", "TEMP"), scratch))
    # cuBLAS is reproducible only with a fixed workspace, and reads this before its first call.
    environment.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    return environment


def _cause_of_death(status: int) -> str:
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
