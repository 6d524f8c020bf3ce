"""What a call from Python is held to: arguments of the right kinds, and errors that name them as Python does.

The same functions stand behind the command, whose words for an option are ``--like-this``; the command goes round this.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import wraps
from inspect import Parameter, signature
from numbers import Integral, Real
from typing import Any, ParamSpec, TypeVar

from auditor.errors import AuditError, InputRefused, UsageError

P = ParamSpec("P")
R = TypeVar("R")
Kind = tuple[str, Callable[[Any], bool]]
"""What an argument has to be, in words and as a test."""
LONGEST_SHOWN = 80

_OPTION = re.compile(
    r"(?<![\w'\"/=-])--(?P<name>[a-z][a-z0-9-]*[a-z0-9])"
    r"(?: (?P<value>\d+(?:[.,:]\d+)*|auto|ray|cpu|cuda(?::\d+)?|logits|probabilities|sigmoid|nchw|nhwc|rgb|bgr)"
    r"(?![\w.]\w))?"
)
_TEXTS = ("device", "engine", "engine-address", "output-kind", "layout", "channels", "pairs", "time-budget")
"""Options whose values are texts, also where they look like numbers."""
_LISTS = ("pairs", "class_names", "format", "mean", "std")
_SWITCHES = ("trust-model", "force", "allow-different-data", "save-instances", "resume", "download", "quiet", "verbose")
_OPTIONS = (
    *_TEXTS, *_SWITCHES, "data", "data-root", "class-names", "max-skip", "mean", "std", "resize", "crop",
    "interpolation", "output", "embedding", "expect-sha256", "max-pairs", "generator", "profile", "samples-per-class",
    "seed", "out", "format", "policy", "baseline", "report-pairs", "model", "instances", "jobs",
)  # fmt: skip


def in_python(text: str) -> str:
    """A message of the command with its options as keyword arguments; what was found, and lists of names, stay.

    >>> in_python("at most --max-pairs 5 pairs; say --trust-model, or correct --profile; give MODEL")
    'at most max_pairs=5 pairs; say trust_model=True, or correct profile=; give model'
    >>> in_python("expected a class (--seed, b); found a --profile; b; correct --pairs")
    'expected a class (--seed, b); found a --profile; b; correct pairs='
    """
    expected, found, rest = text.partition("; found ")
    what, mark, action = rest.rpartition("; ") if "; " in rest else (rest, "", "")
    return f"{_keywords(expected)}{found}{what}{mark}{_keywords(action)}"


def _keywords(text: str) -> str:
    """Options outside of brackets, in which names from outside are listed, as keyword arguments."""

    def keyword(match: re.Match[str]) -> str:
        option, value = match["name"], match["value"]
        if option.removeprefix("no-") in _SWITCHES:
            return f"{option.removeprefix('no-').replace('-', '_')}={not option.startswith('no-')}" + (
                f" {value}" if value else ""
            )
        if option not in _OPTIONS:
            return match[0]
        return f"{option.replace('-', '_')}=" + (f'"{value}"' if value and option in _TEXTS else value or "")

    parts = re.split(r"(\([^()]*\))", text)
    parts[::2] = [re.sub(r"\b(give|expected) MODEL\b", r"\1 model", _OPTION.sub(keyword, part)) for part in parts[::2]]
    return "".join(parts)


def reworded(err: AuditError) -> AuditError:
    """The same error, in Python's words."""
    err.args = (in_python(str(err)),)
    if isinstance(err, InputRefused):
        err.expected, err.action = _keywords(err.expected), _keywords(err.action)
    return err


