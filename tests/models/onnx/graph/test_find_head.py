"""The head of a classifier, found by walking back from the scores."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from auditor.documents.results import NotMeasured
from auditor.models.graphs.protocol import as_vectors
from auditor.models.onnx.graph import find_head, read_graph


def head_of(*nodes, opset=18, **weights):
    graph = helper.make_graph(
        list(nodes),
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, None)],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.ones(shape, np.float32), name) for name, shape in weights.items()],
    )
    versions = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 1)]
    return find_head(read_graph(helper.make_model(graph, opset_imports=versions), "x", "score"))


def node(op, *names, **attributes):
    return helper.make_node(op, list(names[:-1]), [names[-1]], **attributes)


def test_linear_layer_at_the_end():
    head = head_of(node("Relu", "x", "h"), node("Gemm", "h", "w", "score"), w=(4, 2))
    assert (head.logits, head.link, head.linear, head.embedding, head.form) == ("score", "none", True, "h", "flat")


def test_embedding_of_a_lone_linear_layer_is_its_input():
    assert head_of(node("Gemm", "x", "w", "score"), w=(4, 2)).embedding == "x"


@pytest.mark.parametrize(("op", "link"), [("Softmax", "softmax"), ("Sigmoid", "sigmoid"), ("LogSoftmax", "none")])
def test_logits_lie_before_the_link(op, link):
    head = head_of(
        node("Relu", "x", "h"),
        node("MatMul", "h", "w", "p"),
        node("Add", "b", "p", "z"),
        node(op, "z", "y"),
        node("Identity", "y", "score"),
        w=(4, 2),
        b=(2,),
    )
    assert (head.logits, head.link, head.embedding) == ("z", link, "h")


def test_logarithm_of_softmax_is_a_logit_head():
    head = head_of(node("Gemm", "x", "w", "z"), node("Softmax", "z", "p"), node("Log", "p", "score"), w=(4, 2))
    assert (head.logits, head.link, head.normalised) == ("z", "none", False)


def test_softmax_inside_the_body_is_no_link():
    head = head_of(node("Softmax", "x", "a"), node("Mul", "a", "scale", "score"), scale=(1,))
    assert (head.logits, head.link) == ("score", "none")


def test_convolution_averaged_over_positions():
    head = head_of(
        node("Relu", "x", "h"),
        node("Conv", "h", "w", "c"),
        node("Relu", "c", "r"),
        node("GlobalAveragePool", "r", "p"),
        node("Flatten", "p", "score"),
        w=(2, 4, 1, 1),
    )
    assert (head.embedding, head.form) == ("h", "mean over positions")


def test_convolution_over_the_whole_input():
    head = head_of(node("Relu", "x", "h"), node("Conv", "h", "w", "c"), node("Flatten", "c", "score"), w=(2, 4, 3, 3))
    assert (head.embedding, head.form) == ("h", "flat")


def test_linear_layer_on_every_token():
    head = head_of(node("Relu", "x", "h"), node("MatMul", "h", "w", "t"), node("ReduceMean", "t", "score"), w=(4, 2))
    assert (head.embedding, head.form) == ("h", "mean over tokens")


def test_linear_classifier_with_softmax_inside():
    linear = helper.make_node(
        "LinearClassifier", ["x"], ["label", "p"], domain="ai.onnx.ml", post_transform="SOFTMAX",
        coefficients=[1.0, 2.0], intercepts=[0.0, 1.0], classlabels_ints=[0, 1],
    )  # fmt: skip
    head = head_of(linear, helper.make_node("Normalizer", ["p"], ["score"], domain="ai.onnx.ml", norm="L1"))
    assert (head.link, head.normalised, head.embedding) == ("softmax", True, "x")


@pytest.mark.parametrize(
    ("nodes", "reason"),
    [
        ([("Relu", "x", "a"), ("Add", "a", "x", "score")], "join two computed tensors in Add"),
        ([("Relu", "x", "a"), ("MatMul", "w", "a", "score")], "no linear layer before MatMul"),
        ([("Tanh", "x", "score")], "no linear layer before Tanh"),
        ([("Flatten", "x", "score")], "no linear layer between the scores and the input"),
        ([("Conv", "x", "w", "c"), ("GlobalMaxPool", "c", "score")], "3x3 convolution over many positions"),
    ],
)
def test_reason_when_there_is_none(nodes, reason):
    head = head_of(*(node(*parts) for parts in nodes), w=(2, 4, 3, 3))
    assert isinstance(head.embedding, NotMeasured)
    assert reason in head.embedding.not_measured


def test_vectors_of_feature_maps_and_tokens():
    maps = torch.arange(24.0).view(2, 3, 2, 2)
    torch.testing.assert_close(as_vectors(maps, "mean over positions"), maps.mean((2, 3)))
    torch.testing.assert_close(as_vectors(maps[:, :, 0], "mean over tokens"), maps[:, :, 0].mean(1))
    assert as_vectors(maps, "flat").shape == (2, 12)
    assert as_vectors(maps[:, :, 0, 0], "mean over positions").shape == (2, 3)


def test_two_heads_that_read_one_tensor_have_one_embedding():
    """Distilled networks average two linear layers; where these read other tensors there is no one embedding."""
    weight = numpy_helper.from_array(np.ones((4, 3), np.float32), "w")
    for second, expected in (("h", "h"), ("x", None)):
        nodes = [
            helper.make_node("Relu", ["x"], ["h"]),
            helper.make_node("MatMul", ["h", "w"], ["a"]),
            helper.make_node("MatMul", [second, "w"], ["b"]),
            helper.make_node("Add", ["a", "b"], ["z"]),
        ]
        image = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])
        scores = helper.make_tensor_value_info("z", TensorProto.FLOAT, ["n", 3])
        graph = helper.make_graph(nodes, "heads", [image], [scores], [weight])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
        found = find_head(read_graph(model, "x", "z")).embedding
        assert found == expected if expected else "join two computed tensors" in found.not_measured
