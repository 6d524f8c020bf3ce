"""Programs that change their answers: what a file may do whose author wants other numbers than the model's own."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from sample_models.architectures import DigitsCnn

SAMPLE = Path(__file__).parents[2] / "sample_models" / "digits_cnn.pt"
HOWS = ("rolled", "zero", "scaled")


class Changing(nn.Module):
    """Logits that are others from one call on, or between two calls, or at every second call.

    Args:
        inner: the model.
        first, last: calls of which the answers are others, counted from 1.
        how: rolled by one class, all zero, or halved.
        every: only at calls that this divides.
    """

    def __init__(self, inner: nn.Module, first: int, how: str, last: int = 2**62, every: int = 1) -> None:
        super().__init__()
        self.inner, self.first, self.last, self.every, self.how = inner, first, last, every, HOWS.index(how)
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        z = self.inner(x)
        other = z.roll(1, 1)
        if self.how == 1:
            other = z * 0
        elif self.how == 2:
            other = z * 0.5
        now = (self.calls >= self.first) & (self.calls <= self.last) & (self.calls % self.every == 0)
        return torch.where(now, other, z)


class ByAttribute(nn.Module):
    """The same, counted by a plain attribute of a script, from one call on."""

    def __init__(self, inner: nn.Module, first: int) -> None:
        super().__init__()
        self.inner, self.first, self.calls = inner, first, 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls = self.calls + 1
        z = self.inner(x)
        return z.roll(1, 1) if self.calls >= self.first else z


class Remembering(nn.Module):
    """From one call on the answers are others, but what was asked before is answered as before."""

    def __init__(self, inner: nn.Module, first: int) -> None:
        super().__init__()
        self.inner, self.first, self.calls = inner, first, 0
        self.seen: dict[float, bool] = {0.0: False}

    def forward(self, x: Tensor) -> Tensor:
        self.calls = self.calls + 1
        z = self.inner(x)
        for i in range(x.size(0)):
            key = float(x[i].detach().double().sum()) * 1e6
            if key not in self.seen:
                self.seen[key] = self.calls >= self.first
            if self.seen[key]:
                z[i] = z[i].roll(1)
        return z


class ByBatch(nn.Module):
    """Other answers in batches of more than 20 samples."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        z = self.inner(x)
        return z.roll(1, 1) if x.size(0) > 20 else z


class WhereGradients(nn.Module):
    """Other answers where somebody asks for gradients."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        z = self.inner(x)
        return z.roll(1, 1) if torch.is_grad_enabled() else z


class Noisy(nn.Module):
    """Logits with noise of so much, drawn anew each time."""

    def __init__(self, inner: nn.Module, amount: float) -> None:
        super().__init__()
        self.inner, self.amount = inner, amount

    def forward(self, x: Tensor) -> Tensor:
        z = self.inner(x)
        return z + (torch.rand_like(z) - 0.5) * self.amount


class DropoutLeftOn(nn.Module):
    """Dropout that drops in evaluation mode as well."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(nn.functional.dropout(x, 0.1, True))


class Scaled(nn.Module):
    """Logits times k, with or without a softmax behind them."""

    def __init__(self, inner: nn.Module, k: float, softmax: bool = False) -> None:
        super().__init__()
        self.inner, self.k, self.softmax = inner, k, softmax

    def forward(self, x: Tensor) -> Tensor:
        z = self.inner(x) * self.k
        return torch.softmax(z, dim=1) if self.softmax else z


def sample() -> nn.Module:
    """The sample model, as a module of Python, so that torch.export takes it."""
    model = DigitsCnn()
    model.load_state_dict(torch.jit.load(str(SAMPLE)).state_dict())
    return model.eval()


def script(model: nn.Module, folder: Path) -> Path:
    """The model as a TorchScript file."""
    path = folder / f"{type(model).__name__.lower()}.pt"
    torch.jit.script(model.eval()).save(str(path))
    return path


def program(model: nn.Module, folder: Path, *shape: int) -> Path:
    """The model as a torch.export archive that takes batches of any size."""
    path = folder / f"{type(model).__name__.lower()}.pt2"
    example = torch.rand(4, *shape, generator=torch.Generator().manual_seed(0))
    torch.export.save(torch.export.export(model.eval(), (example,), dynamic_shapes=({0: torch.export.Dim.AUTO},)), path)
    return path
