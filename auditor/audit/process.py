"""The parent's side of the worker: start it, read what it says, and never leave it behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Self

from pydantic import ValidationError

from auditor.audit.messages import Failure, Finished, Inspected, Job, Progress, error_from, read_message
from auditor.errors import AuditIncomplete


class Worker:
    """A child process that does one job. Use it in a ``with`` block: leaving the block kills the child.

    Args:
        job: what to do.
        verbose: let the child's standard error through, with whatever native libraries print.
    """

    def __init__(self, job: Job, *, verbose: bool = False) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "auditor.audit.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if verbose else subprocess.DEVNULL,
            env=_environment(),
            # A Ctrl-C at the terminal then reaches the parent alone, which ends the child on its own terms.
            start_new_session=True,
        )
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

    def outcome(self, report: Callable[[Progress], None]) -> Finished | Inspected:
        """Wait for the end of the job, passing progress on.

        Raises:
            AuditError: the error that ended the job, as the worker raised it.
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
            if not isinstance(message, Progress):
                return message
            report(message)
        raise AuditIncomplete(_cause_of_death(self._process.wait()))

    def kill(self) -> None:
        """End the child and all that it started; a second call does nothing."""
        if self._process.poll() is None:
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):  # the job was never read
                    pipe.close()


def _environment() -> dict[str, str]:
    """The parent's environment, so that the child imports the very modules that the parent would.

    ``-P`` keeps the working directory, where the audited files may lie, off the child's import path.
    """
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(entry for entry in sys.path if entry))
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
