"""Which class pairs to audit: ``all``, or a list such as ``3:8,cat:dog``."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from difflib import get_close_matches
from itertools import combinations

from auditor.errors import InputRefused, UsageError

Pair = tuple[int, int]


AUTO = "auto"
MOST_PAIRS = 200
"""Pairs that are audited without --max-pairs."""
_EXPECTED = "expected --pairs all, auto, or a list such as 0:1,2:3 or cat:dog"


def check_pairs(text: str) -> None:
    """Refuse what names no pairs of two classes, whatever the classes are.

    Args:
        text: as for ``parse_pairs``.
    Raises:
        UsageError: there is no pair in it, a part is none, or has one class twice.
    """
    if text.strip() in ("all", AUTO):
        return
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        raise UsageError(f"{_EXPECTED}; found {text!r}; name at least one pair")
    for part in parts:
        a, colon, b = part.partition(":")
        if not colon or (part.count(":") == 1 and not (a.strip() and b.strip())):
            raise UsageError(f"{_EXPECTED}; found {part!r}; correct --pairs")
        if a.strip() == b.strip():
            raise UsageError(f"expected two different classes in a pair; found {part!r}; correct --pairs")


def parse_pairs(text: str, class_names: Sequence[str], present: Collection[int], max_pairs: int) -> list[Pair]:
    """The pairs meant by ``--pairs`` other than ``auto``: (smaller index, larger index), sorted, without repeats.

    Both classes of a pair are named by name, or both by index; where a name looks like an index of another class
    (digits sorted in another order, for example) the name wins, because names are what the report shows.

    Args:
        text: ``all``, or pairs ``a:b`` separated by commas.
        class_names: one for each class, in the model's order.
        present: classes that have training samples; ``all`` means pairs of these.
        max_pairs: refuse a longer list, so that a model of 1,000 classes does not start 499,500 pairs.
    Raises:
        UsageError: a class is unknown, a pair has one class twice or mixes index and name, or there are too many pairs.
        InputRefused: a class has no training samples.
    """
    check_pairs(text)
    names = list(class_names)
    if text.strip() == "all":
        pairs = list(combinations(sorted(present), 2))
    else:
        pairs = sorted({_pair(part, names) for part in text.split(",") if part.strip()})
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
    cuts = [(text[:i].strip(), text[i + 1 :].strip()) for i, char in enumerate(text) if char == ":"]
    by_name = {(names.index(a), names.index(b)) for a, b in cuts if a in names and b in names}
    by_index = {(int(a), int(b)) for a, b in cuts if _is_index(a, names) and _is_index(b, names)}
    meant = by_name or by_index
    if len(meant) != 1:
        expected = (
            f"a pair such as 3:8 of class indices 0 to {len(names) - 1} or of class names ({_some(names)}),"
            " not one of each"
        )
        raise UsageError(f"expected {expected}; found {text.strip()!r}; {_near(cuts, names)}correct --pairs")
    a, b = meant.pop()
    if a == b:
        raise UsageError(f"expected two different classes in a pair; found {text.strip()!r}; correct --pairs")
    return min(a, b), max(a, b)


def _is_index(word: str, names: list[str]) -> bool:
    """Whether a word is the index of a class, and not the name of another."""
    if not (word.isascii() and word.isdigit() and len(word) < 10 and int(word) < len(names)):
        return False
    return word not in names or names.index(word) == int(word)


def _near(cuts: list[tuple[str, str]], names: list[str]) -> str:
    """``did you mean X? `` for the first word of a pair that is nearly a name."""
    for word in itertools.chain.from_iterable(cuts[:1]):
        near = get_close_matches(word, names, 1)
        if near and word not in names:
            return f"did you mean {near[0]}? "
    return ""


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
