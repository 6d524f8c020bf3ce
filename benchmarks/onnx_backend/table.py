"""What came of the backend tests, group by group, as a page of Markdown."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version

import onnx
import onnxruntime

from auditor.models.onnx.graph.registry import operators
from benchmarks.onnx_backend.cases import FOLDERS, Case
from benchmarks.onnx_backend.check import failure
from benchmarks.onnx_backend.scope import not_applicable
from benchmarks.onnx_backend.versions import DEPARTURES

NO_CASES = "no backend test; tested against ONNX Runtime"


@dataclass
class Count:
    """The tests of one operator or folder."""

    passed: int = 0
    failed: list[str] = field(default_factory=list)
    not_applicable: Counter[str] = field(default_factory=Counter)

    def row(self, group: str, versions: Iterable[int] = ()) -> str:
        """One line of the table."""
        left_out = sum(self.not_applicable.values())
        reasons = [*self.failed, *self.not_applicable]
        known = group in operators or not self.passed or group in (*FOLDERS, "light")
        notes = reasons if known else ["written out as the standard defines it", *reasons]
        return (
            f"| {group} | {self.passed} | {left_out} | {len(self.failed)} | {_listed(versions)} | {'; '.join(notes)} |"
        )


def tally(cases: Iterable[Case]) -> dict[str, Count]:
    """Run the cases; count them by group."""
    counts: dict[str, Count] = {}
    for case in cases:
        count = counts.setdefault(case.group, Count())
        reason = not_applicable(case)
        if reason is not None:
            count.not_applicable[reason] += 1
        elif (wrong := failure(case)) is not None:
            count.failed.append(f"{case.name}: {wrong}")
        else:
            count.passed += 1
    return counts


def page(counts: Mapping[str, Count], versions: Mapping[str, set[int]], different: list[str]) -> str:
    """The whole page: what was installed, sums, reasons, operators.

    Args:
        counts: tests by group.
        versions: those of each operator that agree with ONNX Runtime.
        different: disagreements with it.
    """
    nodes = {group: count for group, count in counts.items() if group not in (*FOLDERS, "light")}
    stored = {group: count for group, count in counts.items() if group not in nodes}
    reasons = sum((count.not_applicable for count in counts.values()), Counter[str]())
    passed, failed = sum(count.passed for count in counts.values()), sum(len(c.failed) for c in counts.values())
    untested = sorted(set(operators.names()) - set(nodes))
    packages = ", ".join(f"{name} {version(name)}" for name in ("onnx", "torch", "numpy"))
    head = "|---|---|---|---|---|---|"
    lines = [
        "# ONNX operators",
        "",
        "What the importer makes of the backend tests of the `onnx` package: every test of its `node` list, and the",
        "stored models under `pytorch-converted`, `pytorch-operator`, `simple` and `light`. Each output is compared",
        "once for every input of the model: that input is the data, the others are constants.",
        "",
        "Command: `python -m benchmarks.onnx_backend`  ",
        f"Packages: {packages}; Python {platform.python_version()}  ",
        f"Newest operator set of this onnx: {onnx.defs.onnx_opset_version()}  ",
        f"Date: {datetime.now(UTC).date()}",
        "",
        f"**{passed} passed, {sum(reasons.values())} not applicable, {failed} failed**; the importer knows "
        f"{len(operators.names())} operators.",
        "",
        "Not applicable are tests without bearing on the gradient of a classifier's scores:",
        "",
        "| tests | reason |",
        "|---|---|",
        *(f"| {number} | {reason} |" for reason, number in reasons.most_common()),
        "",
        "## Stored models",
        "",
        "| folder | passed | not applicable | failed | versions | notes |",
        head,
        *(count.row(group) for group, count in stored.items()),
        "",
        "## Operators",
        "",
        "Versions: those under which the same cases, as far as they are valid there, agree with ONNX Runtime",
        f"{onnxruntime.__version__}. Changes of form (attributes that became inputs) are in",
        "`tests/models/onnx/graph/test_operators_against_runtime.py`.",
        f"{sum(map(len, versions.values()))} versions of {len(versions)} operators agree, "
        f"{len(different)} cases do not{': ' if different else '.'}{'; '.join(different)}",
        "",
        "ONNX Runtime departs from the standard in a few cases, which are left out there:",
        "",
        *(f"- `{name}`: {how}" for name, how in DEPARTURES.items()),
        "",
        "| operator | passed | not applicable | failed | versions | notes |",
        head,
        *(nodes[group].row(group, versions.get(group, ())) for group in sorted(nodes)),
        *(f"| {name} | 0 | 0 | 0 |  | {NO_CASES} |" for name in untested),
        "",
        "Gradients of every operator that has one are compared with finite differences in",
        "`tests/models/onnx/graph/test_operator_gradients.py`.",
        "",
    ]
    return "\n".join(lines)


def _listed(versions: Iterable[int]) -> str:
    return ", ".join(str(number) for number in sorted(versions))
