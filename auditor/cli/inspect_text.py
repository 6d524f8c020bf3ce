"""``inspect``: what the tool sees in a model, to standard output, as text or as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from auditor.api.progress import print_line
from auditor.documents.inspection import Inspection, Normalisation, PassCost
from auditor.documents.results import DataFacts, Measure, ModelFacts, NotMeasured, Skipped, to_json
from auditor.untrusted_text import printable

COLUMNS = 80
MOST_SKIPPED = 20
"""Skipped files that are listed by name."""
LONGEST = 600
"""Characters of a line's text; ``--json`` has all of it."""


def print_inspection(seen: Inspection, *, as_json: bool) -> None:
    """What an inspection saw, to standard output."""
    if as_json:
        print(to_json(seen), end="")
        return
    rows = list(inspection_rows(seen))
    width = max(len(name) for name, _ in rows)
    for name, text in rows:
        shown = printable(text)
        shown = shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"
        lines = textwrap.wrap(shown, COLUMNS - width - 2, break_on_hyphens=False) or [""]
        print_line(f"{name:<{width}}  {lines[0]}")
        for line in lines[1:]:
            print_line(f"{'':<{width}}  {line}")  # a line may begin with what stood in the middle


def inspection_rows(seen: Inspection) -> Iterator[tuple[str, str]]:
    """Name and text of each line."""
    yield "file", f"{seen.file}, {seen.size_bytes:,} bytes"
    yield "sha256", seen.sha256
    yield "format", seen.format
    yield "producer", _text(seen.producer)
    yield "versions", _text(seen.versions)
    yield "operators", _text(seen.operators)
    yield "input", f"{seen.batch} of {seen.declared_input}"
    outputs = seen.outputs if isinstance(seen.outputs, NotMeasured) else "; ".join(seen.outputs)
    yield "outputs", _text(outputs)
    yield "scores", _text(seen.output)
    yield "runtime", seen.runtime
    yield "gradient", _text(seen.gradient)
    yield "head", seen.head
    if isinstance(seen.model, ModelFacts):
        yield from _model_rows(seen.model)
    else:
        yield "embedding", _text(seen.embedding)
        yield "classes", _text(seen.model)
    if isinstance(seen.data, DataFacts):
        sizes, names = seen.data.splits, seen.data.class_names
        yield "data", f"{seen.data.name}: {sizes.train:,} training and {sizes.test:,} test samples"
        yield "class names", ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
        for note in seen.data.notes:
            yield "note", note
        yield from _skipped_rows(seen.data.skipped)
        yield from _measured_rows(seen)
    yield "memory", f"{seen.peak_memory_bytes / 1e6:,.0f} MB at most, in this inspection"
    for check in seen.validity:
        yield check.status, check.message


def _skipped_rows(skipped: list[Skipped]) -> Iterator[tuple[str, str]]:
    for file in skipped[:MOST_SKIPPED]:
        yield "skipped", f"{file.file}: {file.reason}"
    if len(skipped) > MOST_SKIPPED:
        yield "skipped", f"and {len(skipped) - MOST_SKIPPED:,} more, which --json lists"


def _model_rows(model: ModelFacts) -> Iterator[tuple[str, str]]:
    if isinstance(model.embedding, NotMeasured):
        yield "embedding", _text(model.embedding)
    else:
        yield "embedding", f"{model.embedding.name}, width {model.embedding.size}"
    yield "classes", str(model.num_classes)
    yield "instances", f"({', '.join(map(str, model.input_shape))}), {model.preprocessing}"
    yield "output", model.output_kind
    if isinstance(model.parity, NotMeasured):
        yield "parity", _text(model.parity)
    else:
        p = model.parity
        yield "parity", f"largest difference {p.max_abs_diff:.2g}, same class on {p.agreement:.1%} of {p.n} samples"


def _measured_rows(seen: Inspection) -> Iterator[tuple[str, str]]:
    if isinstance(seen.normalisation, Normalisation):
        accuracy = seen.normalisation.accuracy
        if isinstance(accuracy, Measure):
            yield "accuracy", f"{accuracy.value:.1%} on {accuracy.n} test samples, pixels prepared as asked"
        else:
            yield "accuracy", _text(accuracy)
        for options, share in seen.normalisation.tried.items():
            yield "tried", f"{share:.1%} with {options}"
    if isinstance(seen.cost, PassCost):
        both = seen.cost.both_seconds
        text = _text(both) if isinstance(both, NotMeasured) else f"{_duration(both)} forward and backward"
        yield (
            "cost",
            f"an instance in a batch of {seen.cost.batch}: {_duration(seen.cost.forward_seconds)} forward, {text}",
        )
    if isinstance(seen.estimates, NotMeasured):
        yield "estimate", _text(seen.estimates)
    else:
        for name, found in seen.estimates.items():
            cost = f"{_duration(found.seconds)} and {found.memory_bytes / 1e9:.1f} GB"
            yield name, f"about {cost} for all {found.pairs:,} pairs, roughly"


def _duration(seconds: float) -> str:
    """Two digits and a unit that suits them.

    >>> _duration(2.4e-05), _duration(0.0123), _duration(95), _duration(40000)
    ('24 µs', '12 ms', '95 s', '11 h')
    """
    for most, scale, unit in ((1e-3, 1e-6, "µs"), (1.0, 1e-3, "ms"), (120.0, 1.0, "s"), (7200.0, 60.0, "min")):
        if seconds < most:
            return f"{_two_digits(seconds / scale)} {unit}"
    return f"{_two_digits(seconds / 3600)} h"


def _two_digits(number: float) -> str:
    return f"{number:.2g}" if number < 10 else f"{number:.0f}"


def _text(fact: str | dict[str, str] | dict[str, int] | NotMeasured) -> str:
    if isinstance(fact, NotMeasured):
        return f"none: {fact.not_measured}"
    return fact if isinstance(fact, str) else ", ".join(f"{name} {value}" for name, value in fact.items())
