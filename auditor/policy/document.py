"""The policy file: TOML, checked key by key, every complaint with the key that it is about.

version = 1
strict = false               # true: a limit inside the interval fails instead of warning

[validity]
warn = "warn"                # what a warning among the validity checks does: ignore, warn or fail

[coverage]                   # fails when an audit proves less than the accepted one did
pairs = ["4:9", "3:8"]       # or how many class pairs at least
samples = 64                 # sources of each direction, at least
profile = "quick"

[[rules]]
measure = "performance.accuracy"
min = 0.95                   # one limit: min, max, max_decrease or max_increase (against a baseline)

[[waivers]]
rule = "performance.accuracy"
reason = "the new camera; relabelling is under way"
until = 2026-12-31           # the last day on which the rule may fail without failing the gate
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from auditor.bounded_file import parse_toml
from auditor.documents.results import Definition, Level, LimitKey
from auditor.errors import UsageError
from auditor.policy.measure_places import Known, known

ABSOLUTE: tuple[LimitKey, ...] = ("min", "max")
RELATIVE: tuple[LimitKey, ...] = ("max_decrease", "max_increase")
RESERVED = ("validity", "coverage", "baseline", "policy", "waivers", "gate")
"""Ids that the tool gives to its own rules, alone or before a dot: a rule of the same name would pass for one."""
UNLIKE = (
    "seed",
    "splits",
    "profile",
    "generator",
    "samples",
    "input",
    "classes",
    "preprocessing",
    "route",
    "embedding",
)
"""Facts in which a baseline has to be like the candidate; each gives a rule ``baseline.<fact>`` that fails."""
LARGEST_LIMIT = 1e12
SELECTORS = {"model": (), "class": ("classes",), "pair": ("pairs",), "direction": ("pairs", "directions")}

Text = Annotated[str, Field(min_length=1)]
Names = Annotated[list[Text], Field(min_length=1)]
Share = Annotated[str, Field(pattern=r"^\s*[0-9]{1,9}(\.[0-9]{1,9})?\s*%\s*$")]
"""A part of the baseline's value, such as ``10 %``."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class PolicyRule(_Part):
    """One rule: a measure, where and how it is looked at, and one limit.

    Args:
        id: name of the rule; made from the measure where it is missing.
        measure: as in ``auditor.policy.measure_places``.
        aggregate: over the places of the measure: ``each`` of them, the ``worst``, or the ``mean``.
        pairs, directions, classes: only these, by index or name (``4:9``; a direction is from the first to the second).
        min, max: limits.
        max_decrease, max_increase: limits of the change against the baseline, as a number or as ``10 %`` of its value.
        severity: what a value beyond the limit does.
        strict: as the policy's, for this rule.
    """

    id: Text | None = None
    measure: Text
    aggregate: Literal["each", "worst", "mean"] | None = None
    pairs: Names | None = None
    directions: Names | None = None
    classes: Names | None = None
    min: Annotated[float, Field(ge=-LARGEST_LIMIT, le=LARGEST_LIMIT)] | None = None
    max: Annotated[float, Field(ge=-LARGEST_LIMIT, le=LARGEST_LIMIT)] | None = None
    max_decrease: Annotated[float, Field(ge=0, le=LARGEST_LIMIT)] | Share | None = None
    max_increase: Annotated[float, Field(ge=0, le=LARGEST_LIMIT)] | Share | None = None
    severity: Literal["warn", "fail"] = "fail"
    strict: bool | None = None

    @property
    def name(self) -> str:
        """Its id, or one made from the measure."""
        return self.id or " ".join(filter(None, (self.measure, self.aggregate)))

    @property
    def limits(self) -> dict[LimitKey, float | str]:
        """The limits that it sets, by key."""
        found = {key: getattr(self, key) for key in (*ABSOLUTE, *RELATIVE)}
        return {key: value for key, value in found.items() if value is not None}

    @property
    def relative(self) -> bool:
        """Whether it needs a baseline."""
        return any(key in RELATIVE for key in self.limits)

    @property
    def selectors(self) -> dict[str, list[str]]:
        """The places that it is restricted to, by key."""
        found = {key: getattr(self, key) for key in ("pairs", "directions", "classes")}
        return {key: value for key, value in found.items() if value is not None}


class ValidityPolicy(_Part):
    """What the validity checks do to the gate; one that failed always fails it."""

    warn: Literal["ignore", "warn", "fail"] = "warn"


