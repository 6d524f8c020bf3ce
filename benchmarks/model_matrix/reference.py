"""What a model file should compute, by something that is not the product.

A torch module is the best reference: its outputs, its gradient in float64 and its embedding (the input of the last
linear or convolution layer that it calls). Where there is none, ONNX Runtime without fusion or another library gives
the outputs, and the gradient is left to finite differences.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import onnx
import onnxruntime
import torch
from torch import Tensor, nn

INSTANCES, GRADIENTS = 64, 2


@dataclass(frozen=True)
class Reference:
    """Instances and what belongs to them.

    Args:
        x (float32): ``(64, ...)`` in the model's own layout.
        scores (float32): ``(64, C)`` or ``(64, 1)``, the output of the file.
        source: who computed it.
        logits: before the softmax or sigmoid; None where that is not known.
        gradient (float64): of ``weighted`` logits for the first instances; None where that is not known.
        gradient32 (float32): the same by the same source in float32.
        embedding: ``(64, E)``; None where that is not known.
    """

    x: Tensor
    scores: Tensor
    source: str
    logits: Tensor | None = None
    gradient: Tensor | None = None
    gradient32: Tensor | None = None
    embedding: Tensor | None = None

    def save(self, path: Path) -> None:
        """Write it as a file of tensors."""
        torch.save(asdict(self), path)

    @staticmethod
    def load(path: Path) -> Reference:
        """Read what ``save`` wrote."""
        return Reference(**torch.load(path, weights_only=True))


def weighted(z: Tensor) -> Tensor:
    """One number of each row of logits; its gradient does not see a shift of all logits of a row."""
    return (z * torch.linspace(-1, 1, max(2, z.shape[1]), dtype=z.dtype, device=z.device)[-z.shape[1] :]).sum()


def noise(*shape: int, seed: int = 0) -> Tensor:
    """Pixels in [0, 1]."""
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def of_module(
    net: nn.Module,
    x: Tensor,
    link: Callable[[Tensor], Tensor] | None = None,
    source: str = "torch module",
) -> Reference:
    """The reference of a module that returns logits.

    Args:
        net: in evaluation mode.
        x (float32): ``(64, ...)`` as the module takes them.
        link: from logits to the file's scores; None leaves them.
    """
    exact = copy.deepcopy(net).double()
    seen: list[Tensor] = []
    hooks = [
        part.register_forward_pre_hook(lambda part, inputs: seen.append(_as_vectors(part, inputs[0])))
        for part in exact.modules()
        if isinstance(part, nn.Linear | nn.Conv2d)
    ]
    with torch.no_grad():
        parts = []
        embeddings = []
        for part in x.double().split(16):
            seen.clear()
            parts.append(exact(part))
            embeddings += seen[-1:]
    for hook in hooks:
        hook.remove()
    logits = torch.cat(parts)
    scores = (link(logits) if link else logits).float()
    embedding = torch.cat(embeddings).float() if embeddings else None
    exact_gradient, gradient = gradient_of(exact, x.double()), gradient_of(net, x)
    return Reference(x, scores, source, logits.float(), exact_gradient, gradient, embedding)


def gradient_of(net: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Gradient of the weighted logits for the first instances."""
    x = x[:GRADIENTS].detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(weighted(net(x)), x)
    return gradient


def of_runtime(path: Path, x: Tensor, output: str, logits: str | None = None, size: int = 16) -> Reference:
    """The reference of a file for which only ONNX Runtime, without fusion, knows the outputs.

    Args:
        path: the file.
        x: ``(64, ...)`` in the dtype of the file.
        output: name of the scores.
        logits: name of the value before the softmax; None where there is none.
        size: instances for each call.
    """
    model = onnx.load(path)
    known = {value.name for value in model.graph.output}
    names = [output, *([logits] if logits else [])]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in known)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    fed = session.get_inputs()[0].name
    parts = [session.run(names, {fed: part.numpy()}) for part in x.split(size)]
    values = [torch.cat([torch.from_numpy(part[at]) for part in parts]).float().flatten(1) for at in range(len(names))]
    return Reference(x.float(), values[0], "ONNX Runtime, fusion off", values[1] if logits else None)


def _as_vectors(layer: nn.Module, value: Tensor) -> Tensor:
    """The input of the last layer as ``(N, E)``: averaged over positions, or over tokens."""
    if isinstance(layer, nn.Conv2d):
        return value.flatten(2).mean(dim=2)
    return value if value.dim() == 2 else value.flatten(1, -2).mean(dim=1)
