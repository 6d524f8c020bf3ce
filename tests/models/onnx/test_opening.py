"""ONNX files as backends: predictions by ONNX Runtime, gradients by the twin, heads, batches, refusals."""

from __future__ import annotations

import itertools
import os
from unittest import mock

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper

from auditor.documents.results import NotMeasured
from auditor.errors import InputRefused, UsageError
from auditor.models.base import ModelInput, ModelOptions, model_formats
from auditor.models.model_file import ModelFile
from auditor.models.onnx.opening import OnnxBackend, load_model, open_onnx
from auditor.models.onnx.runtime import Runtime
from auditor.models.open import open_model

CPU = ModelOptions(device="cpu")
RANDOM = np.random.default_rng(5)
HIDDEN, OUT = RANDOM.standard_normal((12, 6)).astype(np.float32), RANDOM.standard_normal((6, 3)).astype(np.float32)
BIAS = RANDOM.standard_normal(3).astype(np.float32)
X = torch.rand((5, 12), generator=torch.Generator().manual_seed(1))


def node(op, *names, **attributes):
    return helper.make_node(op, list(names[:-1]), [names[-1]], **attributes)


def perceptron(*tail, last="z", dtype=TensorProto.FLOAT, batch="n", shape=(12,), head=None, extra=()):
    """x -> (head) -> 12 x 6 -> relu -> 6 x 3 -> tail; float weights in the dtype of the input."""
    of = helper.tensor_dtype_to_np_dtype(dtype)
    weights = {"w1": HIDDEN.astype(of), "w2": OUT.astype(of), "b": BIAS.astype(of), **dict(extra)}
    nodes = [*(head or [node("Identity", "x", "v")])]
    nodes += [node("MatMul", "v", "w1", "h"), node("Relu", "h", "embedding"), node("Gemm", "embedding", "w2", "b", "z")]
    graph = helper.make_graph(
        [*nodes, *tail],
        "perceptron",
        [helper.make_tensor_value_info("x", dtype, [batch, *shape])],
        [helper.make_tensor_value_info(last, dtype, ["rows", "columns"])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    versions = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 1)]
    return helper.make_model(graph, opset_imports=versions, ir_version=9)


@pytest.fixture
def opened(tmp_path):
    def save_and_open(model, options=CPU) -> OnnxBackend:
        onnx.save(model, tmp_path / "model.onnx")
        return open_model(tmp_path / "model.onnx", options)

    return save_and_open


def expected_embedding(x):
    return torch.relu(x @ torch.from_numpy(HIDDEN))


def expected_logits(x):
    return expected_embedding(x) @ torch.from_numpy(OUT) + torch.from_numpy(BIAS)


def test_is_registered():
    assert model_formats["onnx"] is open_onnx


def test_scores_embedding_logits_and_gradient(opened):
    backend = opened(perceptron())
    torch.testing.assert_close(backend.scores(X), expected_logits(X))
    torch.testing.assert_close(backend.embeddings(X), expected_embedding(X))
    ours, own = X.clone().requires_grad_(), X.clone().requires_grad_()
    backend.logits(ours)[:, 2].sum().backward()
    expected_logits(own)[:, 2].sum().backward()
    torch.testing.assert_close(ours.grad, own.grad)
    assert (backend.head, backend.embedding) == ("logits", "embedding")
    assert backend.runtime == f"ONNX Runtime {onnxruntime.__version__}, CPUExecutionProvider"
    assert backend.gradient == "torch twin imported from the graph"
    assert (backend.input.shape, backend.input.dtype, backend.input.fixed_batch) == ((12,), torch.float32, None)


def test_softmax_head(opened):
    backend = opened(perceptron(node("Softmax", "z", "p", axis=1), last="p"))
    assert backend.head == "probabilities"
    torch.testing.assert_close(backend.logits(X), expected_logits(X))
    torch.testing.assert_close(backend.scores(X), expected_logits(X).softmax(1))


def test_gradient_survives_a_saturated_softmax(opened):
    large = {"thousand": np.array(1000.0, np.float32)}
    tail = [node("Mul", "z", "thousand", "y"), node("Softmax", "y", "p", axis=1)]
    backend = opened(perceptron(*tail, last="p", extra=large.items()))
    x = X.clone().requires_grad_()
    backend.logits(x)[:, 0].sum().backward()
    assert backend.scores(X).max(dim=1).values.min() > 0.999
    assert (x.grad.abs().amax(dim=1) > 1).all()


