"""What a graph asks for is known before it runs, and only what no machine should be asked for is refused."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from auditor.models.onnx.memory_budget import LARGEST_STEP, check_budget, largest_step
from benchmarks.hostile.onnx_parts import classifier, mean_of, node
from benchmarks.hostile.onnx_size import KNOWN


@pytest.mark.parametrize("name", [name for name in KNOWN if name != "negative-shape"])
def test_terabytes_are_found_in_every_operator_that_makes_them(name: str):
    nodes, constants = KNOWN[name]
    with pytest.raises(ValueError, match=r"operator \w+ needs .* (TB|GB) of memory at once, more than the 68\.7 GB"):
        check_budget(classifier([*nodes, mean_of("big")], constants))


def test_the_largest_step_is_counted_in_bytes_of_inputs_and_results():
    model = classifier([node("ConstantOfShape", "s", "big"), mean_of("big")], {"s": np.array([1000, 500])})
    assert largest_step(model) == ("ConstantOfShape", 1000 * 500 * 4 + 2 * 8)


def test_one_instance_is_counted_where_the_batch_is_free_and_all_where_it_is_fixed():
    name, free = largest_step(classifier())
    assert name == "MatMul"
    assert free == 64 * 4 + 64 * 10 * 4 + 10 * 4
    fixed = classifier()
    fixed.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 100
    fixed.graph.output[0].type.tensor_type.shape.dim[0].dim_value = 100
    assert largest_step(fixed)[1] == 2 * 100 * 64 * 4


def test_bodies_are_looked_into():
    shape = numpy_helper.from_array(np.array([10**6, 10**6]), "inner_shape")
    steps = [node("ConstantOfShape", "inner_shape", "inner"), node("ReduceMean", "inner", "t", keepdims=0)]
    result = helper.make_tensor_value_info("t", TensorProto.FLOAT, None)
    branch = helper.make_graph(steps, "branch", [], [result], [shape])
    with pytest.raises(ValueError, match="memory at once"):
        check_budget(classifier([node("If", "flag", "more", then_branch=branch, else_branch=branch)]))


def test_large_weights_are_not_copied_and_not_refused():
    weights = helper.make_tensor("w", TensorProto.FLOAT, [1 << 20], bytes(4 << 20), raw=True)
    model = ModelProto(ir_version=9, opset_import=[helper.make_opsetid("", 18)])
    model.graph.initializer.append(weights)
    model.graph.node.append(node("Relu", "w", "y"))
    assert largest_step(model) == ("Relu", 2 * (4 << 20))
    check_budget(model)


def test_a_graph_without_shapes_is_not_refused():
    model = ModelProto(opset_import=[helper.make_opsetid("", 18)])
    model.graph.node.append(node("Nothing", "a", "b"))
    assert largest_step(model)[1] == 0
    assert LARGEST_STEP == 2**36
