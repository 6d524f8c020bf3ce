"""Waivers: rules that may fail for a while without failing the gate, with the reason and the last day shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from auditor.documents.results import Results, Rule, Waiver
from auditor.numbers.intervals import Classes
from auditor.policy.document import Policy, PolicyRule, PolicyWaiver
from auditor.policy.measure_places import known, values
from auditor.policy.rule_outcome import waived_places

FAILING = ("fail", "not_measured")


@dataclass(frozen=True)
class Waivers:
    """The waivers of a policy on one day: those that hold, and those that have expired."""

    holding: Sequence[PolicyWaiver]
    expired: Sequence[PolicyWaiver]

    @staticmethod
    def of(policy: Policy, today: date | None) -> Waivers:
        """The waivers of a policy; ``today`` may be missing only where there is none."""
        if not policy.waivers:
            return Waivers((), ())
        assert today is not None, "a policy with waivers is decided on a day"
        holding = [waiver for waiver in policy.waivers if today <= waiver.until]
        return Waivers(holding, [waiver for waiver in policy.waivers if waiver not in holding])

    def applied(self, rule: Rule) -> Rule:
        """The rule, waived where it fails and a waiver is about it as a whole."""
        if rule.status not in FAILING:
            return rule
        found = next((w for w in self.holding if w.rule == rule.id and w.place is None), None)
        return rule if found is None else _waived(rule, found)

    def places(self, rule: PolicyRule, results: Results) -> dict[Classes, PolicyWaiver]:
        """Places at which the rule may fail, each with the waiver that says so.

        Raises:
            UsageError: a waiver names a place that is none of the rule's.
        """
        found: dict[Classes, PolicyWaiver] = {}
        for waiver in self.holding:
            if waiver.rule == rule.name and waiver.place is not None:
                measure = known(rule.measure, results.definitions, rule.name)
                places = values(results, rule.measure)
                found |= dict.fromkeys(
                    waived_places(waiver.place, rule, measure, places, results.data.class_names), waiver
                )
        return found

    def applied_at(self, rule: Rule, places: Mapping[Classes, PolicyWaiver]) -> Rule:
        """The rule, waived because it fails at these places only; the waiver shown is that of the place it reports."""
        return _waived(rule, places.get(tuple(rule.classes)) or next(iter(places.values())))

    def expired_rules(self) -> Iterator[Rule]:
        """A rule that warns of each waiver that has no effect any more."""
        for waiver in self.expired:
            at = f" at {waiver.place}" if waiver.place is not None else ""
            yield Rule(
                id=f"waivers.{waiver.rule}{at}", status="warn", observed="expired", severity="warn",
                threshold=f"until {waiver.until.isoformat()}",
                message=f"The waiver of {waiver.rule}{at} expired on {waiver.until.isoformat()} and has no effect"
                f" (its reason was: {waiver.reason}).",
            )  # fmt: skip


def _waived(rule: Rule, waiver: PolicyWaiver) -> Rule:
    until, place = waiver.until.isoformat(), waiver.place or ""
    at = f" at {place}" if place else ""
    return rule.model_copy(
        update={
            "status": "waived",
            "message": f"Waived{at} until {until}: {waiver.reason}. {rule.message}",
            "waiver": Waiver(reason=waiver.reason, until=until, place=place),
        }
    )
