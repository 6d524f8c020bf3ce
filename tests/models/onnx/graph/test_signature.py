"""How a node's inputs and attributes reach the parameters of an operator."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from auditor.models.onnx.graph import UnsupportedGraph, import_graph
from auditor.models.onnx.graph.registry import operator

X = np.arange(12, dtype=np.float32).reshape(3, 1, 4)


def computed(model):
    return import_graph(model, model.graph.output[0].name)(torch.from_numpy(X))


def test_an_attribute_that_became_an_input_is_one_parameter(build):
    for model in (build("Squeeze", X, opset=11, axes=[1]), build("Squeeze", X, [np.array([1])], opset=13)):
        assert computed(model).shape == (3, 4)


@pytest.mark.parametrize("opset", [6, 11])
def test_an_input_may_be_absent_before_another(build, opset):
    model = build("Clip", X, opset=6, max=2.5) if opset == 6 else build("Clip", X, [None, np.array(2.5, np.float32)])
    assert computed(model).max() == 2.5
    assert computed(model).min() == 0


def test_what_is_known_is_read_once_and_kept_nowhere_else(build):
    module = import_graph(build("Reshape", X, [np.array([0, 4])]), "y0")
    assert not list(module.buffers())
    assert [step.inputs for step in module._steps] == [("input",)]


def test_sizes_that_are_computed_are_read_at_each_call():
    """The start is half the number of rows; what stands behind it is known and read with it."""
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"], end=1),
        helper.make_node("Div", ["shape", "two"], ["half"]),
        helper.make_node("Slice", ["x", "half", "far", "", "two"], ["y"]),
    ]
    values = {"two": np.array([2]), "far": np.array([2**31 - 1])}
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["m"])],
        [numpy_helper.from_array(value, name) for name, value in values.items()],
    )
    module = import_graph(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]), "y")
    for count in (4, 9):
        x = torch.arange(float(count))
        torch.testing.assert_close(module(x), x[count // 2 :: 2])


@pytest.mark.parametrize(
    ("op", "constants", "settings", "words"),
    [
        ("Gelu", [X], {"opset": 20}, r"Gelu with other arguments than the standard's \(too many"),
        ("Cast", [], {}, r"Cast with other arguments than the standard's \(missing a required argument: 'to'"),
        ("Pad", [np.array([0, 0, 1, 0, 0, 1])], {"mode": "mirrored"}, "Pad with mode mirrored"),
        ("RNN", [X, X], {"activations": ["Tan"]}, "RNN with activation Tan"),
    ],
)
def test_what_has_no_parameter_or_no_value_is_refused(build, op, constants, settings, words):
    with pytest.raises(UnsupportedGraph, match=words):
        computed(build(op, X, constants, **settings))


def test_two_forms_of_one_version_are_an_error(build):
    computed(build("Relu", X))
    with pytest.raises(ValueError, match="'Softmax' is filed twice for one version"):
        operator("Softmax", since=12)(torch.softmax)
