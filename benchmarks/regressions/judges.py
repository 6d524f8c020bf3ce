"""What judges an audit: the first policy of an accepted one, and rules on the change from it."""

from __future__ import annotations

from dataclasses import dataclass

from auditor.documents.results import Gate, Results
from auditor.policy.document import Policy, PolicyRule, parse_policy
from auditor.policy.first_policy import first_policy
from auditor.policy.gate_decision import decide

FIRST, RELATIVE = "first policy", "against the baseline"
RULES = """\
version = 1

[[rules]]
measure = "performance.accuracy"
max_decrease = 0.02

[[rules]]
measure = "characteristics.margin_l2_attack"
aggregate = "mean"
max_decrease = "5 %"

[[rules]]
measure = "characteristics.margin_l2_attack"
aggregate = "each"
max_decrease = "10 %"

[[rules]]
measure = "characteristics.idc"
aggregate = "mean"
max_increase = "10 %"
"""


@dataclass(frozen=True)
class Judge:
    """A policy, and the audit that its relative rules refer to."""

    policy: Policy
    baseline: Results | None = None

    def gate(self, results: Results) -> Gate:
        """The decision on another audit.

        A gate refuses a baseline of another seed, so that nobody chooses among seeds; what the numbers of other seeds
        do is what is asked here, so the baseline passes for one of the candidate's seed.
        """
        if self.baseline is None:
            return decide(results, self.policy)
        settings = self.baseline.settings.model_copy(update={"seed": results.settings.seed})
        return decide(results, self.policy, self.baseline.model_copy(update={"settings": settings}))

    def rule(self, name: str) -> PolicyRule | None:
        """The rule of the policy that has this name; none for validity, coverage and the baseline's settings."""
        return next((rule for rule in self.policy.rules if rule.name == name), None)


def judges(accepted: Results) -> dict[str, Judge]:
    """By name: the policy that ``deepdig-audit init-policy`` writes, and ``RULES`` with the audit as baseline."""
    return {
        FIRST: Judge(parse_policy(first_policy(accepted), "policy.toml")),
        RELATIVE: Judge(parse_policy(RULES, "relative.toml"), accepted),
    }
