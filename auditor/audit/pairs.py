"""Which class pairs to audit: ``all``, or a list such as ``3:8,cat:dog``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import combinations

from auditor.errors import InputRefused, UsageError

Pair = tuple[int, int]


MOST_PAIRS = 200
"""Pairs that are audited without --max-pairs."""


def parse_pairs(text: str, class_names: Sequence[str], present: Collection[int], max_pairs: int) -> list[Pair]:
    """The pairs meant by ``--pairs`` other than ``auto``: (smaller index, larger index), sorted, without repeats.

    A class is named by its index or by its name; where a name looks like an index of another class (digits
    sorted in another order, for example) the name wins, because names are what the report shows.

    Args:
        text: ``all``, or pairs ``a:b`` separated by commas.
        class_names: one for each class, in the model's order.
        present: classes that have training samples; ``all`` means pairs of these.
        max_pairs: refuse a longer list, so that a model of 1,000 classes does not start 499,500 pairs.
    Raises:
        UsageError: a class is unknown, a pair has one class twice, or there are too many pairs.
        InputRefused: a class has no training samples.
    """
    names = list(class_names)
    if text.strip() == "all":
        pairs = list(combinations(sorted(present), 2))
    else:
        pairs = sorted({_pair(part, names) for part in text.split(",") if part.strip()})
    if not pairs:
        raise UsageError(f"expected --pairs all or a list such as 0:1,2:3; found {text!r}; name at least one pair")
    if len(pairs) > max_pairs:
        raise UsageError(
            f"expected at most --max-pairs {max_pairs} pairs; found {len(pairs):,}; raise it, or choose with"
            " --pairs auto or a list"
        )
    if absent := sorted({label for pair in pairs for label in pair} - set(present)):
        found = f"none of class {absent[0]} ({names[absent[0]]})"
        raise InputRefused("training samples of every class in --pairs", found, "add samples, or choose other pairs")
    return pairs


def _pair(text: str, names: list[str]) -> Pair:
    # A class name may itself hold a colon, so every place to cut is tried and exactly one must fit.
    cuts = [(text[:i], text[i + 1 :]) for i, char in enumerate(text) if char == ":"]
    found = {(_index(a, names), _index(b, names)) for a, b in cuts}
    whole = {(a, b) for a, b in found if a is not None and b is not None}
    if len(whole) != 1:
        raise UsageError(
            f"expected a pair such as 3:8 of class indices 0 to {len(names) - 1} or of class names"
            f" ({_some(names)}); found {text.strip()!r}; correct --pairs"
        )
    a, b = whole.pop()
    if a == b:
        raise UsageError(f"expected two different classes in a pair; found {text.strip()!r}; correct --pairs")
    return min(a, b), max(a, b)


def _index(text: str, names: list[str]) -> int | None:
    word = text.strip()
    if word in names:
        return names.index(word)
    return int(word) if word.isascii() and word.isdigit() and int(word) < len(names) else None


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
