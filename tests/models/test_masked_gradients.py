"""Gradients of models that hide them: a softmax or sigmoid spelled out, pixels rounded on the way in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from auditor.models.base import Backend, ModelOptions
from auditor.models.onnx.graph import find_head, import_graph, read_graph
from auditor.models.onnx.graph.staircase import has_steps, marked
from auditor.models.open import open_model

COLD = 0.01


class Spelled(nn.Module):
    """Pixels rounded to four levels, a linear layer, and probabilities at temperature 0.01 in one of several ways."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)
        self.way = way

    def forward(self, x: Tensor) -> Tensor:
        z = self.layer(torch.round(x * 3) / 3) / 0.01
        if self.way == "plain":
            e = torch.exp(z)
            return e / e.sum(1, keepdim=True)
        if self.way == "max":
            e = torch.exp(z - z.max(1, keepdim=True)[0])
            return e / e.sum(1, keepdim=True)
        if self.way == "amax":
            e = torch.exp(z - z.amax(1, keepdim=True))
            return e / e.sum(1, keepdim=True)
        if self.way == "log":
            return torch.exp(torch.log_softmax(z, 1))
        return torch.exp(z - torch.logsumexp(z, 1, keepdim=True))


def saved(module: nn.Module, ending: str, folder: Path) -> Backend:
    x, path = torch.rand(2, 4), folder / f"model{ending}"
    if ending == ".pt":
        torch.jit.trace(module, x).save(str(path))
    elif ending == ".script.pt":
        torch.jit.script(module).save(str(path))
    elif ending == ".pt2":
        shapes = ({0: torch.export.Dim("n")},)
        torch.export.save(torch.export.export(module, (x,), dynamic_shapes=shapes), path)
    else:
        torch.onnx.export(module, (x,), str(path), dynamo=False, input_names=["x"], dynamic_axes={"x": {0: "n"}})
    return open_model(path, ModelOptions(trust_model=True))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("ending", [".pt", ".script.pt", ".pt2", ".onnx"])
@pytest.mark.parametrize("way", ["plain", "max", "amax", "log", "logsumexp"])
def test_logits_and_gradient_are_those_before_softmax_and_rounding(way: str, ending: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = Spelled(way).eval()
    backend = saved(module, ending, tmp_path)
    x = torch.rand(5, 4)
    leaf = x.clone().requires_grad_()
    z = backend.logits(leaf)
    (gradient,) = torch.autograd.grad(z[:, 0].sum(), leaf)
    assert backend.head == "probabilities"
    assert isinstance(backend.gradient, str)
    assert "straight-through" in backend.gradient
    assert isinstance(backend.embedding, str)
    torch.testing.assert_close(z.detach(), module.layer(torch.round(x * 3) / 3).detach() / COLD)
    torch.testing.assert_close(gradient, (module.layer.weight[0] / COLD).detach().expand(5, 4), rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(backend.scores(x), module(x).detach())


def graph_of(*nodes, **weights):
    made = helper.make_graph(
        [helper.make_node(op, list(names[:-1]), [names[-1]], **attributes) for op, names, attributes in nodes],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["n", None])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    return read_graph(model, "x", "score")


def slope(graph, x: Tensor) -> Tensor:
    leaf = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(import_graph(marked(graph))(leaf).sum(), leaf)
    return gradient


X = torch.tensor([[0.2, 0.6, 0.9]])
HALF, LEVELS = np.float32(0.5), np.float32(3)


@pytest.mark.parametrize(
    ("nodes", "values"),
    [
        ([("Mul", "x k a", {}), ("Floor", "a b", {}), ("Div", "b k score", {})], [0, 1 / 3, 2 / 3]),
        (
            [("Mul", "x k a", {}), ("Cast", "a b", {"to": 7}), ("Cast", "b c", {"to": 1}), ("Div", "c k score", {})],
            [0, 1 / 3, 2 / 3],
        ),
        ([("Greater", "x half a", {}), ("Cast", "a score", {"to": 1})], [0.0, 1.0, 1.0]),
        ([("Less", "half x a", {}), ("Where", "a one zero score", {})], [0.0, 1.0, 1.0]),
    ],
    ids=["floor", "whole numbers and back", "a threshold", "a choice of two constants"],
)
def test_steps_keep_their_values_and_let_gradients_pass(nodes, values) -> None:
    nodes = [(op, names.split(), attributes) for op, names, attributes in nodes]
    graph = graph_of(*nodes, half=HALF, k=LEVELS, one=np.float32(1), zero=np.float32(0))
    assert has_steps(marked(graph))
    torch.testing.assert_close(import_graph(marked(graph))(X), torch.tensor([values]))
    torch.testing.assert_close(slope(graph, X), torch.ones(1, 3))


@pytest.mark.parametrize(
    ("nodes", "right"),
    [
        ([("Greater", "x half a", {}), ("Cast", "a b", {"to": 1}), ("Mul", "x b score", {})], [0.0, 1.0, 1.0]),
        ([("Floor", "x a", {}), ("Sub", "x a score", {})], [1.0, 1.0, 1.0]),
        ([("Sign", "x a", {}), ("Mul", "x a score", {})], [1.0, 1.0, 1.0]),
    ],
    ids=["a mask", "the part behind the point", "an absolute value"],
)
def test_a_gradient_that_is_right_is_left_as_it_is(nodes, right) -> None:
    graph = graph_of(*[(op, names.split(), attributes) for op, names, attributes in nodes], half=HALF)
    assert not has_steps(marked(graph))
    torch.testing.assert_close(slope(graph, X), torch.tensor([right]))


def test_a_sum_over_samples_is_no_softmax() -> None:
    nodes = [("Exp", ["x", "e"], {}), ("ReduceSum", ["e", "axis", "t"], {}), ("Div", ["e", "t", "score"], {})]
    assert find_head(graph_of(*nodes, axis=np.array([0]))).link == "none"
    head = find_head(graph_of(*nodes, axis=np.array([1])))
    assert (head.logits, head.link) == ("x", "softmax")


def test_a_sigmoid_spelled_out() -> None:
    names = {"Neg": "x m", "Exp": "m e", "Add": "e one t", "Div": "one t score"}
    nodes = [(op, inputs.split(), {}) for op, inputs in names.items()]
    head = find_head(graph_of(*nodes, one=np.float32(1)))
    assert (head.logits, head.link) == ("x", "sigmoid")
