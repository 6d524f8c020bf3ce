"""Any model that is an object in, one ``Backend`` out, in the layout in which it takes the data."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from auditor.class_names import CarriedNames, names_by_index
from auditor.documents.results import NotMeasured
from auditor.errors import AuditError, InputRefused, error_summary
from auditor.models.base import Backend, Layout, ModelInput, ModelOptions, torch_device
from auditor.models.classifier import AxisOrder, Preprocessing
from auditor.models.gpu import compute_exactly
from auditor.models.live.function import FunctionBackend
from auditor.models.live.module import ModuleBackend, digest, lent

_MODEL = "an nn.Module, an estimator with predict_proba, a MAITE model, or a callable that returns scores"
_SHOWN = 3


@dataclass(frozen=True)
class LiveModel:
    """A model that is an object, opened.

    Args:
        backend: it, with the shape that it was seen to take.
        layout: in which it takes the data.
        format: what kind of object it is, in words.
        sha256, size_bytes: of its parameters.
    """

    backend: Backend
    layout: Layout
    format: str
    sha256: str | NotMeasured
    size_bytes: int


def borrowed(model: object) -> AbstractContextManager[None]:
    """A block in which a model may be asked, after which it is as it was."""
    files = torch.jit.ScriptModule  # is refused by ``open_live``
    return lent(model) if isinstance(model, nn.Module) and not isinstance(model, files) else nullcontext()


def class_names_of(model: Any) -> CarriedNames | None:
    """The names that an object gives to its classes, if it does."""
    if (estimator := _estimator(model)) is not None:
        names = tuple(map(str, estimator.classes_))
        if len({*names}) < len(names):
            raise InputRefused("different names in the estimator's classes_", ", ".join(names[:4]), "name them apart")
        return CarriedNames(names, "the estimator's classes_")
    if isinstance(model, nn.Module):
        found, source = getattr(getattr(model, "config", None), "id2label", None), "the module's config.id2label"
    else:
        found, source = model.metadata.get("index2label") if _is_maite(model) else None, "the model's index2label"
    names = names_by_index(found) if isinstance(found, dict) else ()
    placeholders = any(name.startswith("LABEL_") for name in names)
    return CarriedNames(names, source) if len({*names}) > 1 and not placeholders else None


def open_live(model: Any, samples: Tensor, options: ModelOptions) -> LiveModel:
    """Find out how an object takes a batch and what it shows of itself.

    Args:
        model: inside ``borrowed``.
        samples (float32): two or more, ``(N, C, H, W)`` or ``(N, D)`` in [0, 1].
        options: what the user said about it.
    Raises:
        InputRefused: it is no model, takes the data in no layout, or returns no scores.
        UsageError: an option does not fit it.
    """
    kind, (sha256, size), ways = _seen(model, options)
    failures: list[tuple[str, Exception]] = []
    for backend in ways:
        compute_exactly(backend.device)
        for order in _orders(samples, options.layout):
            x = Preprocessing(order)(samples)
            try:
                scores = backend.scores(x)
            except Exception as err:
                if isinstance(err, AuditError) and not isinstance(err, InputRefused):
                    raise
                failures.append((str(tuple(x.shape)), err))
                continue
            if scores.dim() != 2 or len(scores) != len(x):
                failures.append((str(tuple(x.shape)), ValueError(f"output of shape {tuple(scores.shape)}")))
                continue
            if isinstance(backend, ModuleBackend):
                backend.follow(x)
            backend.input = ModelInput(tuple(x.shape[1:]), backend.input.dtype)
            return LiveModel(backend, "auto" if order == "nhw" else order, f"{kind} in memory", sha256, size)
    raise _refusal(failures)


def _seen(model: Any, options: ModelOptions) -> tuple[str, tuple[str | NotMeasured, int], list[Backend]]:
    """What kind of object it is, the digest of its parameters, and the ways to ask it, likeliest first."""
    if isinstance(model, torch.jit.ScriptModule | torch.export.ExportedProgram):
        found = f"a {type(model).__name__}, which is the content of a file"
        raise InputRefused("a model of Python code", found, "save it by torch.jit or torch.export and give the path")
    if isinstance(model, nn.Module):
        return "PyTorch module", digest(model), [ModuleBackend(model, options)]
    if (estimator := _estimator(model)) is not None:
        way = FunctionBackend(estimator.predict_proba, f"{type(estimator).__name__}.predict_proba", "arrays")
        return "estimator", _pickled(estimator), [way]
    name = str(getattr(model, "__qualname__", type(model).__qualname__)).replace("<locals>.", "")
    unknown = NotMeasured(not_measured="a callable shows no parameters"), 0
    if _is_maite(model):
        return "MAITE model", unknown, [FunctionBackend(model, name, "lists of arrays")]
    if not callable(model) and hasattr(model, "predict_proba"):
        found = f"a {type(model).__name__} without classes_"
        raise InputRefused("an estimator that was fitted", found, "fit it, or give its predict_proba as a function")
    if not callable(model):
        found = f"an object of type {type(model).__name__}"
        raise InputRefused(_MODEL, found, "give one of these, or the path of a model file")
    devices = ["cpu", "cuda"] if options.device == "auto" and torch.cuda.is_available() else [options.device]
    of_tensors = [FunctionBackend(model, name, "tensors", torch_device(device)) for device in devices]
    return "callable", unknown, [FunctionBackend(model, name, "arrays"), *of_tensors]


def _estimator(model: Any) -> Any | None:
    """The scikit-learn-like classifier that this is, or whose bound ``predict_proba`` this is; None otherwise."""
    owner: Any = getattr(model, "__self__", None) if getattr(model, "__name__", "") == "predict_proba" else model
    try:
        return owner if hasattr(owner, "predict_proba") and len(owner.classes_) else None
    except Exception:  # there are none, or the property that gives them fails, as that of a search not fitted does
        return None


def _pickled(estimator: object) -> tuple[str | NotMeasured, int]:
    """SHA-256 and size of an estimator's pickle, by which its users keep it."""
    try:
        content = pickle.dumps(estimator)
    except Exception:  # whatever its parts raise
        return NotMeasured(not_measured="the estimator cannot be pickled"), 0
    return hashlib.sha256(content).hexdigest(), len(content)


def _is_maite(model: Any) -> bool:
    """Whether it has what MAITE asks of a model: a call, and ``metadata`` with an ``id``."""
    metadata = getattr(model, "metadata", None)
    return callable(model) and isinstance(metadata, Mapping) and "id" in metadata


def _orders(samples: Tensor, layout: Layout) -> list[AxisOrder]:
    """Orders of the axes to try."""
    if samples.dim() == 2:
        return ["flat"]
    if layout != "auto":
        return [layout]
    grey: list[AxisOrder] = ["nhw"] if samples.shape[1] == 1 else []
    return ["nchw", "flat", "nhwc", *grey]


def _refusal(failures: list[tuple[str, Exception]]) -> InputRefused:
    """Why no way was right: what a way found wrong with the model, or else how it failed on each shape."""
    if refused := [err for _, err in failures if isinstance(err, InputRefused)]:
        return refused[0]
    first = {error_summary(err): shape for shape, err in reversed(failures)}
    said = "; ".join(f"{shape}: {reason}" for reason, shape in [*first.items()][-_SHOWN:][::-1])
    return InputRefused(
        "a model that takes the data as images or as vectors and returns a row of scores for each sample",
        f"failures on batches of shape {said}",
        "say layout, or give the data in the shape that it takes",
    )
