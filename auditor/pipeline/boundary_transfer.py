"""Boundary instances of one audit put before another model: do they still lie on its boundary?

    kept(s, t) = share of x in B(s, t) with  {s, t} the two most probable classes  and  |p_s(x) - p_t(x)| < TOLERANCE

B(s, t) are the boundary instances that an audit saved for the direction (s, t) (``--save-instances``), without those
at which its own model's class jumps, which lie beside its boundary. A model put before its own instances keeps all.
"""

from __future__ import annotations

from pathlib import Path

import torch

from auditor.documents.comparison import KeptDirection
from auditor.documents.plan import Plan
from auditor.documents.results import KEPT, Measure, NotMeasured
from auditor.errors import InputRefused
from auditor.functional.statistics import evenly_spaced
from auditor.models.bind_to_data import bind
from auditor.models.classifier import Classifier
from auditor.numbers.intervals import wilson
from auditor.pipeline.model_and_data import BINDING_SAMPLES, model_options, open_artefact
from auditor.pipeline.pairs.instance_files import ACTION, EXPECTED, SavedInstances, read_instances
from auditor.pipeline.stages import Report
from auditor.worker.sandbox.limits import DATA, MODEL, TRIAL

TOLERANCE = 0.1
"""Largest difference of the two probabilities: nine in twenty against eleven in twenty is still a boundary."""


def revisit(plan: Plan, report: Report) -> list[KeptDirection]:
    """Ask a model about the boundary instances of another.

    Args:
        plan: the model, and as data the folder of the instances.
        report: told of progress.
    Raises:
        InputRefused: the model or the instances cannot be used, or do not fit each other.
    """
    assert plan.data is not None
    report(MODEL, 0, 1)
    artefact = open_artefact(plan.model)
    report(DATA, 0, 1)
    saved = [without_jumps(one) for one in read_instances(Path(plan.data.data))]
    some = next((one.x for one in saved if len(one.x)), None)
    if some is None:
        raise InputRefused(EXPECTED, "none on a boundary", ACTION)
    report(TRIAL, 0, 1)
    samples = some[evenly_spaced(len(some), BINDING_SAMPLES)]
    options = model_options(plan.model, artefact.threads)
    classifier = bind(artefact.backend, samples, options, on_boundary=True).classifier
    found = []
    for done, one in enumerate(saved):
        report("boundary instances", done, len(saved))
        found.append(kept(classifier, one))
    return found


def kept(classifier: Classifier, saved: SavedInstances) -> KeptDirection:
    """Where the instances of one direction lie for this model."""
    s, t = saved.source, saved.target
    if max(s, t) >= classifier.num_classes or (len(saved.x) and saved.x.shape[1:] != classifier.instance_shape):
        found = f"{classifier.num_classes} classes and inputs {classifier.instance_shape} for {s}-{t}.npz"
        raise InputRefused("a model of the classes and inputs of these instances", found, "compare models of one task")
    p = classifier.probabilities(saved.x)
    first, second = p.topk(2, dim=1).indices.T if len(p) else torch.empty(2, 0, dtype=torch.int64)
    between = (torch.minimum(first, second) == min(s, t)) & (torch.maximum(first, second) == max(s, t))
    on = between & ((p[:, s] - p[:, t]).abs() < TOLERANCE)
    off = first[~on]
    share: Measure | NotMeasured = NotMeasured(not_measured="the baseline has no boundary instance here without a jump")
    if len(p):
        share = KEPT.measure(*wilson(int(on.sum()), len(p)), n=len(p))
    return KeptDirection(
        source=s, target=t, kept=share, to_source=int((off == s).sum()), to_target=int((off == t).sum()),
        to_third=int(((off != s) & (off != t)).sum()),
    )  # fmt: skip


def without_jumps(saved: SavedInstances) -> SavedInstances:
    """The instances that lie on the boundary of the model that they were made for."""
    on = saved.gap < TOLERANCE
    return SavedInstances(saved.source, saved.target, saved.x[on], saved.gap[on])
