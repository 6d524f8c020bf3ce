"""The section on the unchanged model: how often which rule failed or warned, and how near it came."""

from __future__ import annotations

from collections import Counter

from auditor.documents.comparison import Moved
from benchmarks.regressions.flake import Compared, RuleCount, Trial, counts
from benchmarks.regressions.judges import FIRST, RELATIVE
from benchmarks.regressions.page import Lines, short


def flake_section(trials: dict[str, list[Trial]], seeds: int) -> Lines:
    """The unchanged model under other seeds, by profile and rule."""
    yield "## An unchanged model under other seeds"
    yield ""
    yield f"{seeds} audits of one model, seeds 0 to {seeds - 1}. From each a policy is made, and it judges the"
    yield f"{seeds - 1} others. Nothing may fail."
    yield ""
    yield "| profile | policy | gates | failed | warned | of seed 0: gates | failed | warned |"
    yield "|---|---|---|---|---|---|---|---|"
    for profile, all_trials in trials.items():
        for judge in (FIRST, RELATIVE):
            some = [t for t in all_trials if t.judge == judge]
            first = [t for t in some if t.policy_seed == 0]
            numbers = " | ".join(
                f"{len(those)} | {sum(t.failed for t in those)} | {sum(t.warned for t in those)}"
                for those in (some, first)
            )
            yield f"| {profile} | {judge} | {numbers} |"
    yield ""
    yield "By rule, over all of these gates. The nearest to failing is the gate with the least room between the far end"
    yield "of the interval and the limit."
    yield ""
    yield "| profile | policy | rule | failed | warned | nearest to failing | limit | policy of seed, results of seed |"
    yield "|---|---|---|---|---|---|---|---|"
    for profile, all_trials in trials.items():
        for judge in (FIRST, RELATIVE):
            for count in counts([t for t in all_trials if t.judge == judge]):
                yield f"| {profile} | {judge} | {_rule_cells(count)} |"
    yield ""
    failed = [(profile, t) for profile, some in trials.items() for t in some if t.failed]
    yield f"Gates that failed: {'none' if not failed else len(failed)}."
    for profile, trial in failed:
        for rule in trial.gate.rules:
            if rule.status in ("fail", "not_measured"):
                yield f"- {profile}, {trial.judge}, policy of seed {trial.policy_seed}, results of seed {trial.seed}:"
                yield f"  {rule.message}"


def comparison_section(found: dict[str, list[Compared]]) -> Lines:
    """What compare says of an unchanged model."""
    yield "## Compare on an unchanged model"
    yield ""
    yield "Every audit against that of seed 0 and against that of the seed before. A difference is any verdict but no"
    yield "clear difference, and anything that compare says got worse. Moved: samples whose margin changed by more than"
    yield "2 %."
    yield ""
    yield "| profile | comparisons | differences | common samples | moved | verdicts |"
    yield "|---|---|---|---|---|---|"
    for profile, some in found.items():
        moved = [c.comparison.moved for c in some if isinstance(c.comparison.moved, Moved)]
        samples, away = sum(m.samples for m in moved), sum(m.closer + m.farther for m in moved)
        verdicts = Counter(c.comparison.verdict for c in some)
        said = ", ".join(f"{verdict} {n}" for verdict, n in verdicts.items())
        yield f"| {profile} | {len(some)} | {sum(c.differs for c in some)} | {samples} | {away} | {said} |"
    for profile, some in found.items():
        for c in some:
            if c.differs:
                reasons = ", ".join(f"{reason.id} {reason.count}" for reason in c.comparison.reasons)
                yield f"- {profile}, baseline of seed {c.baseline_seed}, candidate of seed {c.seed}: {reasons}."


def _rule_cells(count: RuleCount) -> str:
    cells = [short(count.rule), str(count.failed), str(count.warned)]
    if count.nearest is None or count.at is None:
        return " | ".join([*cells, "", "", ""])
    seeds = f"{count.at.policy_seed}, {count.at.seed}"
    return " | ".join([*cells, count.nearest.observed, count.nearest.threshold, seeds])