class Coverage(_Part):
    """How much has to have been audited, and how.

    Args:
        pairs: at least this many class pairs, or each of these by name or index.
        chosen: how the pairs have to have been chosen, as ``--pairs`` says it.
        level: how far each of these pairs has to have come: ``full`` unless said otherwise; with ``screened`` or
            ``outlined`` a time budget that was spent does not make an audit incomplete.
        samples: fewest sources that the generator was given in any direction in which it was at work.
        profile: of the audit.
    """

    pairs: Annotated[int, Field(ge=1)] | Names | None = None
    chosen: Literal["all", "auto"] | None = None
    level: Level | None = None
    samples: Annotated[int, Field(ge=1)] | None = None
    profile: Text | None = None

    @property
    def asked(self) -> tuple[str, ...]:
        """The keys that are set."""
        return tuple(key for key in Coverage.model_fields if getattr(self, key) is not None)


class PolicyWaiver(_Part):
    """A rule that may fail for a while without failing the gate.

    Args:
        rule: name of a rule of the policy, or of one of the tool's own about coverage or the baseline.
        reason: why; shown wherever the rule is.
        until: last day on which it holds.
        place: the one place of the rule that may fail, such as ``4:9``; all of them where it is missing.
    """

    rule: Text
    reason: Annotated[str, Field(pattern=r"\S")]
    until: date
    place: Text | None = None


class Policy(_Part):
    """A policy: the whole of its file."""

    version: Literal[1]
    strict: bool = False
    validity: ValidityPolicy = ValidityPolicy()
    coverage: Coverage | None = None
    rules: Annotated[list[PolicyRule], Field(min_length=1, max_length=2000)]
    waivers: Annotated[list[PolicyWaiver], Field(max_length=2000)] = []

    @property
    def relative(self) -> bool:
        """Whether any rule needs a baseline."""
        return any(rule.relative for rule in self.rules)


def parse_policy(text: str, source: str) -> Policy:
    """Read a policy.

    Args:
        text: TOML.
        source: name of the file, for messages.
    Raises:
        UsageError: it is no TOML, or no policy.
    """
    try:
        content = parse_toml(text)
    except ValueError as err:
        raise UsageError(f"expected TOML in {source}; found {err}; correct the file") from err
    return policy_from(content, source)


def policy_from(content: Mapping[str, Any], source: str) -> Policy:
    """A policy from the keys and values of its file.

    Raises:
        UsageError: a key is unknown, missing or of another type, there is no rule, or a rule or a waiver has a name
            that it must not have.
    """
    try:
        policy = Policy.model_validate(content)
    except ValidationError as err:
        raise UsageError(_complaint(err, content, source)) from err
    names: set[str] = set()
    for index, rule in enumerate(policy.rules):
        where = f"rules[{index}] of {source}"
        if len(rule.limits) != 1:
            found = ", ".join(rule.limits) or "none"
            raise UsageError(f"expected one of {', '.join((*ABSOLUTE, *RELATIVE))} in {where}; found {found}; keep one")
        if rule.name in names:
            raise UsageError(f"expected rules of different names; found {rule.name!r} twice; give {where} another id")
        if rule.name.strip().partition(".")[0].lower() in RESERVED:
            raise UsageError(
                f"expected an id that is none of the tool's own ({', '.join(RESERVED)}, alone or before a dot); found"
                f" {rule.name!r}; give {where} another id"
            )
        names.add(rule.name)
    if policy.coverage is not None and not policy.coverage.asked:
        keys = ", ".join(f"coverage.{key}" for key in Coverage.model_fields)
        raise UsageError(f"expected one of {keys} in {source}; found none; add one or remove [coverage]")
    _check_waivers(policy, source)
    return policy


def _check_waivers(policy: Policy, source: str) -> None:
    """Every waiver is about a rule that can fail, once, and about a place only where the rule looks at single places.

    Raises:
        UsageError: it is not so.
    """
    rules = {rule.name: rule for rule in policy.rules}
    own = {f"coverage.{key}" for key in (policy.coverage.asked if policy.coverage is not None else ())}
    own |= {f"baseline.{fact}" for fact in UNLIKE} if policy.relative else set()
    seen: set[tuple[str, str | None]] = set()
    for index, waiver in enumerate(policy.waivers):
        where = f"waivers[{index}] of {source}"
        if waiver.rule not in rules and waiver.rule not in own:
            known_names = ", ".join([*rules, *sorted(own)])
            raise UsageError(
                f"expected the name of a rule that can be waived ({known_names}); found {waiver.rule!r}; correct"
                f" {where}.rule"
            )
        if (waiver.rule, waiver.place) in seen:
            raise UsageError(f"expected one waiver of {waiver.rule!r} for a place; found two; remove {where}")
        seen.add((waiver.rule, waiver.place))
        rule = rules.get(waiver.rule)
        if waiver.place is not None and (rule is None or rule.aggregate in ("worst", "mean")):
            raise UsageError(
                f"expected no place for {waiver.rule!r}, which is not a rule on each of its places; found"
                f" {waiver.place!r}; remove {where}.place"
            )


