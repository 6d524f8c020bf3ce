"""Which of several outputs holds the class scores: the one asked for, or what names and graph say."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from auditor.errors import InputRefused, UsageError

SCORE_NAMES = ("logits", "scores", "probabilities", "probs", "softmax", "output", "out")
"""Names that frameworks give to class scores, the most telling first."""


@dataclass(frozen=True)
class Candidate:
    """An output that may hold the class scores.

    Args:
        name: as its caller writes it.
        layered: whether a walk back from it meets a last layer, a softmax or a sigmoid; asked only if need be.
        before: names of other outputs that are computed on the way to it.
    """

    name: str
    layered: Callable[[], bool]
    before: Collection[str] = ()


def choose(candidates: Sequence[Candidate]) -> tuple[int, str]:
    """Place of the class scores among outputs of fitting form, and why that one.

    One that is called so comes first. Otherwise it is the first that a last layer makes and that leads to no other such
    output: labels and normalised features come from no layer, an embedding leads to the scores, auxiliary heads stand
    behind the main one.

    Args:
        candidates: at least one, in the model's order.
    """
    if len(candidates) == 1:
        return 0, "the only output that fits"
    names = [candidate.name for candidate in candidates]
    last_parts = [name.rpartition(".")[2].lower() for name in names]
    for name in SCORE_NAMES:
        if name in last_parts:
            return last_parts.index(name), _passed_over(names, last_parts.index(name), "called so")
    pool = [one for one in candidates if one.layered()] or list(candidates)
    ends = [one for one in pool if not any(one.name in other.before for other in pool if other is not one)] or pool
    place = candidates.index(ends[0])
    return place, _passed_over(names, place, "the first that a last layer makes and that leads to no other")


@dataclass(frozen=True)
class Output(Candidate):
    """An output whose type and shape the file declares.

    Args:
        described: name, type and shape in words.
        floating: whether it holds floating-point numbers.
        shape: with the batch axis, None for a free size; the whole is None where the file does not say.
        fits: whether it may be class scores, by its type and shape.
    """

    described: str = ""
    floating: bool = False
    shape: Sequence[int | None] | None = None
    fits: bool = False


def choose_declared(outputs: Sequence[Output], kind: str = "") -> tuple[int, str]:
    """Place of the class scores among declared outputs, and why that one.

    Args:
        outputs: all of the model.
        kind: what the model is if nothing fits and no shape tells.
    Raises:
        InputRefused: nothing fits, or the outputs are those of a detector; the message says what it looks like.
    """
    fitting = [place for place, one in enumerate(outputs) if one.fits]
    inner = {name for place in fitting for name in outputs[place].before}
    others = [one for one in outputs if one.floating and one.name not in inner]
    seen = looks_like([(one.name, one.shape) for one in others])
    if not fitting or (seen == "a detector" and not all(one.fits for one in others)):
        found, kind = "; ".join(one.described for one in outputs) or "no output", seen or kind
        advice = "audit a classifier, or export its class scores as an output"
        raise InputRefused("class scores of shape (N, C)", found + f": {kind}" * bool(kind), advice)
    place, reason = choose([outputs[place] for place in fitting])
    return fitting[place], "the only output" if len(outputs) == 1 else reason


def _passed_over(names: Sequence[str], place: int, reason: str) -> str:
    return f"{reason}; {', '.join(name for name in names if name != names[place])} passed over"


def looks_like(outputs: Sequence[tuple[str, Sequence[int | None] | None]]) -> str:
    """What a model with such outputs and no class scores usually is; empty where nothing tells.

    Args:
        outputs: names and shapes, the batch axis included, of the floating-point outputs.

    >>> looks_like([("mask", (None, 21, 32, 32))]), looks_like([("boxes", None), ("scores", (None, 100))])
    ('a segmentation model', 'a detector')
    """
    shapes = [shape for _, shape in outputs if shape is not None]
    if len(outputs) > 1 and any(
        "boxes" in name.lower() or (shape is not None and len(shape) in (2, 3) and shape[-1] == 4)
        for name, shape in outputs
    ):
        return "a detector"
    if any(len(shape) == 4 for shape in shapes):
        return "a segmentation model"
    if any(len(shape) == 3 for shape in shapes):
        return "a model with an output for each position"
    return "a regressor, or one number for all instances" if any(len(shape) == 1 for shape in shapes) else ""


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
