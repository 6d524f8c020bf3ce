"""An audit of objects, in the process that holds them: nothing is closed in, and all that is set is set back.

A file goes to a worker, because nobody knows what is in it. An object is the caller's own: it runs here, and so does
all that the worker would set for itself alone (threads, exact arithmetic on a GPU), within ``undisturbed``.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from auditor.datasets.in_memory import in_memory, random_numbers_kept
from auditor.datasets.load import as_vectors, load_dataset
from auditor.documents.plan import Plan
from auditor.documents.results import NotMeasured, Results, RunFacts, Validity
from auditor.errors import UsageError
from auditor.functional.statistics import evenly_spaced
from auditor.models.live.opening import LiveModel, borrowed, class_names_of, open_live
from auditor.pipeline.failures import SHOWN, out_of_memory
from auditor.pipeline.model_and_data import Artefact, Subject, data_request, joined, model_options
from auditor.pipeline.process_settings import threads_for, use_threads
from auditor.pipeline.run import run
from auditor.pipeline.stages import Report
from auditor.worker.sandbox.limits import DATA, MODEL

_TRIED = 2
"""Samples on which it is tried how a model takes them."""
_CUBLAS = "CUBLAS_WORKSPACE_CONFIG"
_ONE_AT_A_TIME = threading.RLock()
"""What an audit sets and sets back belongs to the whole process, and so may the module that it is lent."""


def run_in_process(plan: Plan, model: object, data: object, report: Report) -> tuple[Results, RunFacts]:
    """Do the audit that the plan describes with an object in the place of its model file.

    Args:
        plan: as for a file; ``model.path`` and ``data.data`` are what model and data are called in the report.
        model: an ``nn.Module``, an estimator, a MAITE model or a callable; given back as it was.
        data: what ``datasets.in_memory`` takes; None for the name or path that the plan has.
        report: told of progress.
    Returns:
        as ``run``.
    Raises:
        AuditError: the model, the data or an option stands in the way.
    """
    if plan.model.expect_sha256 is not None:
        raise UsageError("expected a model file for expect_sha256; found an object; leave expect_sha256 out")

    def opened(plan: Plan, report: Report) -> Subject:
        return _opened(plan, model, data, report)

    with _ONE_AT_A_TIME, undisturbed(), borrowed(model):
        try:
            return run(plan, report, opened=opened)
        except Exception as err:
            if (limit := out_of_memory(err)) is not None:
                raise limit from err
            raise


def _opened(plan: Plan, model: object, data: object, report: Report) -> Subject:
    assert plan.data is not None
    report(DATA, 0, 1)
    request = data_request(plan.data, plan.seed, class_names_of(model))
    raw = None if data is None else in_memory(data, plan.seed)
    dataset = load_dataset(request, (None,) if plan.model.layout == "flat" else None, raw)
    dataset = replace(dataset, notes=(*plan.data.notes, *dataset.notes))
    report(MODEL, 0, 1)
    samples = dataset.train.instances(evenly_spaced(len(dataset.train), _TRIED))
    live = open_live(model, samples, model_options(plan.model, 1))
    # Of a callable nobody knows the size; it keeps the threads that its owner gives it.
    threads = threads_for(live.size_bytes, 1) if live.size_bytes else torch.get_num_threads()
    use_threads(threads)
    options = replace(model_options(plan.model, threads), layout=live.layout)
    if live.layout == "flat":
        dataset = as_vectors(dataset)
    name, checks = Path(plan.model.path), [_stands_alone(live)]
    artefact = Artefact(name, live.format, live.sha256, live.size_bytes, live.backend, threads, checks)
    return joined(artefact, dataset, options, request, report)


def _stands_alone(live: LiveModel) -> Validity:
    known = "its SHA-256 is of what it held in memory"
    if isinstance(live.sha256, NotMeasured):
        known = f"nothing says which weights it had: {live.sha256.not_measured}"
    message = (
        f"The model was an object ({live.format}), audited in the process that held it: no sandbox stood around it and"
        f" no file behind it; {known}."
    )
    return Validity(id="in_process", status="ok", message=message)


@contextmanager
def undisturbed() -> Iterator[None]:
    """A block with the settings of a fresh process, after which those of this one are as they were.

    Of torch: threads, gradients, autocast, default dtype and device, random numbers, exactness on a GPU; random numbers
    of NumPy and Python; warnings, which a worker would keep to itself.
    """
    threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
    shown = SHOWN.set(False)
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        stack.enter_context(torch.autocast("cpu", enabled=False))
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        stack.enter_context(random_numbers_kept())
        if torch.cuda.is_available():
            stack.enter_context(torch.autocast("cuda", enabled=False))
            stack.enter_context(_exactness_kept())
        try:
            torch.set_default_dtype(torch.float32)
            yield
        finally:
            torch.set_num_threads(threads)
            torch.set_default_dtype(dtype)
            SHOWN.reset(shown)


@contextmanager
def _exactness_kept() -> Iterator[None]:
    """What ``models.gpu.compute_exactly`` sets, set back."""
    cudnn, matmul, fill = torch.backends.cudnn, torch.backends.cuda.matmul, torch.utils.deterministic
    before: tuple[Any, ...] = (cudnn.allow_tf32, matmul.allow_tf32, cudnn.benchmark, fill.fill_uninitialized_memory)  # type: ignore[attr-defined]
    mode, workspace = torch.get_deterministic_debug_mode(), os.environ.get(_CUBLAS)
    try:
        yield
    finally:
        cudnn.allow_tf32, matmul.allow_tf32, cudnn.benchmark, fill.fill_uninitialized_memory = before  # type: ignore[attr-defined]
        torch.set_deterministic_debug_mode(mode)
        if workspace is None:
            os.environ.pop(_CUBLAS, None)
