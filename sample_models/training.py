"""Training and evaluating a sample model."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import onnxruntime
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR, StepLR

from auditor.datasets.base import Split
from sample_models.recipes import Recipe, SampleModel

Progress = Callable[[int, int, float], None]
"""Called after each epoch with its number, the number of epochs and the last loss."""


def train(
    model: SampleModel, split: Split, *, seed: int, device: torch.device, progress: Progress = lambda *_: None
) -> nn.Module:
    """A trained network, on the CPU and in evaluation mode; on the CPU one seed gives one network."""
    recipe = model.recipe
    with torch.random.fork_rng():
        torch.manual_seed(seed)  # torch's layers draw their initial weights from the global generator only
        network = model.network()
    network.to(device).train()
    order = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate)
    schedule = _schedule(recipe, optimizer, steps=recipe.epochs * -(-len(split) // recipe.batch_size))
    for epoch in range(recipe.epochs):
        for batch in torch.randperm(len(split), generator=order).split(recipe.batch_size):
            x, y = split.instances(batch).view(-1, *model.input_shape), split.labels[batch]
            loss = cross_entropy(network(x.to(device)), y.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        progress(epoch + 1, recipe.epochs, loss.item())
    return network.cpu().eval()


def _schedule(recipe: Recipe, optimizer: torch.optim.Optimizer, steps: int) -> LRScheduler:
    if recipe.schedule == "one-cycle":
        return OneCycleLR(optimizer, recipe.learning_rate, total_steps=steps)
    return StepLR(optimizer, step_size=100, gamma=0.99)


def evaluate(path: Path, split: Split, input_shape: tuple[int, ...]) -> float:
    """Share of the split that a written model puts in its class, computed by the runtime of its format."""
    predict = open_model(path)
    correct = 0
    with torch.no_grad():
        for index in torch.arange(len(split)).split(500):
            logits = predict(split.instances(index).view(-1, *input_shape))
            correct += int((logits.argmax(dim=1) == split.labels[index]).sum())
    return correct / len(split)


def open_model(path: Path) -> Callable[[Tensor], Tensor]:
    """A written model as a function of a batch, computed by the runtime of its format on the CPU."""
    if path.suffix == ".onnx":
        session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
        return lambda x: torch.from_numpy(session.run(None, {"x": x.numpy()})[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch recommends torch.export
        scripted: Callable[[Tensor], Tensor] = torch.jit.load(path)
    return scripted
