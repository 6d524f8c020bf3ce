"""The onnx package's backend tests: every applicable one passes, and the published table says what happens.

How a case is run, and which are not applicable and why, is in ``benchmarks/onnx_backend``.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from auditor.models.onnx.graph.registry import operators
from benchmarks.onnx_backend.cases import Case, folder_cases, node_cases
from benchmarks.onnx_backend.check import failure
from benchmarks.onnx_backend.scope import not_applicable
from benchmarks.onnx_backend.table import Count, tally
from benchmarks.onnx_backend.versions import compare

PAGE = Path(__file__).parents[4] / "docs" / "onnx-operators.md"
ROWS = {
    cells[0]: cells[1:]
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and len(cells := [cell.strip() for cell in line.strip("|").split("|")]) == 6
    if cells[1].isdigit()
}
# Other versions bring other cases; the page speaks of those that it names.
AS_PUBLISHED = all(
    text in PAGE.read_text(encoding="utf-8")
    for text in (f"onnx {onnx.__version__},", f"{onnxruntime.__version__}. Changes")
)
RENEW = "run `python -m benchmarks.onnx_backend`"


@pytest.fixture(scope="module")
def cases():
    """The standard's node cases by operator, and the small stored models by folder."""
    by_group = defaultdict(list)
    for case in [*node_cases(), *folder_cases()]:
        by_group[case.group].append(case)
    return by_group


@pytest.mark.parametrize("group", sorted(set(ROWS) - {"light"}))
def test_cases_pass_and_are_counted(cases, group):
    count = tally(cases.get(group, [])).get(group, Count())
    assert count.failed == []
    assert not AS_PUBLISHED or [str(count.passed), str(sum(count.not_applicable.values())), "0"] == ROWS[group][:3], (
        RENEW
    )


def test_page_has_a_row_for_every_operator_and_none_that_fails(cases):
    assert not AS_PUBLISHED or set(ROWS) == {*operators.names(), *cases, "light"}, RENEW
    assert {row[2] for row in ROWS.values()} == {"0"}


def test_older_versions_agree_with_the_runtime(cases):
    """A third of the operators, because the whole takes a quarter of a minute; the command runs all of them."""
    some = [case for group in sorted(cases)[::3] for case in cases[group]]
    agreeing, different = compare(some)
    assert different == []
    assert not AS_PUBLISHED or {group: sorted(versions) for group, versions in agreeing.items()} == {
        group: [int(number) for number in ROWS[group][3].split(",")] for group in sorted(cases)[::3] if ROWS[group][3]
    }, RENEW


def test_a_wrong_output_is_a_failure():
    graph = helper.make_graph(
        [helper.make_node("Neg", ["x"], ["y"])],
        "g",
        *([helper.make_tensor_value_info(name, TensorProto.FLOAT, [2])] for name in "xy"),
    )
    x = np.array([1.0, -2.0], np.float32)
    model = helper.make_model(graph)
    assert failure(Case("right", "Neg", model, [x], [-x])) is None
    assert "not close" in failure(Case("wrong", "Neg", model, [x], [x]))


def test_what_the_importer_does_not_know_is_a_failure_not_a_gap():
    graph = helper.make_graph(
        [helper.make_node("Unheard", ["x"], ["y"])],
        "g",
        *([helper.make_tensor_value_info(name, TensorProto.FLOAT, [2])] for name in "xy"),
    )
    x = np.zeros(2, np.float32)
    case = Case("unknown", "Unheard", helper.make_model(graph), [x], [x])
    assert not_applicable(case) is None
    assert "Unheard" in failure(case)
