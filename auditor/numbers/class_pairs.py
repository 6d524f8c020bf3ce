"""Pairs of classes as users write them: ``3:8`` or ``cat:dog``, lists of such pairs, and both directions of each."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches
from itertools import combinations

from auditor.errors import InputRefused, UsageError

ClassPair = tuple[int, int]
ClassNames = tuple[str, str]
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


def parse_pairs(text: str, class_names: Sequence[str], present: Collection[int], max_pairs: int) -> list[ClassPair]:
    """The pairs meant by ``--pairs`` other than ``auto``: (smaller index, larger index), sorted, without repeats.

    Both classes of a pair are named by name, or both by index; where a name looks like an index of another class
    (digits sorted in another order, for example) the name wins, because names are what the report shows; ``#3:#8`` are
    indices whatever the names are.

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


def _pair(text: str, names: list[str]) -> ClassPair:
    meant = pairs_meant(text, names)
    if len(meant) != 1:
        expected = (
            f"a pair such as 3:8 of class indices 0 to {len(names) - 1} or of class names ({_some(names)}),"
            " not one of each"
        )
        raise UsageError(f"expected {expected}; found {text.strip()!r}; {_near(_cuts(text), names)}correct --pairs")
    a, b = meant.pop()
    if a == b:
        raise UsageError(f"expected two different classes in a pair; found {text.strip()!r}; correct --pairs")
    return in_order(a, b)


def pairs_meant(text: str, names: Sequence[str]) -> set[ClassPair]:
    """The pairs that ``a:b`` can mean, both classes by name or, where that fits nowhere, both by index.

    A class name may itself hold a colon, so every place to cut is tried.

    >>> pairs_meant("0:1", ["1", "0"]), pairs_meant("#0:#1", ["1", "0"])
    ({(1, 0)}, {(0, 1)})
    >>> pairs_meant("3:8", ["zero", "one"]), sorted(pairs_meant("a:b:c", ["a", "a:b", "c", "b:c"]))
    (set(), [(0, 3), (1, 2)])
    """
    cuts, names = _cuts(text), list(names)
    by_name = {(names.index(a), names.index(b)) for a, b in cuts if a in names and b in names}
    by_index = [cut for cut in cuts if all(_is_index(word, names) for word in cut)]
    return by_name or {(int(a.removeprefix("#")), int(b.removeprefix("#"))) for a, b in by_index}


def class_meant(text: str, names: Sequence[str]) -> int | None:
    """The index of a class given by name or index, None where there is none; a name wins over an index like it."""
    word = text.strip()
    if word in names:
        return names.index(word)
    return int(word) if _is_index(word, names) else None


def _is_index(word: str, names: Sequence[str]) -> bool:
    """Whether a word is the index of a class, and not the name of another; ``#3`` always is one."""
    digits = word.removeprefix("#")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10 and int(digits) < len(names)):
        return False
    return word not in names or names.index(word) == int(digits)


def pair_text(classes: ClassPair, names: Sequence[str]) -> str:
    """A pair as ``pairs_meant`` reads it: by names, or by indices where a name could be read in another way."""
    a, b = (names[c] for c in classes)
    plain = all(name.strip() == name and ":" not in name and name.isprintable() for name in (a, b))
    # An index is taken for a class name where there is one like it; names that are numbers mean themselves.
    return f"{a}:{b}" if plain else f"{classes[0]}:{classes[1]}"


def in_order(a: int, b: int) -> ClassPair:
    """The pair of two classes, the smaller index first."""
    return min(a, b), max(a, b)


def directions_of(pairs: Iterable[ClassPair]) -> list[ClassPair]:
    """Both directions of each pair, forth and back side by side."""
    return [direction for a, b in pairs for direction in ((a, b), (b, a))]


def _cuts(text: str) -> list[ClassNames]:
    return [(text[:i].strip(), text[i + 1 :].strip()) for i, char in enumerate(text) if char == ":"]


def _near(cuts: list[ClassNames], names: list[str]) -> str:
    """``did you mean X? `` for the first word of a pair that is nearly a name."""
    for word in itertools.chain.from_iterable(cuts[:1]):
        near = get_close_matches(word, names, 1)
        if near and word not in names:
            return f"did you mean {near[0]}? "
    return ""


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
