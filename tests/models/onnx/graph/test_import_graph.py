"""What the importer makes of whole graphs: pruning, order, folding, places, taps and refusals."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from auditor.errors import InputRefused, UsageError
from auditor.models.onnx.graph import UnsupportedGraph, import_graph, model_input, score_output

X = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
WEIGHT = np.random.default_rng(0).standard_normal((4, 2)).astype(np.float32)


def model_of(nodes, outputs=("score",), *, initializers=(), functions=(), x_type=TensorProto.FLOAT, opset=18):
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 2]) for name in outputs]
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", x_type, ["n", 4])], values, list(initializers)
    )
    versions = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 1), helper.make_opsetid("local", 1)]
    return helper.make_model(graph, opset_imports=versions, functions=list(functions), ir_version=9)


def weight(name="w", value=WEIGHT):
    return numpy_helper.from_array(value, name)


def test_keeps_only_what_the_scores_need():
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["score"]),
        helper.make_node("ArgMax", ["score"], ["label"], axis=1),
        helper.make_node("NonMaxSuppression", ["x", "x"], ["boxes"]),
    ]
    module = import_graph(model_of(nodes, initializers=[weight()]))
    torch.testing.assert_close(module(X), X @ torch.from_numpy(WEIGHT))


def test_names_all_unsupported_operators_at_once():
    nodes = [
        helper.make_node("Unheard", ["x"], ["a"]),
        helper.make_node("BatchNormalization", ["a", *"wxyz"], ["c"], training_mode=1),
        helper.make_node("TreeEnsembleClassifier", ["c"], ["label", "score"], domain="ai.onnx.ml"),
    ]
    with pytest.raises(UnsupportedGraph) as caught:
        import_graph(model_of(nodes, initializers=[weight(name) for name in "wyz"]), "score")
    assert caught.value.operators == (
        "BatchNormalization with training_mode", "Unheard", "ai.onnx.ml::TreeEnsembleClassifier",
    )  # fmt: skip


def test_nodes_out_of_order():
    nodes = [helper.make_node("Relu", ["h"], ["score"]), helper.make_node("MatMul", ["x", "w"], ["h"])]
    module = import_graph(model_of(nodes, initializers=[weight()]))
    torch.testing.assert_close(module(X), torch.relu(X @ torch.from_numpy(WEIGHT)))


def test_a_cycle_is_refused():
    nodes = [helper.make_node("Add", ["x", "b"], ["a"]), helper.make_node("Relu", ["a"], ["b"])]
    with pytest.raises(UnsupportedGraph, match="cycle"):
        import_graph(model_of(nodes, outputs=["b"]))


def test_an_undefined_input_is_refused():
    with pytest.raises(UnsupportedGraph, match="undefined input 'nowhere'"):
        import_graph(model_of([helper.make_node("Add", ["x", "nowhere"], ["score"])]))


def test_local_functions_are_inlined():
    body = [helper.make_node("MatMul", ["v", "m"], ["p"]), helper.make_node("Relu", ["p"], ["r"])]
    function = helper.make_function("local", "Layer", ["v", "m"], ["r"], body, [helper.make_opsetid("", 18)])
    nodes = [helper.make_node("Layer", ["x", "w"], ["score"], domain="local")]
    module = import_graph(model_of(nodes, initializers=[weight()], functions=[function]))
    torch.testing.assert_close(module(X), torch.relu(X @ torch.from_numpy(WEIGHT)))


def test_constants_are_folded_into_buffers():
    nodes = [
        helper.make_node("Constant", [], ["two"], value_float=2.0),
        helper.make_node("Mul", ["w", "two"], ["doubled"]),
        helper.make_node("MatMul", ["x", "doubled"], ["score"]),
    ]
    module = import_graph(model_of(nodes, initializers=[weight()]))
    (buffer,) = module.buffers()
    torch.testing.assert_close(buffer, 2 * torch.from_numpy(WEIGHT))
    assert not list(module.parameters())


def test_taps_return_inner_values_by_name():
    nodes = [helper.make_node("MatMul", ["x", "w"], ["h/1"]), helper.make_node("Relu", ["h/1"], ["score"])]
    score, taps = import_graph(model_of(nodes, initializers=[weight()]))(X, taps=["x", "h/1", "score"])
    torch.testing.assert_close(taps["h/1"], X @ torch.from_numpy(WEIGHT))
    assert taps["x"] is X
    assert taps["score"] is score
    with pytest.raises(KeyError, match="nothing"):
        import_graph(model_of(nodes, initializers=[weight()]))(X, taps=["nothing"])


def test_sizes_stay_on_the_cpu_and_data_where_it_is():
    """On the meta device data has no values, so any read of them for a size would fail."""
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "zero"], ["n"]),
        helper.make_node("Unsqueeze", ["n", "front"], ["n1"]),
        helper.make_node("Concat", ["n1", "rest"], ["target"], axis=0),
        helper.make_node("Reshape", ["x", "target"], ["pairs"]),
        helper.make_node("Cast", ["n"], ["count"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["pairs", "count"], ["scaled"]),
        helper.make_node("ReduceMean", ["scaled", "last"], ["score"], keepdims=0),
    ]
    numbers = {"zero": np.array(0), "front": np.array([0]), "rest": np.array([2, 2]), "last": np.array([2])}
    module = import_graph(model_of(nodes, initializers=[weight(k, v) for k, v in numbers.items()]))
    torch.testing.assert_close(module(X), X.view(3, 2, 2).mean(2) / 3)
    assert module.to("meta")(X.to("meta")).shape == (3, 2)


def test_half_precision_is_computed_in_float32():
    nodes = [
        helper.make_node("Cast", ["x"], ["h"], to=TensorProto.FLOAT16),
        helper.make_node("MatMul", ["h", "w"], ["score"]),
    ]
    module = import_graph(model_of(nodes, initializers=[weight(value=WEIGHT.astype(np.float16))]))
    assert module(X).dtype == torch.float32
    torch.testing.assert_close(module(X), X @ torch.from_numpy(WEIGHT.astype(np.float16)).float())


def test_input_is_found_among_initializers_of_old_files():
    model = model_of([helper.make_node("MatMul", ["x", "w"], ["score"])], initializers=[weight()])
    model.ir_version = 3
    model.graph.input.insert(0, helper.make_tensor_value_info("w", TensorProto.FLOAT, [4, 2]))
    assert model_input(model).name == "x"
    torch.testing.assert_close(import_graph(model)(X), X @ torch.from_numpy(WEIGHT))


def test_two_inputs_are_refused():
    model = model_of([helper.make_node("Add", ["x", "z"], ["score"])])
    model.graph.input.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, ["n", 4]))
    with pytest.raises(InputRefused, match="found inputs 'x', 'z'"):
        model_input(model)


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ([("label", TensorProto.INT64, ["n"]), ("p", TensorProto.FLOAT, ["n", 3])], "p"),
        ([("features", TensorProto.FLOAT, ["n", 8, 4, 4]), ("p", TensorProto.FLOAT, ["n", 3])], "p"),
        ([("p", TensorProto.FLOAT, ["n", 3]), ("aux", TensorProto.FLOAT, ["n", 3])], "p"),
        ([("p", TensorProto.FLOAT16, [1, 1000, 1, 1])], "p"),
        ([("p", TensorProto.FLOAT, None)], "p"),
    ],
)
def test_scores_are_the_first_matrix_of_floats(outputs, expected):
    nodes = [helper.make_node("Unheard", ["x"], [name for name, _, _ in outputs], domain="local")]
    model = model_of(nodes, outputs=[])
    model.graph.output.extend(helper.make_tensor_value_info(*output) for output in outputs)
    assert score_output(model) == expected


def test_an_embedding_beside_the_scores_is_not_taken_for_them():
    nodes = [
        helper.make_node("Relu", ["x"], ["embedding"]),
        helper.make_node("MatMul", ["embedding", "w"], ["score"]),
        helper.make_node("Neg", ["embedding"], ["aux"]),
    ]
    names = ("embedding", "score", "aux")
    model = model_of(nodes, outputs=[], initializers=[weight()])
    model.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", None]) for name in names)
    assert score_output(model) == "score"
    assert [score_output(model, wanted) for wanted in ("aux", "0")] == ["aux", "embedding"]
    with pytest.raises(UsageError, match="one of embedding, score, aux; found 'scores'"):
        score_output(model, "scores")


def test_normalised_features_before_the_scores_are_not_taken_for_them():
    """Neither leads to the other: the names tell, or else which of them a layer makes."""
    for name in ("logits", "anything"):
        nodes = [
            helper.make_node("LpNormalization", ["x"], ["features"]),
            helper.make_node("MatMul", ["x", "w"], [name]),
        ]
        model = model_of(nodes, outputs=[], initializers=[weight()])
        values = [helper.make_tensor_value_info(each, TensorProto.FLOAT, ["n", None]) for each in ("features", name)]
        model.graph.output.extend(values)
        assert score_output(model) == name


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        ([["n", 100, 4], ["n", 100, 91]], "a detector"),
        ([["n", 5, 32, 32]], "a segmentation model"),
        ([["n"]], "a regressor"),
        ([], "no output"),
    ],
)
def test_what_a_model_without_scores_looks_like(shapes, words):
    names = [f"out{place}" for place in range(len(shapes))]
    model = model_of([helper.make_node("Unheard", ["x"], names, domain="local")], outputs=[])
    for name, shape in zip(names, shapes, strict=True):
        model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    with pytest.raises(InputRefused, match=words):
        score_output(model)


def test_scores_behind_a_zipmap():
    model = model_of([helper.make_node("ZipMap", ["p"], ["maps"], domain="ai.onnx.ml", classlabels_int64s=[0, 1])], [])
    kind = helper.make_sequence_type_proto(
        helper.make_map_type_proto(TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, []))
    )
    model.graph.output.append(onnx.ValueInfoProto(name="maps", type=kind))
    assert score_output(model) == "p"


def test_a_segmenter_has_no_scores():
    model = model_of([helper.make_node("Identity", ["x"], ["mask"])], [])
    model.graph.output.append(helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["n", 5, 32, 32]))
    with pytest.raises(InputRefused, match=r"found mask float \(\?, 5, 32, 32\)"):
        score_output(model)
