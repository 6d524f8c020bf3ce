"""One model file through the product's own seams, compared with its reference: one row of the matrix."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from auditor.documents.results import NotMeasured
from auditor.errors import AuditError
from auditor.models.base import Backend, ModelOptions
from auditor.models.bind_to_data import bind
from auditor.models.classifier import scores_to_logits
from auditor.models.open import open_model
from auditor.models.output_kind import decide_output_kind
from auditor.models.shape import instance_spec
from benchmarks.model_matrix.case import Case
from benchmarks.model_matrix.reference import GRADIENTS, Reference, gradient_of, weighted
from benchmarks.model_matrix.row import Row

BATCHES = (1, 3, 64)
_BOUND = 16
_SAME_GRADIENT, _KINKS = 1e-3, 0.1


def check(case: Case, path: Path, reference: Reference | None) -> Row:
    """Open, run and bind one file."""
    row = Row(case.name, case.held_out, source=reference.source if reference else "")
    begin = time.perf_counter()
    try:
        backend = open_model(path, ModelOptions(**{"device": "cpu", "threads": 1, **case.options}))
        row.seconds = time.perf_counter() - begin
        if reference is None:
            return row.judged("wrong", "opened, and should have been refused")
        _compare(row, case, backend, reference)
    except AuditError as error:
        text = str(error).replace(f"{path.resolve().parent}/", "")
        if case.expect == "refused" and case.says in text and "\n" not in text:
            return row.judged("refused", text)
        return row.judged("wrong", f"refused: {text}")
    return row.judged("wrong" if row.problems else "right", "; ".join(row.problems + row.notes))


def _compare(row: Row, case: Case, backend: Backend, reference: Reference) -> None:
    """Everything that the product says of a file, against the reference."""
    row.head = backend.head or "not known"
    _outputs(row, case, backend, reference)
    _embedding(row, case, backend, reference)
    if isinstance(backend.gradient, NotMeasured):
        row.gradient = "none"
        row.notes.append(f"no gradient: {backend.gradient.not_measured}")
        if case.expect == "gradient" or case.says not in backend.gradient.not_measured:
            row.problems.append("no gradient")
        return
    if case.expect == "no gradient":
        row.problems.append("has a gradient, and should not")
    _logits(row, case, backend, reference)
    _gradient(row, case, backend, reference)
    _bound(row, case, backend, reference)


def _outputs(row: Row, case: Case, backend: Backend, reference: Reference) -> None:
    """The file's own scores in batches of each size."""
    scale = max(float(reference.scores.abs().max()), 1e-6)
    for size in BATCHES:
        scores = backend.scores(reference.x[:size])
        expected = reference.scores[:size]
        if scores.shape != expected.shape:
            row.problems.append(f"scores {tuple(scores.shape)} for {tuple(expected.shape)}")
            continue
        difference = float((scores - expected).abs().max()) / scale
        row.scores = max(row.scores or 0.0, difference)
        row.batches.append(size)
        if not difference <= case.tolerance:
            row.problems.append(f"scores differ by {difference:.2g} of scale in a batch of {size}")


def _logits(row: Row, case: Case, backend: Backend, reference: Reference) -> None:
    """The gradient route in batches of each size; logits of a softmax count up to a shift of each row."""
    for size in BATCHES:
        with torch.no_grad():
            ours = backend.logits(reference.x[:size])
        if len(ours) != size:
            row.problems.append(f"{len(ours)} rows of logits for {size}")
            continue
        ours = _as_logits(backend, reference, ours)
        expected = reference.scores[:size] if reference.logits is None else reference.logits[:size]
        if reference.logits is None and backend.head in ("probabilities", "sigmoid"):
            ours = torch.softmax(ours, dim=1) if ours.shape[1] > 1 else torch.sigmoid(ours)
        elif expected.shape[1] > 1:
            ours, expected = (z - z.mean(dim=1, keepdim=True) for z in (ours, expected))
        scale = max(float(expected.abs().max()), 1e-6)
        difference = float((ours - expected).abs().max()) / scale
        row.parity = max(row.parity or 0.0, difference)
        if not difference <= case.tolerance:
            row.problems.append(f"logits differ by {difference:.2g} of scale in a batch of {size}")


def _gradient(row: Row, case: Case, backend: Backend, reference: Reference) -> None:
    """The gradient against that of the reference, or against finite differences."""
    ours = gradient_of(lambda x: _as_logits(backend, reference, backend.logits(x)), reference.x).double()
    if not torch.isfinite(ours).all() or not ours.any():
        row.problems.append("the gradient is zero or not finite")
        return
    if case.expect == "either":
        row.gradient = "straight-through, finite"
        return
    if reference.gradient is None:
        error = _finite_difference_error(backend, reference.x)
        row.gradient = f"{error:.1e}, finite differences of the twin in float64"
        if not error <= _SAME_GRADIENT:
            row.problems.append("the gradient is not the slope")
        return
    error = _apart(ours, reference.gradient)
    row.gradient = f"{error:.1e}, module in float64"
    if error <= max(_SAME_GRADIENT, case.tolerance):
        return
    same = _apart(ours, reference.gradient32) if reference.gradient32 is not None else error
    if same <= _SAME_GRADIENT:
        row.gradient = f"{same:.1e}, module in float32"
        return
    exact = _in_float64(backend) if backend.head is not None else None
    if exact is None:
        row.gradient = f"{error:.1e}, module in float64 (loose: kinks in float32)"
        if not error <= _KINKS:
            row.problems.append("the gradient differs")
        return
    own = gradient_of(exact, reference.x.double())
    apart = _apart(own, reference.gradient)
    row.gradient = f"{apart:.1e}, both in float64 (float32: {error:.1e})"
    if apart > _SAME_GRADIENT:  # weights folded in float32 put some units on the other side of their kink
        slope = _slope_error(exact, own, reference.x[:GRADIENTS].double(), 1e-7)
        row.gradient = f"{slope:.1e}, finite differences in float64 (kinks: {apart:.1e} from the module)"
        apart = max(slope, apart * _SAME_GRADIENT / _KINKS)
    if not apart <= _SAME_GRADIENT or not error <= 2 * _KINKS:
        row.problems.append("the gradient differs in float64 too" if apart > _SAME_GRADIENT else "float32 is far off")


