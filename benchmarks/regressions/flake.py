"""One unchanged model under many seeds: every seed's policy and comparison judge the results of every other seed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from auditor.documents.comparison import Comparison
from auditor.documents.results import Gate, Results, Rule
from auditor.policy.compare import compare
from benchmarks.regressions.judges import Judge, judges


@dataclass(frozen=True)
class Trial:
    """One gate on the unchanged model.

    Args:
        judge: which kind.
        policy_seed: of the audit that the policy was made from, or that is the baseline.
        seed: of the audit that is judged.
        gate: the decision.
        rooms: by rule, how far from failing it is (``room``).
    """

    judge: str
    policy_seed: int
    seed: int
    gate: Gate
    rooms: dict[str, float]

    @property
    def failed(self) -> bool:
        """Whether the unchanged model was stopped."""
        return self.gate.status == "failed"

    @property
    def warned(self) -> bool:
        """Whether it passed with a warning."""
        return not self.failed and any(rule.status == "warn" for rule in self.gate.rules)


@dataclass(frozen=True)
class RuleCount:
    """One rule over many trials: how often it failed and warned, and the trial where it came nearest to failing."""

    rule: str
    failed: int
    warned: int
    nearest: Rule | None
    at: Trial | None


def trials(results: Mapping[int, Results]) -> list[Trial]:
    """Every seed's judges on every other seed; ``init-policy`` itself makes sure that its own audit passes."""
    found = []
    for policy_seed, accepted in results.items():
        for name, judge in judges(accepted).items():
            for seed, other in results.items():
                if seed != policy_seed:
                    gate = judge.gate(other)
                    found.append(Trial(name, policy_seed, seed, gate, _rooms(judge, gate)))
    return found


@dataclass(frozen=True)
class Compared:
    """What ``compare`` said of the unchanged model under two seeds."""

    baseline_seed: int
    seed: int
    comparison: Comparison

    @property
    def differs(self) -> bool:
        """Whether it called a difference where there is none."""
        return self.comparison.verdict != "no_difference" or bool(self.comparison.losses)


def comparisons(results: Mapping[int, Results]) -> list[Compared]:
    """Every seed's audit against that of seed 0 and of the seed before."""
    seeds = list(results)
    pairs = dict.fromkeys([*((0, seed) for seed in seeds[1:]), *pairwise(seeds[1:])])
    return [Compared(then, now, compare(results[now], results[then])) for then, now in pairs]


def counts(some: Sequence[Trial]) -> list[RuleCount]:
    """By rule, in the order in which the rules first appear."""
    names = dict.fromkeys(rule.id for trial in some for rule in trial.gate.rules)
    return [_count(name, some) for name in names]


def room(rule: Rule, lower: bool) -> float:
    """How far a rule is from failing, in half-widths of its interval; negative where it failed.

    Args:
        rule: with numbers.
        lower: whether the limit is a lower one.
    """
    assert rule.value is not None
    assert rule.limit is not None
    end = rule.ci_high if lower else rule.ci_low
    if end is None:  # open on that side: it never fails
        return float("inf")
    half = end - rule.value if lower else rule.value - end
    left = end - rule.limit if lower else rule.limit - end
    return left / half if half else float("inf") if left >= 0 else float("-inf")


def _rooms(judge: Judge, gate: Gate) -> dict[str, float]:
    numbers = [(rule, made) for rule in gate.rules if rule.value is not None and (made := judge.rule(rule.id))]
    return {rule.id: room(rule, bool({"min", "max_decrease"} & made.limits.keys())) for rule, made in numbers}


def _count(name: str, some: Iterable[Trial]) -> RuleCount:
    there = [(rule, trial) for trial in some for rule in trial.gate.rules if rule.id == name]
    failed = sum(rule.status in ("fail", "not_measured") for rule, _ in there)
    warned = sum(rule.status == "warn" for rule, _ in there)
    near = min((x for x in there if name in x[1].rooms), key=lambda x: x[1].rooms[name], default=(None, None))
    return RuleCount(name, failed, warned, *near)
