"""What makes a baseline fit to be compared with: the same thing measured, with the same precision, by another run.

A fact in which it differs gives a rule ``baseline.<fact>`` that fails, because the change that a relative rule sees may
come from it: easier samples, fewer of them, a search that goes less deep. What changes no number only warns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from auditor.documents.results import EmbeddingFact, Results, Rule
from auditor.errors import InputRefused
from auditor.policy.common_samples import gradient_route, pixels
from auditor.policy.document import UNLIKE, Policy

IN_EMBEDDING = re.compile(r"(characteristics|summary|baselines\.[^.]+)\.edc_")
"""How the names of measures begin that are taken in the model's embedding."""
Differences = dict[str, tuple[str, str]]


def refuse_partial(baseline: Results) -> None:
    """A baseline of which a part is missing is none: what it lacks cannot get worse.

    Raises:
        InputRefused: it lacks class pairs that were asked for.
    """
    if baseline.coverage.partial:
        found = f"a partial one: {baseline.coverage.audited:,} of {baseline.coverage.requested:,} class pairs"
        raise InputRefused("a complete audit as baseline", found, "audit the accepted model whole and give that")


def same_run(results: Results, baseline: Results) -> bool:
    """Whether both documents say the same of the same model: all but the decision and how the command was written."""
    return _measured(results) == _measured(baseline)


def _measured(results: Results) -> Results:
    settings = results.settings.model_copy(update={"command": "", "report_pairs": 0, "parameters": {}})
    return results.model_copy(update={"settings": settings, "gate": None, "environment": {}, "cost": None})


def alike(results: Results, baseline: Results, policy: Policy) -> Iterator[Rule]:
    """A rule for each fact in which the baseline is not like the candidate, and for each check of it that failed."""
    for check in baseline.validity:
        if check.status == "fail":
            yield Rule(
                id=f"baseline.validity.{check.id}", status="fail", observed="fail", threshold="ok",
                message=f"The audit of the baseline is not valid: {check.message}",
            )  # fmt: skip
    unlike = _unlike(results, baseline, policy)
    if "samples" not in unlike and (thinner := _thinner(results, baseline)):
        unlike["samples"] = thinner
    for fact, (there, here) in unlike.items():
        assert fact in UNLIKE
        yield Rule(
            id=f"baseline.{fact}", status="fail", observed=there, threshold=here,
            message=f"The baseline was audited with another {WORDS[fact]}: {there}; the candidate with {here}. Changes"
            " may come from that; audit both alike.",
        )  # fmt: skip
    if notes := [*_notes(results, baseline)]:
        yield Rule(
            id="baseline.settings", status="warn", observed="different", threshold="the same", severity="warn",
            message=f"{'; '.join(notes)}.",
        )  # fmt: skip


WORDS = {
    "seed": "seed, which draws the samples", "splits": "number of samples", "profile": "profile",
    "generator": "generator", "samples": "number of sources a class", "input": "input shape",
    "classes": "number of outputs", "preprocessing": "preparation of the inputs", "route": "route of the gradients",
    "embedding": "embedding, in which a rule of the policy measures",
}  # fmt: skip


def _unlike(results: Results, baseline: Results, policy: Policy) -> Differences:
    """By fact, what the baseline has and what the candidate has; facts in which they agree are left out."""
    facts = zip(_facts(baseline).items(), _facts(results).values(), strict=True)
    found = {fact: (there, here) for (fact, there), here in facts if there != here}
    if not any(rule.relative and IN_EMBEDDING.match(rule.measure) for rule in policy.rules):
        found.pop("embedding", None)
    return found


def _thinner(results: Results, baseline: Results) -> tuple[str, str] | None:
    """The first place of which the baseline knows less than half as many samples, which audits made alike never do."""
    for where, there, here in _sizes(results, baseline):
        if 2 * there < here:
            return f"{there:,} samples {where}", f"{here:,}"
    return None


def _sizes(results: Results, baseline: Results) -> Iterator[tuple[str, int, int]]:
    """Where single samples stand, and how many in the baseline and in the candidate."""
    yield "of the test split", len(baseline.samples.test.index), len(results.samples.test.index)
    before = {(d.source, d.target): d.margins for pair in baseline.pairs for d in pair.directions}
    for d in (d for pair in results.pairs for d in pair.directions):
        if (margins := before.get((d.source, d.target))) is None:
            continue  # a rule on margins there says so
        for split, found in d.margins.items():
            there = margins[split].index if split in margins else []
            yield f"with a margin from {d.source} to {d.target}", len(there), len(found.index)


def _facts(results: Results) -> dict[str, str]:
    settings, model, splits, embedding = (
        results.settings, results.model, results.data.splits, results.model.embedding,
    )  # fmt: skip
    return {
        "seed": str(settings.seed),
        "splits": f"{splits.train:,} to train and {splits.test:,} to test",
        "profile": settings.profile,
        "generator": settings.generator,
        "samples": f"{settings.samples_per_class:,}",
        "input": " x ".join(map(str, model.input_shape)),
        "classes": f"{model.num_classes:,}",
        "preprocessing": pixels(results),
        "route": gradient_route(results),
        "embedding": f"{embedding.name}, {embedding.size:,} wide" if isinstance(embedding, EmbeddingFact) else "none",
    }


def _notes(results: Results, baseline: Results) -> Iterator[str]:
    """What is said and fails nothing: it changes no number of itself, or it is no fault of the baseline."""
    if results.tool.version != baseline.tool.version:
        yield f"The baseline was audited by version {baseline.tool.version} instead of {results.tool.version}"
    layouts = [side.model.preprocessing.partition("; layout ")[2] for side in (baseline, results)]
    if layouts[0] != layouts[1]:
        yield f"The baseline's axes are in another order, {layouts[0]} instead of {layouts[1]}"
    if isinstance(results.model.sha256, str) and results.model.sha256 == baseline.model.sha256:
        yield "The baseline is an audit of this very model file, so no change of the model can show"
