"""Results with a gate, for the outputs that show one, and names that try to be more than names."""

from __future__ import annotations

from auditor.documents.results import Results
from auditor.policy.document import parse_policy
from auditor.policy.gate_decision import decide
from tests.render.sample_results import synthetic_results

RULES = """
version = 1
[[rules]]
measure = "performance.accuracy"
min = 0.999
[[rules]]
measure = "performance.ece"
max = 0.5
[[rules]]
measure = "characteristics.margin_l2_attack"
aggregate = "worst"
min = 0.6
[[rules]]
measure = "characteristics.edc_train_distance_misclassified"
aggregate = "mean"
max = 0.5
[[rules]]
id = "warned"
measure = "characteristics.idc"
max = 0.01
severity = "warn"
"""
HOSTILE = [
    "<img src=x onerror=alert(1)>", "`code` | pipe", "[link](https://evil.example)", "@somebody #12 GH-1",
    "</failure>]]><x/>", "\u202eoverride\x1b[31m", "**bold** _it_ ~~no~~ :tada:", "```", "~~~ fence",
    "www.evil.example",
]  # fmt: skip


def gated(**options: object) -> Results:
    """Results in which two rules fail, one was not measured, one warns and one passes."""
    results = synthetic_results(images=False, **options)  # type: ignore[arg-type]
    return results.model_copy(update={"gate": decide(results, parse_policy(RULES, "p"))})


def hostile(**options: object) -> Results:
    """The same with hostile names of classes, model and data."""
    results = gated(names=HOSTILE, **options)
    return results.model_copy(
        update={
            "model": results.model.model_copy(update={"file": "<b>&`|`.onnx"}),
            "data": results.data.model_copy(update={"name": "](x) @me"}),
        }
    )
