"""Every case in a process of its own, so that a crash, an endless loop or a leak is one wrong row.

The processes are forked from a server that has imported torch once. A file that was built is kept with its reference;
a marker beside it says that it is whole.
"""

from __future__ import annotations

import importlib.util
import json
import multiprocessing
import os
import platform
import re
import shutil
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.model_matrix.case import Case
from benchmarks.model_matrix.row import Row

_PRELOAD = ["benchmarks.model_matrix.families", "benchmarks.model_matrix.check", "torchvision", "timm", "skl2onnx"]
_LIMIT = 600


def run(cases: Sequence[Case], cache: Path, *, reuse: bool = False) -> Iterator[Row]:
    """One row for each case, in order.

    Args:
        cases: what to build and check.
        cache: folder of the built files.
        reuse: take rows of an earlier run where there are any.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOAD)
    for case in cases:
        folder = cache / case.name
        kept = folder / "row.json"
        if reuse and kept.exists():
            yield Row(**json.loads(kept.read_text("utf-8")))
            continue
        missing = [name for name in case.needs if importlib.util.find_spec(name) is None]
        if missing:
            yield Row(case.name, case.held_out).judged("not built", f"{', '.join(missing)} is not installed")
            continue
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(case.name, folder, sender))
        process.start()
        sender.close()
        row = _received(case, receiver, process)
        folder.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(asdict(row), indent=1), encoding="utf-8")
        yield row


def built_and_checked(case: Case, folder: Path) -> Row:
    """Build a case unless its files are there, and check it; in this process."""
    import torch

    from benchmarks.model_matrix.check import check
    from benchmarks.model_matrix.reference import Reference

    marker, kept = folder / "built.json", folder / "reference.pt"
    if not marker.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        torch.manual_seed(0)
        try:
            path, reference = case.build(folder)
        except Exception as error:
            shutil.rmtree(folder, ignore_errors=True)
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            first = re.sub(r"\x1b\[\d*m", "", first)
            return Row(case.name, case.held_out).judged("not built", f"{type(error).__name__}: {first[:160]}")
        if reference is not None:
            reference.save(kept)
        marker.write_text(json.dumps(path.name), encoding="utf-8")
    reference = Reference.load(kept) if kept.exists() else None
    return check(case, folder / json.loads(marker.read_text("utf-8")), reference)


def machine() -> str:
    """The machine, for the head of the table."""
    return f"{platform.machine()}, one thread, no GPU"


def _work(name: str, folder: Path, sender: Connection) -> None:
    """One case in the child process: its row, or the traceback that escaped the product."""
    import torch

    from benchmarks.model_matrix.families import case_named

    torch.set_num_threads(1)
    _to_log(folder.with_name(folder.name + ".log"))
    case = case_named(name)
    try:
        row = built_and_checked(case, folder)
    except Exception:
        text = traceback.format_exc()
        row = Row(case.name, case.held_out).judged("wrong", "traceback: " + text.strip().splitlines()[-1][:200])
        (folder / "traceback.txt").write_text(text, encoding="utf-8")
    sender.send(row)
    sender.close()


def _to_log(path: Path) -> None:
    """Send what the exporters print, also from their native code, to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)


def _received(case: Case, receiver: Connection, process: multiprocessing.process.BaseProcess) -> Row:
    """The child's row, or why there is none."""
    row = Row(case.name, case.held_out)
    try:
        row = receiver.recv() if receiver.poll(_LIMIT) else row.judged("wrong", f"not finished after {_LIMIT} s")
    except EOFError:
        process.join()
        row.judged("wrong", f"the process died with exit code {process.exitcode}")
    if process.is_alive():
        process.join(5)
        process.kill()
    process.join()
    return row
