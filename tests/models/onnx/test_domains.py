"""Operators of the standard and of ONNX Runtime alone, wherever in a graph they stand."""

from __future__ import annotations

import pytest
from onnx import TensorProto, helper

from auditor.models.onnx.domains import check_domains
from benchmarks.hostile.onnx_parts import classifier, node


@pytest.mark.parametrize(
    ("op", "domain"),
    [("Relu", ""), ("Relu", "ai.onnx"), ("Normalizer", "ai.onnx.ml"), ("FlexAttention", "ai.onnx.preview"),
     ("QGemm", "com.microsoft")],
)  # fmt: skip
def test_known_domains_pass(op: str, domain: str):
    check_domains(classifier([node(op, "zero", "more", domain=domain)]))


@pytest.mark.parametrize(
    ("op", "domain", "shown"),
    [("Magic", "com.evil", "com.evil::Magic"), ("PyOp", "com.microsoft", "com.microsoft::PyOp"),
     ("PyOp", "", "ai.onnx::PyOp"), ("Two\nlines", "a\nb", "a b::Two lines")],
)  # fmt: skip
def test_others_are_named(op: str, domain: str, shown: str):
    with pytest.raises(ValueError, match=f"ONNX Runtime: {shown}$"):
        check_domains(classifier([node(op, "zero", "more", domain=domain)]))


def test_branches_are_looked_into_and_five_are_named():
    result = helper.make_tensor_value_info("t", TensorProto.FLOAT, None)
    steps = [node(f"Op{i}", "zero", "t" if not i else f"u{i}", domain="com.evil") for i in range(7)]
    branch = helper.make_graph(steps, "branch", [], [result])
    with pytest.raises(ValueError, match=r"Op4 and 2 more$"):
        check_domains(classifier([node("If", "flag", "more", then_branch=branch, else_branch=branch)]))