def from_python(**own: Kind) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Hold the calls of a public function to this.

    Args:
        own: kinds of arguments that are others than in ``KINDS``.
    """

    def around(job: Callable[P, R]) -> Callable[P, R]:
        parameters = signature(job).parameters

        @wraps(job)
        def called(*args: P.args, **kwargs: P.kwargs) -> R:
            for name, value in kwargs.items():
                if name in _LISTS and isinstance(value, Iterator):  # which can be looked at once
                    kwargs[name] = list(value)
            try:
                given = signature(job).bind(*args, **kwargs).arguments
            except TypeError:
                return job(*args, **kwargs)  # Python's own complaint, which names the function
            for name, value in given.items():
                _check(name, value, parameters[name], own.get(name, KINDS.get(name)))
            try:
                return job(*args, **kwargs)
            except AuditError as err:
                reworded(err)
                raise

        return called

    return around


def _check(name: str, value: Any, parameter: Parameter, kind: Kind | None) -> None:
    if kind is None or (value is None and parameter.default is None):
        return
    words, fits = kind
    if not fits(value):
        shown = " ".join(repr(value).split())
        shown = shown if len(shown) <= LONGEST_SHOWN else f"{shown[: LONGEST_SHOWN - 3]}..."
        raise UsageError(f"expected {name}= to be {words}; found {shown}; correct it")


def _is_file(value: Any) -> bool:
    return isinstance(value, str | os.PathLike)


def _is_number(value: Any) -> bool:
    value = value.tolist() if hasattr(value, "tolist") else value
    return isinstance(value, Real) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    value = value.tolist() if hasattr(value, "tolist") else value
    return isinstance(value, Integral) and not isinstance(value, bool)


def _some(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """A collection of such values, arrays among them; a text is none."""

    def all_fit(values: Any) -> bool:
        values = values.tolist() if hasattr(values, "tolist") else values
        listed = isinstance(values, Collection) and not isinstance(values, str | bytes | Mapping)
        return listed and all(map(fits, values))

    return all_fit


def _or_some(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) or fits(value) or _some(fits)(value)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) or _is_whole(value)


def _is_pair(value: Any) -> bool:
    return isinstance(value, str) or (_some(_is_name)(value) and len(value) == 2)


def _is_policy(value: Any) -> bool:
    if _is_file(value) or isinstance(value, Mapping):
        return True
    from auditor.policy.document import Policy

    return isinstance(value, Policy)


def _is_results(value: Any) -> bool:
    if _is_file(value):
        return True
    from auditor.documents.results import Results

    return isinstance(value, Results) or isinstance(getattr(value, "results", None), Results)  # those, or an audit


def _is_generator(value: Any) -> bool:
    if isinstance(value, str):
        return True
    from auditor.boundary.base import Generator

    return isinstance(value, Generator)


TEXT: Kind = ("a text", lambda value: isinstance(value, str))
FILE: Kind = ("a path", _is_file)
SWITCH: Kind = ("True or False", lambda value: isinstance(value, bool) or type(value).__name__ == "bool")
WHOLE: Kind = ("a whole number", _is_whole)
RESULTS: Kind = ("an audit, its results or the path of results.json", _is_results)
GENERATOR: Kind = ("the name of a generator, or one", _is_generator)
CLASS: Kind = ("a class by name or index", _is_name)
_NUMBERS: Kind = ("a number, one for each channel, or a text of them with commas", _or_some(_is_number))
_SIZE: Kind = (
    "pixels such as 224 or (224, 320)",
    lambda value: isinstance(value, str) or _is_whole(value) or (_some(_is_whole)(value) and len(value) == 2),
)
KINDS: dict[str, Kind] = {
    **dict.fromkeys(("data_root", "out", "path", "folder", "instances"), FILE),
    **dict.fromkeys(
        ("layout", "channels", "interpolation", "output", "output_kind", "embedding", "expect_sha256", "device",
         "generator", "profile", "id", "engine", "engine_address"),
        TEXT,
    ),
    **dict.fromkeys(
        ("download", "trust_model", "resume", "save_instances", "force", "quiet", "verbose", "allow_different_data"),
        SWITCH,
    ),
    **dict.fromkeys(("mean", "std"), _NUMBERS),
    **dict.fromkeys(("resize", "crop"), _SIZE),
    **dict.fromkeys(("seed", "max_pairs", "samples_per_class", "report_pairs"), WHOLE),
    **dict.fromkeys(("candidate", "baseline"), RESULTS),
    "max_skip": ("a number", _is_number),
    "jobs": ("a number of worker processes, or auto", lambda value: isinstance(value, str) or _is_whole(value)),
    "class_names": (
        "names in a list, a text of them with commas, or the path of a file",
        lambda value: _is_file(value) or _some(_is_name)(value),
    ),
    "pairs": (
        'a text such as "3:9,4:9", or a list of pairs such as [("3", "9"), (4, 9)]',
        lambda value: isinstance(value, str) or _some(_is_pair)(value),
    ),
    "time_budget": ("seconds, or a text such as 90s, 10m or 2h", lambda v: isinstance(v, str) or _is_number(v)),
    "format": ("names of outputs, in a list or a text with commas", _or_some(lambda value: isinstance(value, str))),
    "policy": ("the path of a policy, its keys and values, or a Policy", _is_policy),
}  # fmt: skip
"""What the arguments of the public functions have to be, by name."""