def test_log_softmax_head_is_a_logit_head(opened):
    backend = opened(perceptron(node("LogSoftmax", "z", "p", axis=1), last="p"))
    assert backend.head == "logits"
    torch.testing.assert_close(backend.scores(X).softmax(1), expected_logits(X).softmax(1))
    torch.testing.assert_close(backend.logits(X).softmax(1), expected_logits(X).softmax(1))


def test_one_sigmoid_head(opened):
    column = {"w3": OUT[:, :1]}
    model = perceptron(
        node("MatMul", "embedding", "w3", "one"), node("Sigmoid", "one", "p"), last="p", extra=column.items()
    )
    backend = opened(model)
    assert (backend.head, backend.embedding) == ("sigmoid", "embedding")
    assert backend.scores(X).shape == (5, 1)
    torch.testing.assert_close(torch.sigmoid(backend.logits(X)), backend.scores(X))


def test_several_sigmoids_normalised_to_probabilities(opened):
    tail = [node("Sigmoid", "z", "s"), helper.make_node("Normalizer", ["s"], ["p"], domain="ai.onnx.ml", norm="L1")]
    backend = opened(perceptron(*tail, last="p"))
    assert backend.head == "probabilities"
    torch.testing.assert_close(backend.logits(X).softmax(1), backend.scores(X))


def test_several_sigmoids_are_divided_by_their_sum(opened):
    backend = opened(perceptron(node("Sigmoid", "z", "p"), last="p"))
    assert backend.head == "sigmoid"
    torch.testing.assert_close(backend.logits(X).softmax(1), F.normalize(backend.scores(X), p=1, dim=1))


@pytest.mark.parametrize("batch", [1, 2, 5, 8])
def test_fixed_batch_is_fed_in_groups(opened, batch):
    backend = opened(perceptron(batch=batch))
    assert backend.input.fixed_batch == batch
    torch.testing.assert_close(backend.scores(X), expected_logits(X))
    torch.testing.assert_close(backend.embeddings(X), expected_embedding(X))
    x = X.clone().requires_grad_()
    z = backend.logits(x)
    z[:, 0].sum().backward()
    torch.testing.assert_close(z, expected_logits(X))
    assert (x.grad.abs().amax(dim=1) > 0).all()


def test_fixed_batch_that_the_file_does_not_declare(opened):
    """The batch axis is free, but the scores are cut to one row: two instances must still give two rows."""
    bounds = {"front": np.array([0]), "behind": np.array([1])}
    backend = opened(perceptron(node("Slice", "z", "front", "behind", "y"), last="y", extra=bounds.items()))
    assert backend.input.fixed_batch == 1
    torch.testing.assert_close(backend.scores(X), expected_logits(X))
    torch.testing.assert_close(backend.logits(X), expected_logits(X))


def test_a_short_result_is_refused_where_the_size_is_not_known_at_load(opened):
    bounds = {"front": np.array([0]), "behind": np.array([1])}
    backend = opened(
        perceptron(node("Slice", "z", "front", "behind", "y"), last="y", extra=bounds.items(), shape=("d",))
    )
    for route in (backend.scores, backend.logits):
        with pytest.raises(InputRefused, match=r"for each of 5 instances; found shape \(1, 3\)"):
            route(X)


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(TensorProto.FLOAT16, 2e-2), (TensorProto.DOUBLE, 1e-5)], ids=["float16", "float64"]
)
def test_other_float_types(opened, dtype, tolerance):
    backend = opened(perceptron(dtype=dtype))
    for actual, expected in [
        (backend.scores(X), expected_logits(X)),
        (backend.logits(X), expected_logits(X)),
        (backend.embeddings(X), expected_embedding(X)),
    ]:
        assert actual.dtype == torch.float32
        torch.testing.assert_close(actual, expected, rtol=tolerance, atol=tolerance)


def test_uint8_pixels(opened):
    """Instances in [0, 1] reach such a model as whole pixels; the gradient is that of 255 x."""
    model = perceptron(head=[node("Cast", "x", "f", to=TensorProto.FLOAT), node("Mul", "f", "scale", "v")],
                       extra={"scale": np.array(1 / 255, np.float32)}.items())  # fmt: skip
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8
    backend = opened(model)
    pixels = (X * 255).round() / 255
    torch.testing.assert_close(backend.scores(X), expected_logits(pixels))
    ours, own = X.clone().requires_grad_(), pixels.clone().requires_grad_()
    z = backend.logits(ours)
    torch.testing.assert_close(z, expected_logits(pixels))
    z[:, 0].sum().backward()
    expected_logits(own)[:, 0].sum().backward()
    torch.testing.assert_close(ours.grad, own.grad)


