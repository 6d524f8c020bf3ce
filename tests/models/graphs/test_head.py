"""One network in all formats has one head: what its graph says of its scores, its logits and its embedding."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from auditor.documents.results import NotMeasured
from auditor.models.base import ModelOptions, OutputKind
from auditor.models.open import open_model
from tests.models.torchscript.torchscript_files import noise

OPTIONS = ModelOptions(device="cpu", trust_model=True)


class Net(nn.Module):
    """Two layers; ``last`` says what becomes of the logits."""

    def __init__(self, last: str) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.inner, self.outer, self.other, self.last = nn.Linear(6, 5), nn.Linear(5, 4), nn.Linear(5, 4), last

    def hidden(self, x: Tensor) -> Tensor:
        return self.inner(x).relu()

    def forward(self, x: Tensor) -> Tensor:
        h = self.hidden(x)
        z = self.outer(h)
        if self.last == "distilled":
            return (z + self.other(h)) / 2
        if self.last == "logits":
            return z
        if self.last == "softmax, doubled":
            return torch.softmax(z, 1) * 2
        if self.last == "sigmoid":
            return 1 / (1 + torch.exp(-z))
        if self.last == "softmax of log-softmax":
            return torch.log_softmax(z, 1).exp()
        e = torch.exp(z - z.amax(1, keepdim=True)) if self.last == "softmax, shifted" else torch.exp(z)
        return e / e.sum(0 if self.last == "over the batch" else 1, keepdim=True)


def written(net: Net, path: Path) -> Path:
    x = noise(3, 6)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if path.name == "onnx":
            axes = {"x": {0: "n"}, "y": {0: "n"}}
            torch.onnx.export(
                net, (x,), str(path), dynamo=False, input_names=["x"], output_names=["y"], dynamic_axes=axes
            )
        elif path.name == "pt2":
            batch = ({0: torch.export.Dim("n", min=2)},)
            with path.open("wb") as file:
                torch.export.save(torch.export.export(net, (x,), dynamic_shapes=batch), file)
        else:
            torch.jit.trace(net, x).save(str(path))
    return path


@pytest.mark.parametrize("form", ["onnx", "torchscript", "pt2"])
@pytest.mark.parametrize(
    ("last", "head", "embeds"),
    [
        ("logits", "logits", True),
        ("distilled", "logits", True),
        ("sigmoid", "sigmoid", True),
        ("softmax", "probabilities", True),
        ("softmax, shifted", "probabilities", True),
        ("softmax of log-softmax", "probabilities", True),
        ("softmax, doubled", None, False),
        ("over the batch", None, False),
    ],
)
def test_every_format_shows_it(form: str, last: str, head: OutputKind | None, embeds: bool, tmp_path: Path):
    net, x = Net(last).eval(), noise(3, 6)
    backend = open_model(written(net, tmp_path / form), OPTIONS)
    assert backend.head == head
    assert backend.bounded_output is (last not in ("logits", "distilled"))
    assert isinstance(backend.embedding, NotMeasured) is not embeds
    if embeds:
        torch.testing.assert_close(backend.embeddings(x), net.hidden(x).detach())
    if head in ("probabilities", "sigmoid"):
        z = net.outer(net.hidden(x)).detach()
        expected = torch.nn.functional.logsigmoid(z) if head == "sigmoid" else z
        torch.testing.assert_close(backend.logits(x).detach().log_softmax(1), expected.log_softmax(1))
