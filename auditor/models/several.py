"""Which of several outputs holds the class scores: the one asked for, or one that is called so, or the first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from auditor.errors import InputRefused, UsageError

SCORE_NAMES = ("logits", "scores", "probabilities", "probs", "output", "out")
"""Names that frameworks give to class scores, the most telling first."""


def place_of(keys: Sequence[str], wanted: str | None) -> int:
    """Place of the scores among outputs with these keys.

    Args:
        keys: at least one.
        wanted: the key or the index that was asked for.
    Raises:
        UsageError: there is no such output; the message lists those there are.

    >>> place_of(["boxes", "logits"], None), place_of(["0", "1"], None), place_of(["a", "b"], "1")
    (1, 0, 1)
    """
    if wanted is None:
        return next((keys.index(name) for name in SCORE_NAMES if name in keys), 0)
    if wanted in keys:
        return keys.index(wanted)
    if wanted.isdecimal() and int(wanted) < len(keys):
        return int(wanted)
    raise UsageError(f"expected --output to be one of {', '.join(keys)}; found {wanted!r}; use one of these")


def tensor_among(output: Any, wanted: str | None) -> Tensor:
    """The scores among what a module returned: a tensor, or tuples, lists and dictionaries of them.

    Args:
        wanted: keys and indices from the outside in, joined by dots, such as ``1`` or ``head.logits``.
    Raises:
        UsageError: there is no such output.
        InputRefused: there is no tensor.
    """
    parts = wanted.split(".") if wanted else []
    while isinstance(output, tuple | list | dict) and output:
        named = {str(key): value for key, value in _entries(output)}
        output = list(named.values())[place_of(list(named), parts.pop(0) if parts else None)]
    if parts or not isinstance(output, Tensor):
        found = f"a {type(output).__name__}" if not parts else f"no {wanted!r}"
        raise InputRefused("a tensor of scores as output", found, "choose another with --output, or export it alone")
    return output


def _entries(output: Any) -> list[tuple[Any, Any]]:
    if isinstance(output, dict):
        return list(output.items())
    return list(zip(getattr(output, "_fields", range(len(output))), output, strict=True))