def test_nhwc_file_with_a_transpose(opened):
    steps = [node("Transpose", "x", "t", perm=[0, 3, 1, 2]), node("Flatten", "t", "v")]
    backend = opened(perceptron(head=steps, shape=(2, 2, 3)))
    x = X.view(5, 3, 2, 2)
    assert backend.input.shape == (2, 2, 3)
    torch.testing.assert_close(backend.scores(x.permute(0, 2, 3, 1)), expected_logits(X))
    torch.testing.assert_close(backend.logits(x.permute(0, 2, 3, 1)), expected_logits(X))


def test_nodes_out_of_order(opened):
    model = perceptron()
    nodes = list(model.graph.node)[::-1]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    torch.testing.assert_close(opened(model).scores(X), expected_logits(X))


def test_embedding_by_name(opened):
    backend = opened(perceptron(), ModelOptions(device="cpu", embedding="h"))
    assert backend.embedding == "h"
    torch.testing.assert_close(backend.embeddings(X), X @ torch.from_numpy(HIDDEN))
    with pytest.raises(UsageError, match="'embeding'; similar names: embedding"):
        opened(perceptron(), ModelOptions(device="cpu", embedding="embeding"))


def test_embedding_that_is_the_input(opened):
    graph = helper.make_graph(
        [node("MatMul", "x", "w", "z")],
        "linear",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 12])],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, ["n", 6])],
        [numpy_helper.from_array(HIDDEN, "w")],
    )
    backend = opened(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9))
    assert backend.embedding == "x"
    torch.testing.assert_close(backend.embeddings(X), X)


def test_without_embedding_says_why(opened):
    backend = opened(perceptron(node("Tanh", "z", "y"), last="y"))
    assert isinstance(backend.embedding, NotMeasured)
    assert "no linear layer before Tanh" in backend.embedding.not_measured
    assert backend.head is None
    with pytest.raises(InputRefused, match="name one with --embedding"):
        backend.embeddings(X)


def test_trees_have_scores_and_no_gradient(opened):
    trees = helper.make_node(
        "TreeEnsembleClassifier", ["x"], ["label", "p"], domain="ai.onnx.ml", classlabels_int64s=[0, 1, 2],
        nodes_treeids=[0, 0, 0], nodes_nodeids=[0, 1, 2], nodes_featureids=[3, 0, 0], nodes_values=[0.5, 0.0, 0.0],
        nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"], nodes_truenodeids=[1, 0, 0], nodes_falsenodeids=[2, 0, 0],
        class_treeids=[0, 0], class_nodeids=[1, 2], class_ids=[0, 2], class_weights=[1.0, 1.0],
    )  # fmt: skip
    graph = helper.make_graph(
        [trees],
        "trees",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 12])],
        [
            helper.make_tensor_value_info("label", TensorProto.INT64, ["n"]),
            helper.make_tensor_value_info("p", TensorProto.FLOAT, ["n", 3]),
        ],
    )
    versions = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 1)]
    backend = opened(helper.make_model(graph, opset_imports=versions, ir_version=9))
    torch.testing.assert_close(backend.scores(X)[:, 2], (X[:, 3] > 0.5).float())
    assert isinstance(backend.gradient, NotMeasured)
    assert "ai.onnx.ml::TreeEnsembleClassifier" in backend.gradient.not_measured
    with pytest.raises(InputRefused, match="operators not supported"):
        backend.logits(X)


def test_rounded_scores_have_the_gradient_of_the_scores_before(opened):
    cast = [node("Cast", "z", "i", to=TensorProto.INT32), node("Cast", "i", "y", to=TensorProto.FLOAT)]
    rounded, plain = opened(perceptron(*cast, last="y")), opened(perceptron(last="z"))
    x = X.clone().requires_grad_()
    gradients = [torch.autograd.grad(backend.logits(x)[:, 0].sum(), x)[0] for backend in (rounded, plain)]
    torch.testing.assert_close(*gradients)
    assert "straight-through" in rounded.gradient
    torch.testing.assert_close(rounded.logits(x).detach(), rounded.scores(X))


def test_scores_that_are_true_or_false_have_no_gradient(opened):
    cast = [node("Cast", "z", "i", to=TensorProto.BOOL), node("Cast", "i", "y", to=TensorProto.FLOAT)]
    backend = opened(perceptron(*cast, last="y"))
    assert isinstance(backend.gradient, NotMeasured)
    assert "differentiable" in backend.gradient.not_measured


