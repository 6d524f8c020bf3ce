"""A TorchScript module computes where it is put, whatever device its code names.

The device "meta" computes shapes alone and refuses to mix with the CPU as a GPU does, so it tells without a GPU whether
all of a module's code was moved.
"""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.jit._fuser import optimized_execution

from auditor.errors import AuditIncomplete
from auditor.models.base import ModelOptions
from auditor.models.open import open_model
from auditor.models.torchscript.device import place_code

CPU, META, CUDA = torch.device("cpu"), torch.device("meta"), torch.device("cuda:0")


def shifted(x: Tensor) -> Tensor:
    """A free function, which a graph calls and does not hold."""
    return x + torch.arange(x.shape[1], device="cpu").float()


class Inner(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x) + torch.arange(4).float()


class Positions(nn.Module):
    """Position embeddings as transformers have them, in a module within the module."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.embedding, self.last = Inner(), nn.Embedding(4, 1), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        places = torch.arange(x.shape[1], device=x.device)
        y = self.inner(x) + self.embedding(places).T + torch.zeros(x.shape[0], 4)
        return self.last(shifted(y).to("cpu"))


class Chosen(nn.Module):
    """Every way in which a script names a device, and one inside a branch."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.last = Inner(), nn.Linear(4, 3)
        self.place, self.name = torch.device("cpu"), "cpu"

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[0] > 1:
            x = x + torch.ones(4)
        x = x.to("cpu") + torch.zeros(4, device=self.place) + torch.zeros(4, device=self.name)
        x = self.inner(x).cpu() + torch.full((4,), 2.0, device=torch.device("cpu"))
        return self.last(shifted(x))


def saved(how: str) -> bytes:
    torch.manual_seed(0)
    module = Positions().eval() if how == "traced" else Chosen().eval()
    script = torch.jit.trace(module, torch.rand(2, 4)) if how == "traced" else torch.jit.script(module)
    file = io.BytesIO()
    torch.jit.save(script, file)
    return file.getvalue()


def loaded(content: bytes, device: torch.device) -> torch.jit.ScriptModule:
    return torch.jit.load(io.BytesIO(content), map_location=device).eval()


@pytest.fixture(params=["traced", "scripted"])
def content(request: pytest.FixtureRequest) -> bytes:
    return saved(request.param)


def test_it_computes_on_a_device_it_was_not_made_for(content: bytes):
    x = torch.rand(3, 4, device=META)
    with pytest.raises(RuntimeError):  # as it was saved, it mixes devices
        loaded(content, META)(x)
    module = loaded(content, META)
    place_code(module, META)
    with optimized_execution(False):  # which folds constants, and compares them
        assert module(x).device == META


def test_no_other_device_is_left(content: bytes):
    module = loaded(content, CPU)
    place_code(module, CUDA)
    text = all_graphs(module)
    assert 'prim::Constant[value="cuda:0"]' in text
    assert 'prim::Constant[value="cpu"]' not in text
    assert "aten::cpu" not in text


def all_graphs(module: torch.jit.ScriptModule) -> str:
    """Code of every method in every module, that of functions which they call included."""
    graphs = [part._c._get_method(name).graph for part in module.modules() for name in part._c._method_names()]
    for graph in (copies := [graph.copy() for graph in graphs]):
        torch._C._jit_pass_inline(graph)
    return "\n".join(str(graph) for graph in copies)


def test_the_cpu_answers_as_before(content: bytes):
    x, module = torch.rand(3, 4), loaded(content, CPU)
    place_code(module, CPU)
    assert torch.equal(module(x), loaded(content, CPU)(x))


def test_a_file_made_on_a_gpu_is_audited_on_the_cpu(content: bytes, tmp_path: Path):
    module = loaded(content, CPU)
    place_code(module, CUDA)
    torch.jit.save(module, tmp_path / "from_gpu.pt")
    x = torch.rand(3, 4)
    backend = open_model(tmp_path / "from_gpu.pt", ModelOptions(device="cpu"))
    assert torch.equal(backend.scores(x), loaded(content, CPU)(x))
    assert isinstance(backend.gradient, str)


class Pictures(nn.Module):
    """Convolutions in both directions, one of them in a module within."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.back, self.last = (
            nn.Sequential(nn.Conv2d(1, 2, 3)),
            nn.ConvTranspose2d(2, 1, 3),
            nn.Linear(36, 3),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.back(self.inner(x)).flatten(1))


def flags(module: torch.jit.ScriptModule) -> list[dict[str, bool]]:
    """Of each convolution: how it is to be computed."""
    found, graph = [], module._c._get_method("forward").graph.copy()
    torch._C._jit_pass_inline(graph)
    for node in graph.findAllNodes("aten::_convolution"):
        names = [argument.name for argument in torch._C.parse_schema(node.schema()).arguments]
        values = {name: value.toIValue() for name, value in zip(names, node.inputs(), strict=True)}
        found.append({name: values[name] for name in ("benchmark", "deterministic", "allow_tf32")})
    return found


@pytest.mark.parametrize("device", [CPU, CUDA], ids=str)
def test_traced_convolutions_round_no_factor(device: torch.device) -> None:
    x = torch.rand(2, 1, 6, 6)
    script = torch.jit.trace(Pictures().eval(), x)
    before = script(x)
    assert {made["allow_tf32"] for made in flags(script)} == {True}  # as torch traces them
    place_code(script, device)
    assert flags(script) == [{"benchmark": False, "deterministic": True, "allow_tf32": False}] * 2
    file = io.BytesIO()
    torch.jit.save(script, file)
    assert torch.equal(loaded(file.getvalue(), CPU)(x), before)


def test_what_still_mixes_devices_is_no_fault_of_the_model(content: bytes, tmp_path: Path):
    """Without the rewriting, the same file is told as a failure of the device, not as a model without gradients."""
    (tmp_path / "model.pt").write_bytes(content)
    backend = open_model(tmp_path / "model.pt", ModelOptions(device="cpu"))
    backend._module, backend.device = loaded(content, META), META
    with pytest.raises(AuditIncomplete, match=r"fails there: .*say --device cpu"):
        backend.scores(torch.rand(3, 4))
