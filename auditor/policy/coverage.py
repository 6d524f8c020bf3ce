"""How much an audit has to have looked at, and how: a rule for each key of the policy's ``[coverage]``.

An audit of fewer or easier pairs, from fewer sources or by a quicker profile proves less, and its wider intervals fail
less; so what the accepted audit had is asked of every other one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from auditor.documents.results import LEVELS, Level, Pair, Results, Rule
from auditor.numbers.class_pairs import pair_text
from auditor.policy.document import Coverage, Policy
from auditor.policy.rule_outcome import paired_classes

LEVEL = "coverage.level"


def coverage_rules(results: Results, policy: Policy) -> Iterator[Rule]:
    """A rule for each thing that the policy asks of the audit.

    Raises:
        UsageError: a pair names a class that is unknown.
    """
    asked = policy.coverage
    if asked is None:
        return
    enough = LEVELS[LEVELS.index(asked.level or "full") :]
    deep = [pair for pair in results.pairs if pair.level in enough]
    if isinstance(asked.pairs, int):
        how = "audited" if not results.coverage.levels else f"audited to the level {enough[0]}"
        yield _count("pairs", len(deep), asked.pairs, f"class pairs were {how}", "pairs")
    elif asked.pairs is not None:
        yield _named_pairs(deep, results.data.class_names, asked.pairs)
    if asked.level is not None:
        yield _level(asked.level, len(deep), results)
    if asked.chosen is not None:
        yield _same("chosen", results.settings.pairs, asked.chosen, "The pairs were chosen by --pairs")
    if asked.samples is not None:
        sought = [p for p in results.pairs if p.level != "screened" or "screened" not in enough]
        fewest = min((d.generation.requested for pair in sought for d in pair.directions), default=0)
        yield _count("samples", fewest, asked.samples, "sources started the direction with the fewest", "sources")
    if asked.profile is not None:
        yield _same("profile", results.settings.profile, asked.profile, "The audit was made with profile")


def first_coverage(results: Results) -> Coverage:
    """What an accepted audit had, to be asked of others.

    Pairs that the user named are asked for by name; of those that ``auto`` chose, which depend on the model, as many.
    Where every direction had as many sources as were allowed, all of them are; otherwise the classes had no more, and
    a model that is right on a few fewer of their samples may have a tenth less.
    """
    most = results.settings.samples_per_class
    fewest = min(d.generation.requested for pair in results.pairs for d in pair.directions)
    names = results.data.class_names
    by_tool = results.settings.pairs in ("all", "auto")
    return Coverage(
        pairs=len(results.pairs) if by_tool else [pair_text(pair.classes, names) for pair in results.pairs],
        chosen=results.settings.pairs if by_tool else None,  # type: ignore[arg-type]
        samples=most if fewest >= most else max(1, 9 * fewest // 10),
        profile=results.settings.profile,
    )


def _level(level: Level, deep: int, results: Results) -> Rule:
    """Whether every pair that was asked for came as far as the policy asks; those that are missing came nowhere."""
    wanted = results.coverage.requested
    return Rule(
        id=LEVEL, status="pass" if deep >= wanted else "fail", observed=f"{deep}", value=deep, limit=wanted, key="min",
        threshold=f"all {wanted} pairs {level}", unit="pairs",
        message=f"{deep} of {wanted} class pairs came to the level {level} or beyond."
        + ("" if deep >= wanted else f" {results.coverage.reason}: give a larger --time-budget."),
    )  # fmt: skip


def _named_pairs(pairs: Sequence[Pair], names: list[str], texts: list[str]) -> Rule:
    audited = {tuple(sorted(pair.classes)) for pair in pairs}
    missing = [text for text, classes in paired_classes(texts, names).items() if classes not in audited]
    more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
    return Rule(
        id="coverage.pairs", status="fail" if missing else "pass", observed=f"{len(texts) - len(missing)}",
        threshold=f"all {len(texts)} pairs of the policy", value=len(texts) - len(missing), limit=len(texts),
        unit="pairs", message=f"{missing[0]}{more} of the pairs that the policy asks for was not audited: audit with"
        " --pairs of these." if missing else "Every pair that the policy asks for was audited.",
    )  # fmt: skip


def _count(key: str, observed: int, needed: int, what: str, unit: str) -> Rule:
    enough = observed >= needed
    return Rule(
        id=f"coverage.{key}", status="pass" if enough else "fail", observed=f"{observed}",
        threshold=f"at least {needed}", value=observed, limit=needed, key="min", unit=unit,
        message=f"{observed} {what}" + ("." if enough else f"; the policy asks for {needed}."),
    )  # fmt: skip


def _same(key: str, observed: str, needed: str, what: str) -> Rule:
    same = observed == needed
    return Rule(
        id=f"coverage.{key}", status="pass" if same else "fail", observed=observed, threshold=needed,
        message=f"{what} {observed}" + ("." if same else f"; the policy asks for {needed}."),
    )  # fmt: skip
