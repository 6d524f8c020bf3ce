"""Which class pairs are audited, and what part of them was: ``--pairs auto`` chooses those that matter most.

Three lists are drawn from in turn until the number is reached, and every pair names the list that it came from:

1. confused: pairs that the model confuses on the data, the most often confused first (both splits, both ways);
2. alike: pairs of classes whose mean embeddings (or mean pixels, without an embedding) are nearest to each other;
3. random: the rest, in an order drawn from the seed, so that the audit also says something of pairs nobody suspected.

Of five pairs two come from the first list, two from the second and one from the third, whatever the number is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, cycle
from math import comb

import torch
from torch import Tensor

from auditor.documents.results import ERRORS_COVERED, LEVELS, Coverage, Level, Measured, NotMeasured, Pair
from auditor.numbers.class_pairs import ClassPair, in_order
from auditor.numbers.intervals import wilson
from auditor.pipeline.model_facts.predictions import Predictions
from auditor.pipeline.time_budget import SPENT

AUTO_PAIRS = 60
"""Pairs that ``auto`` chooses unless --max-pairs says otherwise."""
TURNS = ("confused", "alike", "confused", "alike", "random")


DEPTHS: dict[Level, str] = {"full": "in full", "outlined": "outlined", "screened": "only screened"}


@dataclass(frozen=True)
class Selection:
    """Pairs as they were asked for; how fragile they are decides in which order they are worked on.

    Args:
        pairs: each (smaller index, larger index).
        origins: for each pair the list that it came from.
    """

    pairs: list[ClassPair]
    origins: list[str]

    def only(self, pairs: Collection[ClassPair]) -> Selection:
        """Those of the selection that are among ``pairs``."""
        wanted = set(pairs)
        kept = [(pair, origin) for pair, origin in zip(self.pairs, self.origins, strict=True) if pair in wanted]
        return Selection([pair for pair, _ in kept], [origin for _, origin in kept])

    @property
    def text(self) -> str:
        """How the pairs were chosen, for the report."""
        if set(self.origins) <= {"all", "named"}:
            return "by name" if "named" in self.origins else "all of them"
        counted = Counter(self.origins)
        parts = [
            f"{counted[name]} {words}"
            for name, words in (
                ("confused", "that the model confuses most on the data"),
                ("alike", "whose classes lie nearest to each other in the model's embedding"),
                ("random", "drawn at random from the rest"),
            )
            if counted[name]
        ]
        return f"automatically: {', '.join(parts)}"


def select_pairs(train: Predictions, test: Predictions, most: int, *, rng: torch.Generator) -> Selection:
    """The pairs to audit, of all pairs of classes with training samples.

    Args:
        train, test: the artefact's answers.
        most: pairs wanted.
        rng: orders the random list.
    """
    everything = list(combinations(train.classes, 2))
    most = min(most, len(everything))
    lists: dict[str, Iterator[ClassPair]] = {
        "confused": iter(_confused([train, test])),
        "alike": iter(_alike(train)),
        "random": (everything[i] for i in torch.randperm(len(everything), generator=rng).tolist()),
    }
    taken: dict[ClassPair, str] = {}
    for turn in cycle(TURNS) if most else ():
        name = turn
        found = next((pair for pair in lists[turn] if pair not in taken), None)
        if found is None:
            name, found = "random", next(pair for pair in lists["random"] if pair not in taken)
        taken[found] = name
        if len(taken) == most:
            break
    return Selection(list(taken), list(taken.values()))


def _confused(splits: Sequence[Predictions]) -> list[ClassPair]:
    """Pairs with at least one error between them, most errors first."""
    errors: Counter[ClassPair] = Counter()
    classes = set(splits[0].classes)
    for split in splits:
        wrong = split.finite & ~split.correct
        labels, said = split.split.labels[wrong].tolist(), split.predicted[wrong].tolist()
        errors.update(in_order(a, b) for a, b in zip(labels, said, strict=True) if {a, b} <= classes)
    return [pair for pair, _ in sorted(errors.items(), key=lambda item: (-item[1], item[0]))]


def _alike(train: Predictions) -> list[ClassPair]:
    """All pairs, the nearest class means first."""
    classes = train.classes
    means = torch.stack([_mean(train, label) for label in classes])
    a, b = torch.triu_indices(len(classes), len(classes), offset=1)
    order = torch.nn.functional.pdist(means).argsort(stable=True)
    return [(classes[i], classes[j]) for i, j in zip(a[order].tolist(), b[order].tolist(), strict=True)]


def _mean(train: Predictions, label: int) -> Tensor:
    rows = torch.nonzero(train.split.labels == label).flatten()
    if train.embeddings is not None:
        return train.embeddings[rows].double().mean(dim=0)
    return train.split.instances(rows[:200]).flatten(1).double().mean(dim=0)


def coverage_of(
    selected: Selection,
    audited: Sequence[Pair],
    failed: Mapping[ClassPair, str],
    train: Predictions,
    test: Predictions,
    *,
    named: bool,
) -> Coverage:
    """Coverage of an audit.

    Args:
        selected: pairs wanted, and how they were chosen.
        audited: pairs done.
        failed: why a pair could not be measured.
        train, test: the artefact's answers.
        named: whether the user asked for these very pairs. Automatic pairs that the time did not allow are not
            missing, those that failed are.
    """
    done = {pair.classes for pair in audited}
    levels = Counter(pair.level for pair in audited)
    shallow = [pair.classes for pair in audited if pair.level != "full"]
    missing = [pair for pair in selected.pairs if pair not in done and (named or pair in failed)]
    late = len(done) + len(failed) < len(selected.pairs)
    reasons = [f"{SPENT}: {_depths(levels)}"] if shallow else [SPENT] * late
    for reason in dict.fromkeys(failed.values()):  # often that of many pairs
        (a, b), *others = (pair for pair, said in failed.items() if said == reason)
        reasons.append(f"{a}:{b}{f' and {len(others):,} more' if others else ''} could not be measured: {reason}")
    return Coverage(
        possible=comb(len(train.classes), 2),
        requested=len(selected.pairs),
        audited=len(done),
        chosen=selected.only(done).text,
        errors_covered=_errors_covered(test, done),
        missing=missing,
        empty=[
            (d.source, d.target)
            for p in audited
            if p.level != "screened"
            for d in p.directions
            if not d.generation.boundary
        ],
        levels={level: levels[level] for level in LEVELS if levels[level]} if shallow else {},
        shallow=shallow if named else [],
        reason="; ".join(reasons),
    )


def _depths(levels: Mapping[Level, int]) -> str:
    """How many pairs came how far, in words.

    >>> _depths({"screened": 1, "full": 2})
    '2 pairs in full, 1 only screened'
    """
    full, *others = ((levels.get(level, 0), words) for level, words in DEPTHS.items())
    pairs = f"{full[0]:,} pair{'' if full[0] == 1 else 's'} {full[1]}"
    return ", ".join([pairs, *(f"{count:,} {words}" for count, words in others if count)])


def _errors_covered(test: Predictions, pairs: set[ClassPair]) -> Measured:
    wrong = test.finite & ~test.correct
    labels, said = test.split.labels[wrong].tolist(), test.predicted[wrong].tolist()
    if not labels:
        return NotMeasured(not_measured="the model makes no error on the test split")
    covered = sum(in_order(a, b) in pairs for a, b in zip(labels, said, strict=True))
    return ERRORS_COVERED.measure(*wilson(covered, len(labels)), n=len(labels))
