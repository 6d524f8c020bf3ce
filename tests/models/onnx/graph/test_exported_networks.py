"""Whole networks by both of torch's exporters: the import equals the runtime and the network itself."""

from __future__ import annotations

import io
import warnings

import onnx
import pytest
import torch
import torchvision
from torch import Tensor, nn

from auditor.models.onnx.graph import import_graph


class Residual(nn.Module):
    """Two convolutions beside an identity, with batch normalisation."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.body(x))


class Transformer(nn.Module):
    """A small vision transformer: patches, class token, positions, attention."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 16, 4, stride=4)
        self.token, self.positions = nn.Parameter(torch.randn(1, 1, 16)), nn.Parameter(torch.randn(1, 17, 16))
        self.norm, self.attention = nn.LayerNorm(16), nn.MultiheadAttention(16, 4, batch_first=True)
        self.mlp = nn.Sequential(nn.LayerNorm(16), nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 16))
        self.head = nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.token.expand(x.shape[0], -1, -1), tokens], dim=1) + self.positions
        normed = self.norm(tokens)
        tokens = tokens + self.attention(normed, normed, normed, need_weights=False)[0]
        return self.head((tokens + self.mlp(tokens))[:, 0])


def plain() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 8, 3, stride=2, groups=8), nn.Hardswish(), nn.Dropout(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5), nn.Softmax(dim=1),
    )  # fmt: skip


NETWORKS = {
    "plain": plain,
    "residual": lambda: nn.Sequential(nn.Conv2d(3, 8, 3), Residual(8), nn.AvgPool2d(7), nn.Flatten(), nn.Linear(32, 5)),
    "transformer": Transformer,
    "resnet18": lambda: torchvision.models.resnet18(num_classes=5),
}
EXPORTS = {"graph exporter, opset 18": (True, 18), "tracer, opset 14": (False, 14), "tracer, opset 17": (False, 17)}
CASES = [(name, export) for name in NETWORKS for export in EXPORTS] + [("plain", "tracer, opset 9")]
EXPORTS["tracer, opset 9"] = (False, 9)


def network(name: str) -> nn.Module:
    """Weights by a generator of their own, statistics of batch normalisation away from their start."""
    net, generator = NETWORKS[name]().eval(), torch.Generator().manual_seed(1)
    with torch.no_grad():
        for key, value in net.state_dict().items():
            if value.is_floating_point():
                noise = torch.randn(value.shape, generator=generator)
                value.copy_(noise.abs() + 0.5 if "running_var" in key else noise * max(value[0].numel(), 4) ** -0.5)
    return net


def exported(net: nn.Module, x: Tensor, dynamo: bool, opset: int) -> onnx.ModelProto:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if dynamo:
            shapes = ({0: torch.export.Dim("n")},)
            program = torch.onnx.export(
                net, (x,), dynamo=True, opset_version=opset, dynamic_shapes=shapes, verbose=False
            )
            return program.model_proto
        file = io.BytesIO()
        axes = {"x": {0: "n"}}
        torch.onnx.export(net, (x,), file, dynamo=False, opset_version=opset, input_names=["x"], dynamic_axes=axes)
        return onnx.load_from_string(file.getvalue())


@pytest.mark.parametrize(("name", "export"), CASES)
def test_network_equals_runtime_and_its_own_gradient(runtime, name, export):
    net = network(name)
    x = torch.rand((3, 3, 16, 16), generator=torch.Generator().manual_seed(2))
    model = exported(net, x[:2], *EXPORTS[export])
    module = import_graph(model)
    expected = torch.from_numpy(runtime(model, x.numpy(), model.graph.output[0].name))
    scale = expected.abs().max().item()
    torch.testing.assert_close(module(x), expected, rtol=0, atol=1e-4 * scale)
    ours, own = x.clone().requires_grad_(), x.clone().requires_grad_()
    module(ours)[:, 1].sum().backward()
    net(own)[:, 1].sum().backward()
    torch.testing.assert_close(ours.grad, own.grad, rtol=0, atol=1e-3 * own.grad.abs().max().item())
