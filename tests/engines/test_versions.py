"""Nodes compute with what the machine of the command computes with, or not at all."""

from __future__ import annotations

import pytest

from auditor.engines.versions import TOOL, check_versions, versions
from auditor.errors import InputRefused


def test_this_machine_agrees_with_itself():
    here = versions()
    assert {TOOL, "python", "torch", "numpy"} <= here.keys()
    check_versions(here, dict(here), "itself")


@pytest.mark.parametrize(
    ("there", "wanted", "found"),
    [
        ({"torch": "2.12"}, "torch 2.13", "torch 2.12"),
        ({"onnxruntime": "1.29"}, "onnxruntime none", "onnxruntime 1.29"),
        ({"python": "3.12.1", TOOL: "0.0.1"}, f"{TOOL} 1, python 3.11.4", f"{TOOL} 0.0.1, python 3.12.1"),
    ],
)
def test_a_difference_is_one_line_with_both(there: dict[str, str], wanted: str, found: str):
    here = {TOOL: "1", "python": "3.11.4", "torch": "2.13"}
    with pytest.raises(InputRefused) as caught:
        check_versions(here, {**here, **there}, "10.0.0.7")
    assert caught.value.expected == f"{wanted} on every node, as here"
    assert caught.value.found == f"{found} on 10.0.0.7"
    assert "\n" not in str(caught.value)


def test_a_package_that_is_missing_on_the_node_differs():
    with pytest.raises(InputRefused, match=r"expected torch 2\.13 on every node, as here; found torch none on there"):
        check_versions({"torch": "2.13"}, {}, "there")
