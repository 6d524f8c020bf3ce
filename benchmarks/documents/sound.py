"""Each document that the tool reads, as the tool or a person would write it: small, and in agreement with itself."""

from __future__ import annotations

import tempfile
from pathlib import Path

from auditor.documents.messages import Begun, PartDone
from auditor.documents.pair_outcomes import PairOutcome, PairsPart
from auditor.documents.results import Cost, Results, RunFacts, to_json
from auditor.worker.journal import JOURNAL, Journal
from tests.render.sample_results import synthetic_results

RULES = """version = 1
strict = false
[validity]
warn = "warn"
[coverage]
pairs = 1
[[rules]]
id = "accuracy"
measure = "performance.accuracy"
min = 0.8
[[rules]]
measure = "performance.per_class.accuracy"
classes = ["4", "nine"]
min = 0.5
severity = "warn"
[[rules]]
measure = "characteristics.margin_l2_attack"
aggregate = "worst"
pairs = ["4:nine"]
min = 0.1
[[rules]]
measure = "summary.idc.mean"
max = 0.5
"""
RELATIVE = """version = 1
[[rules]]
measure = "performance.accuracy"
max_decrease = 0.1
[[rules]]
measure = "characteristics.margin_l2_attack"
aggregate = "mean"
max_decrease = "20 %"
[[rules]]
measure = "characteristics.idc"
max_increase = 0.4
"""
OPTIONS = """profile = "quick"
pairs = ["0:1", "3:8"]
seed = 7
samples-per-class = 100
mean = [0.1307]
std = [0.3081]
format = ["html", "json"]
quiet = true
time-budget = "30m"
"""


def sound_documents() -> dict[str, bytes]:
    """The documents by name: results of three classes and one pair with images."""
    results = synthetic_results(names=["0", "4", "nine"], chosen=[(1, 2)])
    cost = Cost(forward=1000, backward=100)
    run = RunFacts(
        schema_version="2.0", started="2026-01-02T03:04:05+00:00", duration_seconds=9.0, stages={"predictions": 1.0},
        host={"cpu": "one"}, peak_memory_bytes=10**8, cost=cost,
    )  # fmt: skip
    return {
        "results.json": to_json(results).encode(),
        "run.json": to_json(run).encode(),
        "policy.toml": RULES.encode(),
        "relative.toml": RELATIVE.encode(),
        "audit.toml": OPTIONS.encode(),
        "names.txt": "\n".join(results.data.class_names).encode(),
        "audit.journal": _journal(results, cost),
    }


def _journal(results: Results, cost: Cost) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder), keep=False)
        journal.keep(Begun(facts={"version": results.tool.version, "seed": "0"}, changed=[], taken=0, wanted=1))
        pairs = [PairOutcome(pair.classes, [d.model_dump() for d in pair.directions]) for pair in results.pairs]  # type: ignore[arg-type]
        journal.keep(PartDone(part=PairsPart(pairs=pairs, cost=cost, seconds=1.0)))
        return (Path(folder) / JOURNAL).read_bytes()