def test_external_data(tmp_path):
    path = tmp_path / "model.onnx"
    settings = {"save_as_external_data": True, "location": "weights.bin", "size_threshold": 0}
    onnx.save(perceptron(), path, **settings)
    torch.testing.assert_close(open_model(path, CPU).scores(X), expected_logits(X))
    os.rename(tmp_path / "weights.bin", tmp_path / "elsewhere.bin")
    with pytest.raises(InputRefused, match="external data beside it"):
        open_model(path, CPU)
    os.symlink(tmp_path / "elsewhere.bin", tmp_path / "weights.bin")
    with pytest.raises(InputRefused, match="external data beside it"):
        open_model(path, CPU)


def test_external_data_outside_the_folder(tmp_path):
    (tmp_path / "inner").mkdir()
    path = tmp_path / "inner" / "model.onnx"
    onnx.save(perceptron(), path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    os.rename(tmp_path / "inner" / "weights.bin", tmp_path / "weights.bin")
    model = onnx.load(path, load_external_data=False)
    for outside in ("../weights.bin", str(tmp_path / "weights.bin")):
        for tensor in model.graph.initializer:
            tensor.external_data[0].value = outside
        path.write_bytes(model.SerializeToString())
        with pytest.raises(InputRefused, match="external data beside it"):
            open_model(path, CPU)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"length": "500"}, "ends before tensor"),
        ({"offset": "1000000"}, "ends before tensor"),
        ({"offset": "-4"}, "-4"),
    ],
)
def test_external_data_that_lie_about_their_place(changed, said, tmp_path):
    path = tmp_path / "model.onnx"
    onnx.save(perceptron(), path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    model = onnx.load(path, load_external_data=False)
    for entry in model.graph.initializer[-1].external_data:
        entry.value = changed.get(entry.key, entry.value)
    path.write_bytes(model.SerializeToString())
    with pytest.raises(InputRefused, match=rf"^expected an ONNX model; found model\.onnx: [^\n]*{said}"):
        open_model(path, CPU)


@pytest.mark.parametrize("content", [b"", b"hello, this is text\n", b"\x08\x09PK\x03\x04", bytes(range(256))])
def test_a_file_that_is_no_model(tmp_path, content):
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with (
        path.open("rb") as file,
        pytest.raises(InputRefused, match=r"^expected an ONNX model; found model\.onnx: [^\n]+; check the file"),
    ):
        load_model(ModelFile(path, "onnx", file))


def test_a_truncated_file(tmp_path):
    path = tmp_path / "model.onnx"
    onnx.save(perceptron(), path)
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(InputRefused, match="ends too early"):
        open_model(path, CPU)


def doubling(levels, innermost):
    """Local functions of which each calls the next one twice."""
    names = [f"F{level}" for level in range(levels)] + [innermost]
    versions = [helper.make_opsetid("", 18), helper.make_opsetid("local", 1)]
    functions = []
    for name, called in itertools.pairwise(names):
        domain = "" if called == "Relu" else "local"
        body = [node(called, "a", "b", domain=domain), node(called, "b", "c", domain=domain)]
        functions.append(helper.make_function("local", name, ["a"], ["c"], body, versions))
    return functions


def test_local_functions_are_inlined(opened):
    model = perceptron(node("F0", "z", "y", domain="local"), last="y")
    model.opset_import.append(helper.make_opsetid("local", 1))
    model.functions.extend(doubling(3, "Relu"))
    torch.testing.assert_close(opened(model).scores(X), torch.relu(expected_logits(X)))


@pytest.mark.parametrize(("innermost", "found"), [("Relu", "1099511627780 nodes"), ("F0", "F0 calls itself")])
def test_local_functions_without_end_are_refused(opened, innermost, found):
    model = perceptron(node("F0", "z", "y", domain="local"), last="y")
    model.opset_import.append(helper.make_opsetid("local", 1))
    model.functions.extend(doubling(40, innermost))
    with pytest.raises(InputRefused, match=found):
        opened(model)


def test_local_functions_nested_too_deep_are_refused_before_anything_recurses(opened):
    names = [f"F{level}" for level in range(5000)] + ["Relu"]
    versions = [helper.make_opsetid("", 18), helper.make_opsetid("local", 1)]
    model = perceptron(node("F0", "z", "y", domain="local"), last="y")
    model.opset_import.append(versions[1])
    for name, called in itertools.pairwise(names):
        body = [node(called, "a", "b", domain="" if called == "Relu" else "local")]
        model.functions.append(helper.make_function("local", name, ["a"], ["b"], body, versions))
    with pytest.raises(InputRefused, match="nested more than 200 deep"):
        opened(model)


@pytest.mark.parametrize("domain", ["com.example", "com.microsoft"])
def test_an_operator_that_the_runtime_does_not_know(opened, domain):
    model = perceptron(helper.make_node("Unheard", ["z"], ["y"], domain=domain), last="y")
    model.opset_import.append(helper.make_opsetid(domain, 1))
    with pytest.raises(InputRefused, match=rf"{domain}::?Unheard"):
        opened(model)


def test_what_asks_for_terabytes_is_refused_before_there_is_a_session(opened):
    shape = numpy_helper.from_array(np.array([10**6, 10**6]), "shape")
    huge = [node("ConstantOfShape", "shape", "huge"), node("ReduceMean", "huge", "m", keepdims=0)]
    model = perceptron(*huge, node("Add", "z", "m", "y"), last="y")
    model.graph.initializer.append(shape)
    with pytest.raises(InputRefused, match=r"an ONNX model; found .*ConstantOfShape needs 4\.0 TB of memory"):
        opened(model)


def test_a_batch_of_the_wrong_size(opened):
    with pytest.raises(InputRefused, match=r"found input \(5, 11\): "):
        opened(perceptron()).scores(X[:, 1:])


def test_integer_input_is_refused(opened):
    model = perceptron(head=[node("Cast", "x", "v", to=TensorProto.FLOAT)])
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.INT64
    with pytest.raises(InputRefused, match="found INT64"):
        opened(model)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_cuda_asked_for_and_not_there(opened):
    with pytest.raises(UsageError, match="--device"):
        opened(perceptron(), ModelOptions(device="cuda"))


def test_nothing_is_printed(opened, capfd):
    backend = opened(perceptron(), ModelOptions(device="auto"))
    backend.scores(X)
    with pytest.raises(InputRefused):
        backend.scores(X[:, 1:])
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("batch", ["n", 4])
@pytest.mark.parametrize("dtype", [TensorProto.FLOAT, TensorProto.FLOAT16])
def test_a_run_in_torchs_own_memory_gives_the_same_numbers(batch, dtype):
    """What a GPU does without copies through the host, done here with the memory of the CPU."""
    model = perceptron(dtype=dtype, batch=batch)
    declared = ModelInput(
        (12,), torch.float16 if dtype == TensorProto.FLOAT16 else torch.float32, 4 * (batch == 4) or None
    )
    plain, bound = (
        Runtime(model, "x", declared, fetch=["z", "embedding"], device=torch.device("cpu"), bind=bind)
        for bind in (False, True)
    )
    for size in (4, 1, 9):
        x = torch.rand((size, 12), generator=torch.Generator().manual_seed(size))
        for name in ("z", "embedding"):
            assert torch.equal(bound.run(name, x), plain.run(name, x))


@pytest.mark.parametrize("batch", ["n", 4])
@pytest.mark.parametrize("bind", [False, True])
def test_several_values_come_from_one_run(batch, bind):
    declared = ModelInput((12,), torch.float32, 4 * (batch == 4) or None)
    device, fetch = torch.device("cpu"), ["z", "embedding"]
    runtime = Runtime(perceptron(batch=batch), "x", declared, fetch=fetch, device=device, bind=bind)
    x = torch.rand((8, 12), generator=torch.Generator().manual_seed(0))
    for _ in range(2):
        for name, together in zip(fetch, runtime.run_all(fetch, x), strict=True):
            assert torch.equal(together, runtime.run(name, x))


def test_scores_and_embeddings_are_one_pass_over_the_instances(opened):
    backend = opened(perceptron())
    with mock.patch.object(backend._runtime, "run_all", wraps=backend._runtime.run_all) as runs:
        scores, embeddings = backend.scores_and_embeddings(X)
        assert runs.call_count == 1
    assert torch.equal(scores, backend.scores(X))
    assert torch.equal(embeddings, backend.embeddings(X))


def test_a_batch_that_fails_in_torchs_own_memory_is_refused_too():
    bound = Runtime(perceptron(), "x", ModelInput((12,)), fetch=["z"], device=torch.device("cpu"), bind=True)
    bound.run("z", X)
    with pytest.raises(InputRefused, match=r"input \(5, 11\)"):
        bound.run("z", X[:, :11])
