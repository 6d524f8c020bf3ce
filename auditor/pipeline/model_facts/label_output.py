"""Whether a file's own label output says the same as its scores, which are what is audited."""

from __future__ import annotations

from torch import Tensor

from auditor.documents.results import Validity
from auditor.functional.statistics import evenly_spaced
from auditor.models.classifier import Classifier
from auditor.numbers.intervals import percent, wilson
from auditor.pipeline.model_facts.predictions import Predictions

ID = "label_output"
_ASKED = 256
"""Samples, evenly spaced, of which both are asked."""
_TOLERATED = 0.02
"""Share of the samples on which rounding, and how a classifier breaks ties, may make them differ."""
_REVERSED = 0.95


def label_output(classifier: Classifier, test: Predictions) -> list[Validity]:
    """The check of a label output; nothing where the file has none."""
    rows = evenly_spaced(len(test.split), _ASKED)
    rows = rows[test.finite[rows]]
    if not len(rows):
        return []
    said = classifier.backend.labels(classifier.preprocessing(test.split.instances(rows)))
    if said is None:
        return []
    p, truth = test.probabilities[rows], test.split.labels[rows]
    chosen = p.argmax(dim=1)
    apart = int((said != chosen).sum())
    if not apart:
        message = f"The file's label output and its scores choose the same class for all of {len(rows):,} samples."
        return [Validity(id=ID, status="ok", message=message)]
    of_labels, of_scores = (percent(float((classes == truth).double().mean())) for classes in (said, chosen))
    message = (
        f"The file's label output and its scores choose another class for {apart:,} of {len(rows):,} samples"
        f" (right are {of_labels} of the labels and {of_scores} of the scores' classes)"
    )
    if wilson(apart, len(rows)).low <= _TOLERATED:
        return [Validity(id=ID, status="warn", message=f"{message}; the scores are audited.")]
    return [Validity(id=ID, status="fail", message=f"{message}; {_cause(p, said)}.")]


def _cause(p: Tensor, said: Tensor) -> str:
    again = "train it with probability=True or inside CalibratedClassifierCV, and export it again"
    if p.shape[1] == 2 and float((p.argmin(dim=1) == said).float().mean()) >= _REVERSED:
        return f"the two columns of scores stand in reverse, as converters write those of a two-class SVC: {again}"
    return f"the scores are not what the labels are taken from: {again}, or name the right scores with --output"
