"""Whether a graph shows a sigmoid, or a part of one, behind its last layer."""

from __future__ import annotations

import pytest
from onnx import NodeProto, TensorProto, helper

from auditor.models.onnx.graph.graph import read_graph
from auditor.models.onnx.graph.walkable import bounded_output
from benchmarks.hostile.onnx_parts import classifier, node, value

LAYER = [node("Flatten", "x", "flat"), node("MatMul", "flat w", "z")]


def seen(*tail: NodeProto, layer: list[NodeProto] = LAYER) -> bool | None:
    model = classifier(last=[*layer, *tail], outputs=[value("y", shape=["n", 1])])
    return bounded_output(read_graph(model, "x", "y"))


@pytest.mark.parametrize("op", ["Sigmoid", "HardSigmoid", "Softmax", "Tanh", "Exp", "Erf"])
def test_what_squashes_is_seen_through_what_follows(op: str):
    assert seen(node(op, "z", "s"), node("ReduceMean", "s", "m"), node("Identity", "m", "y")) is True


@pytest.mark.parametrize("op", ["Relu", "Identity", "Abs"])
def test_what_does_not_squash(op: str):
    assert seen(node(op, "z", "y")) is False


def test_a_sigmoid_before_the_last_layer_does_not_count():
    before = [node("Flatten", "x", "flat"), node("Sigmoid", "flat", "s"), node("MatMul", "s w", "z")]
    assert seen(node("Relu", "z", "y"), layer=before) is False


def test_classifiers_and_transformations_of_the_machine_learning_domain():
    tree = {"domain": "ai.onnx.ml"}
    assert seen(node("TreeEnsembleRegressor", "flat", "y", **tree)) is False
    assert seen(node("TreeEnsembleRegressor", "flat", "y", post_transform="LOGISTIC", **tree)) is True
    assert seen(node("TreeEnsembleClassifier", "flat", "label y", **tree)) is True


def test_a_branch_hides_what_it_does():
    result = helper.make_tensor_value_info("t", TensorProto.FLOAT, None)
    branch = helper.make_graph([node("Identity", "z", "t")], "branch", [], [result])
    assert seen(node("If", "flag", "y", then_branch=branch, else_branch=branch)) is None