def check_policy(policy: Policy, definitions: Mapping[str, Definition]) -> None:
    """Check what takes knowledge of the measures: their names, where they have values and between which bounds.

    Raises:
        UsageError: a measure is unknown, a key does not fit it, or a limit is one that no value can break or keep.
    """
    for index, rule in enumerate(policy.rules):
        where = f"rules[{index}]"
        measure = known(rule.measure, definitions, f"{where}.measure")
        if measure.kind == "model" and rule.aggregate:
            raise UsageError(f"expected no aggregate for {rule.measure}, one number; found it; remove it from {where}")
        if unfit := [key for key in rule.selectors if key not in SELECTORS[measure.kind]]:
            fit = " or ".join(SELECTORS[measure.kind]) or "no restriction"
            raise UsageError(
                f"expected {fit} for {rule.measure} (one value for each {measure.kind}); found {', '.join(unfit)};"
                f" remove it from {where}"
            )
        _check_limit(rule, measure, where)


def share_of(limit: float | str) -> float | None:
    """The limit as a share of the baseline, None where it is a plain number.

    >>> share_of("10 %"), share_of(0.1)
    (0.1, None)
    """
    return float(limit.strip().removesuffix("%")) / 100 if isinstance(limit, str) else None


def _check_limit(rule: PolicyRule, measure: Known, where: str) -> None:
    low, high = measure.meaning.bounds
    ((key, limit),) = rule.limits.items()
    span = high - low if low is not None and high is not None else None
    idle = False
    if key == "min":
        idle = low is not None and float(limit) <= low
    elif key == "max":
        idle = high is not None and float(limit) >= high
    elif (share := share_of(limit)) is not None:
        idle = key == "max_decrease" and low is not None and low >= 0 and share >= 1
    else:
        idle = span is not None and float(limit) >= span
    if idle:
        raise UsageError(
            f"expected a limit that {rule.measure} can break; found {key} = {limit}, which it never does (bounds"
            f" {_end(low)} to {_end(high)}); correct {where}.{key}"
        )
    outside = (key == "min" and high is not None and float(limit) > high) or (
        key == "max" and low is not None and float(limit) < low
    )
    if outside:
        raise UsageError(
            f"expected a limit between the bounds of {rule.measure}, {_end(low)} to {_end(high)}; found"
            f" {key} = {limit}; correct {where}.{key} (shares are written 0.95, not 95)"
        )


def _end(bound: float | None) -> str:
    return "no end" if bound is None else f"{bound:g}"


def _complaint(err: ValidationError, content: Mapping[str, Any], source: str) -> str:
    """The first thing wrong, with its key as it stands in the file."""
    first = err.errors(include_url=False)[0]
    key = ""
    for part in first["loc"]:
        if isinstance(part, int):
            key += f"[{part}]"
        elif not part.startswith(("constrained-", "function-", "list[")) and part not in ("float", "str", "int"):
            key += f".{part}" if key else str(part)
    key = key or "the file"
    if first["type"] == "extra_forbidden":
        parts: dict[str, type[_Part]] = {
            "rules": PolicyRule, "validity": ValidityPolicy, "coverage": Coverage, "waivers": PolicyWaiver,
        }  # fmt: skip
        allowed = parts.get(str(first["loc"][0]), Policy) if len(first["loc"]) > 1 else Policy
        return f"expected the keys {', '.join(allowed.model_fields)}; found {key} in {source}; remove or correct it"
    if first["type"] == "missing" or key == "rules":
        needs = {"version": "version = 1", "rules": "at least one [[rules]]"}.get(key, f"the key {key}")
        return f"expected {needs} in {source}; found none; add it"
    return f"expected for {key} in {source}: {first['msg']}; found {_shown(first['input'])}; correct it"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