def _as_logits(backend: Backend, reference: Reference, z: Tensor) -> Tensor:
    """What ``Classifier.logits`` makes of the gradient route where the graph does not show its head."""
    if backend.head is not None:
        return z
    return scores_to_logits(z, decide_output_kind(reference.scores, None, None)[0])


def _apart(ours: Tensor, expected: Tensor) -> float:
    """Largest distance of two gradients of one instance, as a share of the expected one's norm."""
    ours, expected = ours.double().flatten(1), expected.double().flatten(1)
    return float(((ours - expected).norm(dim=1) / expected.norm(dim=1).clamp_min(1e-30)).max())


def _in_float64(backend: Backend) -> Callable[[Tensor], Tensor] | None:
    """The imported graph in float64, which no public seam offers; None for other routes and larger fixed batches."""
    module, size = getattr(getattr(backend, "_twin", None), "_module", None), backend.input.fixed_batch or GRADIENTS
    if not isinstance(module, torch.nn.Module) or size > GRADIENTS:
        return None
    exact = copy.deepcopy(module).double()

    def in_groups(x: Tensor) -> Tensor:
        return torch.cat([exact(part).flatten(1) for part in x.split(size)])

    try:
        in_groups(torch.zeros((GRADIENTS, *(n or 1 for n in backend.input.shape or ())), dtype=torch.float64))
    except RuntimeError:  # a Cast to float32 inside
        return None
    return in_groups


def _finite_difference_error(backend: Backend, x: Tensor) -> float:
    """Distance of slopes to differences along four directions, in float64 where the graph runs in it.

    There the float32 gradient has to be near as well: kinks that rounding crosses keep it from being equal.
    """
    gradient, x = gradient_of(backend.logits, x).double(), x[:GRADIENTS].double()
    exact = _in_float64(backend)
    if exact is None:
        return _slope_error(lambda at: backend.logits(at.float()).double(), gradient, x, 1e-2)
    own = gradient_of(exact, x)
    return max(_slope_error(exact, own, x, 1e-7), _apart(gradient, own) * _SAME_GRADIENT / (2 * _KINKS))


def _slope_error(f: Callable[[Tensor], Tensor], gradient: Tensor, x: Tensor, step: float) -> float:
    """Largest distance of a slope to its finite difference along four directions that the gradient leans to."""
    worst = 0.0
    for seed in range(4):
        direction = torch.randn(x.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        direction = direction / direction.norm() + gradient / gradient.norm()
        with torch.no_grad():
            slope = (weighted(f(x + step * direction)) - weighted(f(x - step * direction))) / (2 * step)
        own = (gradient * direction).sum()
        worst = max(worst, float((slope - own).abs() / own.abs().clamp_min(1e-30)))
    return worst


def _embedding(row: Row, case: Case, backend: Backend, reference: Reference) -> None:
    """The embedding against the input of the last layer of the reference."""
    if isinstance(backend.embedding, NotMeasured):
        row.embedding = "none"
        row.notes.append(f"no embedding: {backend.embedding.not_measured}")
        if not case.no_embedding:
            row.problems.append("no embedding")
        return
    for size in BATCHES:
        found = backend.embeddings(reference.x[:size])
        row.embedding = str(found.shape[1])
        if found.dim() != 2 or len(found) != size or not torch.isfinite(found).all():
            row.problems.append(f"embedding {tuple(found.shape)} for {size} instances")
            return
    if reference.embedding is None:
        row.embedding += ", not compared"
        return
    if found.shape != reference.embedding.shape:
        row.problems.append(f"embedding of {found.shape[1]}, not {reference.embedding.shape[1]}")
        return
    apart = float((found - reference.embedding).abs().max() / reference.embedding.abs().max().clamp_min(1e-6))
    if not apart <= case.tolerance:
        row.problems.append(f"embedding differs by {apart:.2g} of scale")


def _bound(row: Row, case: Case, backend: Backend, reference: Reference) -> None:
    """``bind`` on pixels as the tool calls it: none of its checks may fail."""
    options = ModelOptions(**{"device": "cpu", "threads": 1, **case.options})
    layout = instance_spec(backend.input, options.layout).layout
    x = reference.x[:_BOUND]
    pixels = x.permute(0, 3, 1, 2) if layout == "nhwc" else x.unsqueeze(1) if layout == "nhw" else x
    bound = bind(backend, pixels, options)
    row.problems += [f"{found.id}: {found.message}" for found in bound.checks if found.status == "fail"]
