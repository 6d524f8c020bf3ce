"""What somebody may have meant who wrote a word that is none of those known."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def guess(word: str, known: Iterable[str], likeness: float = 0.6) -> str | None:
    """The known word nearest to another in spelling; None where none is near.

    >>> guess("Fashion-MNIST", ["mnist", "fashionmnist"])
    'fashionmnist'
    """
    names = {name.casefold(): name for name in known}
    near = get_close_matches(word.casefold(), names, 1, likeness)
    return names[near[0]] if near else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``did you mean X? `` before what to do; empty where nothing is near."""
    near = guess(word, known)
    return f"did you mean {near}? " if near else ""
