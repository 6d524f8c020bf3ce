"""Plug-ins that the calling program has registered itself, where the worker process cannot have them.

The worker imports the entry points of distributions, and nothing of the program that starts it: the file that it opens
can hold anything. What is asked for by name is refused; of all else the results say that it has no part in them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.documents.plan import Plan
from auditor.documents.results import Results, Validity
from auditor.errors import UsageError
from auditor.plugin_registry import OfThisProgram, of_this_program

if TYPE_CHECKING:
    from auditor.policy.document import Policy

OF_THE_WORKER = ("characteristic", "dataset", "generator", "model format")
"""Kinds of plug-ins that work in the worker."""
WHAT_TO_DO = "put it into a distribution with an entry point (docs/extending.md)"


def refuse_own(plan: Plan, policy: Policy | None) -> None:
    """Refuse an audit by the worker that asks by name for what this program alone has.

    Raises:
        UsageError: its generator, its data or a rule of its policy is such.
    """
    for one in of_this_program(*OF_THE_WORKER):
        asked = _asks(one, plan, policy)
        if asked:
            raise UsageError(
                f"expected {asked} that the worker process has, which opens model files; found {one}, which this"
                f" program has registered; {WHAT_TO_DO}, or give the model as an object"
            )


def _asks(one: OfThisProgram[object], plan: Plan, policy: Policy | None) -> str:
    """What asks for a plug-in, in words; empty where nothing does."""
    if one.kind == "generator":
        return "a generator" if plan.generator == one.name else ""
    if one.kind == "dataset":
        return "data" if plan.data is not None and plan.data.data == one.name else ""
    ids = set(getattr(one.entry, "definitions", {}))
    named = {part for rule in (policy.rules if policy is not None else []) for part in rule.measure.split(".")}
    return f"a measure for the rule on {min(ids & named)}" if ids & named else ""


def without_own(results: Results) -> Results:
    """Results of the worker, with a warning that names what this program has registered and the worker has not."""
    if not (own := of_this_program(*OF_THE_WORKER)):
        return results
    text = (
        f"What a program registers for itself has no part in the audit of a model file, which a worker process opens:"
        f" {', '.join(map(str, own))}. To have it there, {WHAT_TO_DO}."
    )
    before = [check.message for check in results.validity if check.id == "plugins"]
    row = Validity(id="plugins", status="warn", message=" ".join([*before, text]))
    return results.model_copy(update={"validity": [*(c for c in results.validity if c.id != "plugins"), row]})
