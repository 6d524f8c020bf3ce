"""Method and definitions: how instances were made, and every measure with its formula and source."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from auditor.documents.results import NotMeasured
from auditor.render.names import display_text
from auditor.render.rounding import count
from auditor.render.view.lookups import Audit, generator_name
from auditor.render.view.page_parts import Run

_LOWERED = re.compile(r"_(\([^()]*\)|[A-Za-z0-9+]{1,3})(?![A-Za-z0-9])")
_SIGNS = (
    (" != ", " \N{NOT EQUAL TO} "), (" <= ", " \N{LESS-THAN OR EQUAL TO} "), (" >= ", " \N{GREATER-THAN OR EQUAL TO} "),
    (" - ", " \N{MINUS SIGN} "), (" * ", " \N{MULTIPLICATION SIGN} "), (" -> ", " \N{RIGHTWARDS ARROW} "),
)  # fmt: skip
_LOWERED_SIGNS = (("!=", "\N{NOT EQUAL TO}"), ("inf", "\N{INFINITY}"))
ASKED = "generator asked for"
"""Key among the parameters of the settings, present where another generator was used."""
INSTEAD = (
    "The audit was to use {asked}, which follows the model\N{RIGHT SINGLE QUOTATION MARK}s gradients. This model has "
    "none: {reason}. It was audited by its answers alone, and its distances are looser upper bounds."
)
JUMPS = (
    "At {jumps} of {all} boundary instances the two classes do not tie, because the probabilities of this model move "
    "in steps. There the boundary lies between two points closer than 1.2e-7 in every pixel, one in each class; the "
    "instance is the one of the two where the classes are closer."
)
SHARED_START = "shared start"
SHARED = (
    "In this audit the networks of Component I did not start anew for every direction, as they do in the paper: "
    "networks for each target class were trained first, on samples of all other classes, and each direction went on "
    "from one of its target."
)
PARTS = "generators of a direction"
"""Key among the parameters of the settings, present where there is more than one; the text begins with their number."""
APART = (
    "The sources of each direction were shared out among {count} generators, each trained from a start of its own on "
    "its part alone. How far their numbers lie apart shows what another training would change; the intervals of all "
    "numbers on generated instances allow for it."
)
RESCUED = (
    "Where the first attempt did not lead to the boundary, the generator went on by itself: {count} of {all} boundary "
    "instances took more ({ways})."
)


@dataclass(frozen=True)
class Entry:
    """One measure: its name, formula and how to read it."""

    anchor: str
    title: str
    formula: list[Run]
    reading: str


@dataclass(frozen=True)
class DefinitionText:
    """Measures that share one explanation, such as a median and its quantiles."""

    entries: list[Entry]
    text: str
    source: str


@dataclass(frozen=True)
class Method:
    """The section on how it was done."""

    paragraphs: list[str]
    definitions: list[DefinitionText]


def method(audit: Audit) -> Method:
    """The section, from the results."""
    definition = audit.results.generators.get(audit.results.settings.generator)
    paragraphs = [
        "The audit looks for boundary instances: inputs to which the model gives two classes "
        "equally. They are made for each "
        f"pair of classes in both directions by {generator_name(audit)}.",
        *_instead(audit),
        *(display_text(part, 2000) for part in (definition.text.split("\n\n") if definition else [])),
        *([SHARED] if SHARED_START in audit.results.settings.parameters else []),
        *_apart(audit),
        *_rescued(audit),
        *_jumps(audit),
        *_beside(audit),
        "Every boundary instance was checked once more on the audited file by its own runtime. "
        "Pixels are in [0, 1] throughout.",
    ]
    shared: dict[tuple[str, str], list[Entry]] = {}
    for id, d in audit.definitions.items():
        entry = Entry(f"define-{id}", display_text(d.title), formula(d.formula), _reading(d.unit, d.reading, d.bounds))
        shared.setdefault((d.text, d.source), []).append(entry)
    definitions = [
        DefinitionText(entries, display_text(text), display_text(source)) for (text, source), entries in shared.items()
    ]
    return Method(paragraphs, definitions)


def _instead(audit: Audit) -> list[str]:
    """Why another generator than the one asked for made the instances, if so."""
    asked, gradient = audit.results.settings.parameters.get(ASKED), audit.results.model.gradient
    if asked is None or not isinstance(gradient, NotMeasured):
        return []
    return [INSTEAD.format(asked=generator_name(audit, asked), reason=display_text(gradient.not_measured))]


def _apart(audit: Audit) -> list[str]:
    """That several generators show what training changes, if there are several."""
    parts = audit.results.settings.parameters.get(PARTS)
    return [] if parts is None else [APART.format(count=display_text(parts.partition(",")[0]))]


def _rescued(audit: Audit) -> list[str]:
    """How many instances took more than the generator's first attempt, if any did."""
    rescued = sum((Counter(direction.generation.rescued) for direction in audit.directions.values()), Counter[str]())
    ways = ", ".join(f"{count(number)} by {way}" for way, number in rescued.most_common())
    return [RESCUED.format(count=count(rescued.total()), all=count(audit.instances), ways=ways)] if rescued else []


def _beside(audit: Audit) -> list[str]:
    """The baselines that the results define, in a paragraph."""
    defined = {name: audit.results.generators.get(name) for name in audit.baselines}
    said = [f"{generator_name(audit, name)}: {display_text(d.summary)}" for name, d in defined.items() if d]
    return [f"To compare with, simpler ways stand beside it. {'; '.join(said)}."] if said else []


def _jumps(audit: Audit) -> list[str]:
    """What a boundary instance is where the model's probabilities jump, if any do."""
    jumps = sum(direction.generation.jumps for direction in audit.directions.values())
    return [JUMPS.format(jumps=count(jumps), all=count(audit.instances))] if jumps else []


def _reading(unit: str, reading: str, bounds: tuple[float | None, float | None]) -> str:
    low, high = bounds
    if low is not None and high is not None:
        between = f", between {low:g} and {high:g}"
    elif low is not None:
        between = f", at least {low:g}"
    else:
        between = f", at most {high:g}" if high is not None else ""
    return f"{display_text(unit)}{between}; {display_text(reading)}"


def formula(text: str) -> list[Run]:
    """A formula written in plain letters, with true signs and lowered indices.

    >>> [(run.text, run.lowered) for run in formula("c_i != c_(i+1)")][:3]
    [('c', False), ('i', True), (' \N{NOT EQUAL TO} c', False)]
    """
    shown, runs, place = display_text(text), [], 0
    for sign, proper in _SIGNS:
        shown = shown.replace(sign, proper)
    for match in _LOWERED.finditer(shown):
        index = match[1].strip("()")
        for sign, proper in _LOWERED_SIGNS:
            index = index.replace(sign, proper)
        runs += [Run(shown[place : match.start()]), Run(index, lowered=True)]
        place = match.end()
    return [run for run in [*runs, Run(shown[place:])] if run.text]
