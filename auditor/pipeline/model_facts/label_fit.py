"""Whether the labels mean the model's classes: told by the table of predictions, before anything expensive.

A one-to-one table from labels to classes is chosen on the training samples (the assignment with most agreement) and
judged on the test samples. Where it is clearly more often right than the labels as they stand, the labels stand in
another order than the model's classes: shifted by one, or permuted in whole or in part. The halves of each split judge
each other as well, where test samples are few or the labels of one split alone are wrong. A model that was trained on
wrong labels cannot be told from that, so the message says what was seen and how to mend it.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from auditor.class_names import as_list
from auditor.datasets.base import Split
from auditor.documents.results import Validity
from auditor.numbers.intervals import Interval, percent, wilson
from auditor.pipeline.model_facts.predictions import Predictions

LEAST_NEVER = 5
"""Test samples of a class of which not one is recognised, from which on that is worth a word."""
_CLEAR = 0.005
"""Chance, by a sign test, below which another order of the labels is believed."""
AGAIN = "audit again with"
"""How a message goes on with the options that mend what it says."""
_SHOWN = 5


@dataclass(frozen=True)
class Relabelling:
    """Another table from labels to classes, under which the model is clearly more often right.

    Args:
        classes: the class of each label that occurs.
        now, then: accuracy on the test samples with the labels as they stand, and with these.
        gained, lost: test samples that are right with these alone, and with the labels as they stand alone.
    """

    classes: dict[int, int]
    now: Interval
    then: Interval
    gained: int
    lost: int

    @property
    def shift(self) -> int | None:
        """What to add to every label, where that is all."""
        apart = {to - label for label, to in self.classes.items()}
        return apart.pop() if len(apart) == 1 else None


def better_labels(train: Predictions, test: Predictions) -> Relabelling | None:
    """The relabelling that the predictions speak for; None where the labels fit as well.

    It is taken where, of the test samples that it changes from wrong to right or back, so many become right as chance
    would make of one in 200 (a sign test), and most of the labels that it moves are mostly predicted as where it moves
    them: a model that mistakes one class for another is not one with labels in another order.

    Args:
        train: chooses it.
        test: judges it.
    """
    classes = chosen(train)
    if classes is None or not len(test.split.labels):
        return None
    better = judged(classes, test)
    return better if _by_chance(better.gained, better.lost) <= _CLEAR else None


def better_labels_of_both(train: Predictions, test: Predictions) -> Relabelling | None:
    """As ``better_labels``, with the training samples as judges too: each half judges what the other half chooses."""
    classes = chosen(train)
    if classes is None or not len(test.split.labels):
        return None
    first, second = _halves(train)
    better = judged(classes, test)
    tables = ((chosen(first), second), (chosen(second), first))
    judges = [better, *(judged(table, half) for table, half in tables if table is not None)]
    gained, lost = sum(each.gained for each in judges), sum(each.lost for each in judges)
    return better if better.gained > better.lost and _by_chance(gained, lost) <= _CLEAR else None


def chosen(split: Predictions) -> dict[int, int] | None:
    """The table from labels to classes that a split speaks for; None where it moves no label, or few as predicted."""
    if not len(split.split.labels):
        return None
    table = agreement(split)
    classes = _assigned(table)
    moved = {label: to for label, to in classes.items() if label != to}
    mostly = sum(int(table[label, to]) == int(table[label].max()) for label, to in moved.items())
    return classes if 2 * mostly > len(moved) else None


def judged(classes: dict[int, int], test: Predictions) -> Relabelling:
    """What a table from labels to classes would change on the test samples."""
    new = torch.arange(int(test.split.labels.max()) + 1 if len(test.split.labels) else 0)
    for label, to in classes.items():
        if label < len(new):
            new[label] = to
    predicted, count = test.predicted, len(test.split.labels)
    before, after = test.correct, test.finite & (predicted == new[test.split.labels])
    now, then = (wilson(int(right.sum()), count) for right in (before, after))
    return Relabelling(classes, now, then, int((after & ~before).sum()), int((before & ~after).sum()))


def _by_chance(gained: int, lost: int) -> float:
    """Probability that of so many changes, each as likely one way as the other, as many or more are gains."""
    from scipy.special import betainc

    return float(betainc(gained, lost + 1, 0.5)) if gained else 1.0


def _halves(whole: Predictions) -> tuple[Predictions, Predictions]:
    """Every other sample of each class, so that the one half can choose what the other judges; without pixels."""
    labels, nothing = whole.split.labels, whole.split.pixels[:0]
    order = labels.argsort(stable=True)
    first, second = (
        Predictions(Split(nothing, labels[rows]), whole.probabilities[rows], None, by_scores=whole.predicted[rows])
        for rows in (order[::2], order[1::2])
    )
    return first, second


def agreement(predictions: Predictions) -> Tensor:
    """How often each label is predicted as each class: int64 ``(L, C)``, L the largest label and one."""
    labels, classes = predictions.split.labels, predictions.probabilities.shape[1]
    keep = predictions.finite
    cells = labels[keep] * classes + predictions.predicted[keep]
    rows = int(labels.max()) + 1 if len(labels) else 0
    return torch.bincount(cells, minlength=rows * classes).view(rows, classes)


def _assigned(table: Tensor) -> dict[int, int]:
    """The one-to-one table from labels that occur to classes with the most agreement; on a tie labels stay."""
    from scipy.optimize import linear_sum_assignment

    present = torch.nonzero(table.sum(dim=1)).flatten()
    gain = 2.0 * table[present].double()
    gain[torch.arange(len(present)), present] += 1.0
    rows, columns = linear_sum_assignment(gain.numpy(), maximize=True)
    return {int(present[row]): int(column) for row, column in zip(rows, columns, strict=True)}


def labels_fit(train: Predictions, test: Predictions, class_names: Sequence[str], *, by_name: bool) -> Validity:
    """The check of the labels: they mean the model's classes, and each class is recognised at least once.

    Args:
        class_names: one for each class, in the model's order as far as it is known.
        by_name: whether the data's own names decide which class a label is, so that ``--class-names`` can mend their
            order; otherwise labels are numbers of classes.
    """
    fault = _fault_of_both(train, test, class_names, by_name) or _fault_of_one(train, test, class_names)
    if fault is not None:
        return Validity(id="labels", status="fail", message=fault)
    never = _never_recognised(test)
    if never:
        listed = ", ".join(f"{class_names[label]} ({count:,} samples)" for label, count in never[:_SHOWN])
        more = f" and {len(never) - _SHOWN} more" if len(never) > _SHOWN else ""
        message = f"Not one test sample is recognised of {listed}{more}."
        return Validity(id="labels", status="warn", message=message)
    return Validity(id="labels", status="ok", message="No other order of the classes fits the predictions better.")


def _never_recognised(test: Predictions) -> list[tuple[int, int]]:
    """Classes with five or more test samples and none right, the largest first, with their numbers of samples."""
    counts = torch.bincount(test.split.labels)
    right = torch.bincount(test.split.labels[test.correct], minlength=len(counts))
    rows = torch.nonzero((counts >= LEAST_NEVER) & (right == 0)).flatten().tolist()
    return sorted(((row, int(counts[row])) for row in rows), key=lambda item: (-item[1], item[0]))


def _fault_of_both(train: Predictions, test: Predictions, names: Sequence[str], by_name: bool) -> str | None:
    """What is wrong with the labels of both splits, and what mends it."""
    better = better_labels_of_both(train, test)
    return None if better is None else f"{_misplaced('The labels', better, names)}: {_remedy(better, names, by_name)}."


def _fault_of_one(train: Predictions, test: Predictions, names: Sequence[str]) -> str | None:
    """What is wrong with the labels of one split alone."""
    for name, split in (("train", train), ("test", test)):
        if (better := better_labels(*_halves(split))) is not None:
            said = _misplaced(f"The labels of the {name} split", better, names)
            return f"{said}, which the other split does not share: give both splits the same labels."
    return None


def _misplaced(which: str, better: Relabelling, names: Sequence[str]) -> str:
    moved = [(label, to) for label, to in better.classes.items() if label != to]
    said = "; ".join(f"{names[label]} as {names[to]}" for label, to in moved[:_SHOWN])
    said += f" and {len(moved) - _SHOWN} more" if len(moved) > _SHOWN else ""
    now, then = (percent(share.value) for share in (better.now, better.then))
    return (
        f"{which} stand in another order than the model's classes: accuracy is {now} as they are, and {then} in the"
        f" order that the predictions show (samples are predicted {said})"
    )


def _remedy(better: Relabelling, names: Sequence[str], by_name: bool) -> str:
    if by_name:
        of_class = {to: names[label] for label, to in better.classes.items()}
        rest = iter([name for name in names if name not in of_class.values()])
        line = as_list([of_class[i] if i in of_class else next(rest) for i in range(len(names))])
        return f"{AGAIN} --class-names {shlex.quote(line)}"
    if (shift := better.shift) is not None:
        verb = f"add {shift} to" if shift > 0 else f"take {-shift} from"
        return f"number the classes as the model does: {verb} every label"
    return "number the classes as the model does, from 0 in the order of its outputs"
