"""A worker by ``fork``: everything heavy is imported once, each child enters the same sandbox and does the same job.

The product starts a new interpreter for each worker, which costs seconds of imports. Here ``start_child`` of
``auditor.worker.process`` is replaced, and nothing else: command line, messages, limits, watch, sandbox and job are the
product's own. Only the thread that forks lives on in the child, so that Landlock binds all of it.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import io
import os
import pkgutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from unittest import mock

from auditor import cli
from auditor.pipeline import worker_main as worker
from auditor.worker import process
from benchmarks.hostile.case import Outcome

_HEAVY = ("torch", "onnx", "onnxruntime", "sklearn.datasets", "sklearn.svm", "PIL.Image", "torch.jit", "torch.export",
          "auditor.pipeline.run", "auditor.pipeline.inspect.inspect_model",
          "auditor.pipeline.model_and_data")  # fmt: skip
_REGISTRIES = ("auditor.models", "auditor.datasets", "auditor.boundary", "auditor.characteristics")

Observer = Callable[[str], object]
"""Told of the scratch folder of each worker."""


def warm_up() -> None:
    """Import what a worker needs, so that the children find it there."""
    for name in _HEAVY:
        importlib.import_module(name)
    for name in _REGISTRIES:
        for module in pkgutil.iter_modules(importlib.import_module(name).__path__):
            importlib.import_module(f"{name}.{module.name}")


class Forked:
    """The part of ``subprocess.Popen`` that the product uses of its worker."""

    def __init__(self, scratch: str) -> None:
        job, answers = os.pipe(), os.pipe()
        self.status: int | None = None
        self.pid = os.fork()
        if not self.pid:
            _become_worker(job[0], answers[1], (job[1], answers[0]), scratch)
        os.close(job[0])
        os.close(answers[1])
        self.stdin, self.stdout = os.fdopen(job[1], "wb"), os.fdopen(answers[0], "rb")
        self.stderr = None

    def poll(self) -> int | None:
        """Exit status, negative for a signal; None while it runs."""
        return self._waited(os.WNOHANG)

    def wait(self) -> int:
        """Exit status once it has ended."""
        status = self._waited(0)
        assert status is not None
        return status

    def _waited(self, how: int) -> int | None:
        if self.status is None:
            pid, status = os.waitpid(self.pid, how)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status


def run(arguments: Sequence[str], observe: Observer | None = None) -> Outcome:
    """Run a command of the product in this process, its worker forked.

    Args:
        arguments: without the program's name.
        observe: told of each worker.
    """

    def start(scratch: str, verbose: bool) -> Forked:
        child = Forked(scratch)
        if observe is not None:
            observe(scratch)
        return child

    out, err, begin = io.StringIO(), io.StringIO(), time.perf_counter()
    with (
        mock.patch.object(process, "start_child", start),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        status = cli.main(list(arguments))
    return Outcome(status, out.getvalue(), err.getvalue(), time.perf_counter() - begin)


@contextlib.contextmanager
def limits(**values: str) -> Iterator[None]:
    """The product's limits, as its environment sets them, and one thread."""
    named = {f"DEEPDIG_AUDIT_{name.upper()}": value for name, value in values.items()}
    with mock.patch.dict(os.environ, {"OMP_NUM_THREADS": "1", **named}):
        yield


def _become_worker(job: int, answers: int, others: tuple[int, int], scratch: str) -> None:
    """Stand where a new interpreter would: pipes as standard streams, a session and temporary files of its own."""
    try:
        os.close(os.open(scratch, os.O_RDONLY))  # so that a trace shows whose worker this is
        os.setsid()
        faulthandler.disable()  # a test runner may have switched it on
        null = os.open(os.devnull, os.O_RDWR)
        for source, target in ((job, 0), (answers, 1), (null, 2)):
            os.dup2(source, target)
        for used in (job, answers, null, *others):
            if used > 2:
                os.close(used)
        sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0)))
        sys.stdout = io.TextIOWrapper(io.FileIO(1, "w"), write_through=True)
        sys.stderr = io.TextIOWrapper(io.FileIO(2, "w"), write_through=True)
        os.environ.update(dict.fromkeys(("TMPDIR", "TMP", "TEMP"), scratch))
        tempfile.tempdir = None
        worker.main()
    finally:
        os._exit(70)
