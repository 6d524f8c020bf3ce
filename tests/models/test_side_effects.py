"""What a graph shows of state, random numbers and clocks; and that it shows none where there is none."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
import torch
from onnx import TensorProto, helper
from torch import Tensor, nn

from auditor.models.base import ModelOptions
from auditor.models.open import open_model
from tests.models.changing import ByAttribute, Changing, DropoutLeftOn, Noisy, Remembering, WhereGradients, program
from tests.models.torchscript.torchscript_files import Branching, Cnn, Mlp, noise, save, seeded

OPTIONS = ModelOptions(device="cpu", trust_model=True)


class InPlace(Mlp):
    """Works in place on what it made itself, which harms nobody."""

    def forward(self, x: Tensor) -> Tensor:
        y = x.clone()
        y += 1
        y[:, 0] = 0.5
        parts = [y]
        parts.append(y)
        return self.last(self.hidden(parts[1]).relu_())


class ThroughAView(Mlp):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("kept", torch.zeros(2, 3))

    def forward(self, x: Tensor) -> Tensor:
        self.kept[0].view(3)[1:] += 1.0
        return self.last(torch.relu(self.hidden(x))) + self.kept[0]


class IntoALayer(Mlp):
    def forward(self, x: Tensor) -> Tensor:
        self.last.bias.add_(1.0)
        return self.last(torch.relu(self.hidden(x)))


def shown(model: nn.Module, folder: Path, how: str = "script", *shape: int) -> tuple[str, ...]:
    path = save(model.eval(), folder / "m.pt", how, noise(2, *(shape or (16,))))
    return open_model(path, OPTIONS).side_effects


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (lambda: Changing(seeded(Mlp()), 30, "rolled"), "writes to calls"),
        (lambda: ByAttribute(seeded(Mlp()), 30), "writes to calls"),
        (lambda: Remembering(seeded(Mlp()), 30), "writes to calls, seen"),
        (ThroughAView, "writes to kept"),
        (IntoALayer, "writes to last.bias"),
        (lambda: Noisy(seeded(Mlp()), 1.0), "draws random numbers by rand_like"),
        (lambda: DropoutLeftOn(seeded(Mlp())), "draws random numbers by dropout"),
        (lambda: WhereGradients(seeded(Mlp())), "looks at aten::is_grad_enabled"),
    ],
    ids=["buffer", "attribute", "dictionary", "view", "layer", "noise", "dropout", "gradients"],
)
def test_a_script_that_does(model, said: str, tmp_path: Path):
    assert shown(model(), tmp_path) == (said,)


@pytest.mark.parametrize("how", ["script", "trace", "frozen"])
@pytest.mark.parametrize(("model", "shape"), [(InPlace, (16,)), (Cnn, (3, 8, 8)), (Branching, (16,))])
def test_a_script_that_does_not(model: type[nn.Module], shape: tuple[int, ...], how: str, tmp_path: Path):
    assert shown(seeded(model()), tmp_path, how, *shape) == ()


def test_a_trace_in_training_mode(tmp_path: Path):
    model = seeded(Cnn()).train()
    traced = torch.jit.trace(model, noise(2, 3, 8, 8), check_trace=False)
    traced.save(str(tmp_path / "m.pt"))
    written, drawn = open_model(tmp_path / "m.pt", OPTIONS).side_effects
    assert written == "writes to norm.num_batches_tracked, norm.running_mean, norm.running_var"
    assert drawn == "draws random numbers by dropout"


def test_programs(tmp_path: Path):
    both = program(Noisy(Changing(seeded(Mlp()), 30, "rolled"), 1.0), tmp_path, 16)
    assert open_model(both, OPTIONS).side_effects == (
        "writes to inner.calls",
        "draws random numbers by rand_like",
    )
    assert open_model(program(seeded(Mlp()), tmp_path, 16), OPTIONS).side_effects == ()


def test_onnx(tmp_path: Path):
    def of(*nodes: onnx.NodeProto) -> tuple[str, ...]:
        graph = helper.make_graph(
            list(nodes),
            "g",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3])],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.save(model, tmp_path / "m.onnx")
        return open_model(tmp_path / "m.onnx", OPTIONS).side_effects

    draw = helper.make_node("RandomUniformLike", ["x"], ["r"])
    assert of(draw, helper.make_node("Add", ["x", "r"], ["y"])) == ("draws random numbers by RandomUniformLike",)
    yes = helper.make_node("Constant", [], ["t"], value=helper.make_tensor("v", TensorProto.BOOL, [], [True]))
    drops = helper.make_node("Dropout", ["x", "", "t"], ["y"])
    assert of(yes, drops) == ("draws random numbers by Dropout in training mode",)
    assert of(helper.make_node("Dropout", ["x"], ["y"])) == ()
