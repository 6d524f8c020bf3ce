"""The networks G and H that move instances between classes: many small ones, side by side.

Each network belongs to one direction; all of them advance in one call on ``(K, B, *shape)``, K networks and B
instances each. Parameters carry the K axis first, so that finished directions can be dropped.

Two forms:

- ``residual``: clip(x + network(x)), last layer zero at the start. Training starts at perfect
  reconstruction, so no step is spent on learning to copy and the networks do not collapse to one image.
- ``reconstruction``: sigmoid(network(x)), the paper's form.

Differences from the paper: the residual form, and for large images a network of patches and
a global branch. The
paper's own networks are ``paper_mlp`` and ``paper_conv``. Source: arXiv 1912.11460, section 3.1 and table 1.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any, Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Form = Literal["residual", "reconstruction"]
Network = Literal["auto", "mlp", "conv", "paper"]

LARGEST_MLP = 4096
"""Images of more inputs than this get a convolutional network under ``auto``."""


def _uniform(shape: tuple[int, ...], fan_in: int, rngs: Sequence[torch.Generator]) -> Tensor:
    """``(K, *shape)`` drawn from U(-1/sqrt(fan_in), 1/sqrt(fan_in)), row k by generator k."""
    bound = 1 / math.sqrt(fan_in)
    return torch.stack([(torch.rand(shape, generator=rng) * 2 - 1) * bound for rng in rngs])


class _ClipInward(torch.autograd.Function):
    """Clip to [0, 1] whose gradient still reaches a clipped value when descent would bring it back inside."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.clamp(0, 1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        # Clipping moved x inward; where the gradient has the same sign, descent would move it outward. Zeros and ones,
        # because a mask is slow on a CPU.
        inward = x.clamp(0, 1).sub_(x).mul_(gradient)
        return gradient * torch.le(inward, 0, out=inward)


def clip_inward(x: Tensor) -> Tensor:
    """Values in [0, 1]; a plain clip would leave pixels that one large step threw outside without any gradient."""
    return cast(Tensor, _ClipInward.apply(x))


class StackedAutoencoders(nn.Module):
    """K networks of one architecture; the form decides how their output becomes an instance."""

    def __init__(self, form: Form) -> None:
        super().__init__()
        self.form = form

    def network(self, x: Tensor) -> Tensor:
        """``(K, B, *shape)`` to ``(K, B, *shape)``, before the output form."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Moved instances: float32 ``(K, B, *shape)`` in [0, 1]."""
        out = self.network(x)
        return torch.sigmoid(out) if self.form == "reconstruction" else clip_inward(x + out)

    def start_at_identity(self, last: Sequence[nn.Parameter]) -> None:
        """Zero the last layer of a residual network, so that it starts as the identity."""
        if self.form == "residual":
            for parameter in last:
                nn.init.zeros_(parameter)


class StackedMLP(StackedAutoencoders):
    """K multilayer perceptrons with ReLU on flattened instances.

    Args:
        shape: of one instance.
        hidden: widths of the hidden layers.
        rngs: K generators, one for each network.
    """

    def __init__(
        self, shape: tuple[int, ...], hidden: tuple[int, ...], form: Form, rngs: Sequence[torch.Generator]
    ) -> None:
        super().__init__(form)
        sizes = (math.prod(shape), *hidden, math.prod(shape))
        pairs = list(itertools.pairwise(sizes))
        self.weights = nn.ParameterList([nn.Parameter(_uniform((a, b), a, rngs)) for a, b in pairs])
        self.biases = nn.ParameterList([nn.Parameter(_uniform((1, b), a, rngs)) for a, b in pairs])
        self.start_at_identity([self.weights[-1], self.biases[-1]])

    def network(self, x: Tensor) -> Tensor:
        """Batched matrix products, one for each layer."""
        h = x.flatten(2)
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            h = torch.baddbmm(bias, F.relu(h) if layer else h, weight)
        return h.view_as(x)


class StackedConv(StackedAutoencoders):
    """K fully convolutional networks for images of any size.

    A strided convolution whose stride is its width (so each patch becomes one vector), two layers that see the patch,
    its place and the mean over the whole image, and the transposed convolution back. All of it is batched
    matrix products, several times cheaper than overlapping grouped convolutions.

    Args:
        shape: ``(C, H, W)``; only C fixes the parameters.
        patch: width and stride of the outer convolutions.
        width: channels between them.
        rngs: K generators, one for each network.
    """

    def __init__(
        self, shape: tuple[int, int, int], patch: int, width: int, form: Form, rngs: Sequence[torch.Generator]
    ) -> None:
        super().__init__(form)
        self.patch = patch
        pixels = shape[0] * patch * patch
        layers = [(pixels + 4, width), (2 * width, width), (2 * width, width), (width, pixels)]
        self.weights = nn.ParameterList([nn.Parameter(_uniform((a, b), a, rngs)) for a, b in layers])
        self.biases = nn.ParameterList([nn.Parameter(_uniform((1, b), a, rngs)) for a, b in layers])
        self.start_at_identity([self.weights[-1], self.biases[-1]])

    def network(self, x: Tensor) -> Tensor:
        """Patches to vectors, two mixing layers, vectors to patches."""
        networks, batch, _, height, width = x.shape
        size = self.patch
        # Replicated edges fill the last patch where the size is no multiple of it.
        image = F.pad(x.flatten(0, 1), (0, -width % size, 0, -height % size), mode="replicate")
        columns = F.unfold(image, size, stride=size).transpose(1, 2)
        tokens = columns.shape[1]
        place = _places(image.shape[2] // size, image.shape[3] // size, x).expand(len(columns), -1, -1)
        h = torch.cat([columns, place], dim=2).view(networks, batch * tokens, -1)
        h = F.relu(torch.baddbmm(self.biases[0], h, self.weights[0]))
        for weight, bias in zip(self.weights[1:3], self.biases[1:3], strict=True):
            whole = h.view(networks, batch, tokens, -1).mean(dim=2, keepdim=True).expand(-1, -1, tokens, -1)
            h = h + F.relu(torch.baddbmm(bias, torch.cat([h, whole.reshape_as(h)], dim=2), weight))
        out = torch.baddbmm(self.biases[3], h, self.weights[3]).view(networks * batch, tokens, -1)
        image = F.fold(out.transpose(1, 2), image.shape[2:], size, stride=size)
        return image[:, :, :height, :width].reshape(x.shape)


def _places(rows: int, columns: int, like: Tensor) -> Tensor:
    """Where each patch lies, ``(1, rows * columns, 4)``: both coordinates in [-1, 1] and their squares."""
    grid = torch.meshgrid(torch.linspace(-1, 1, rows), torch.linspace(-1, 1, columns), indexing="ij")
    place = torch.stack(grid, dim=2).view(1, rows * columns, 2).to(like)
    return torch.cat([place, place.square()], dim=2)


def _grouped(h: Tensor, weight: Tensor, bias: Tensor, **options: int) -> Tensor:
    """One convolution for each of K networks: ``(B, K * C, H, W)`` with weight ``(K, O, C, k, k)``."""
    return F.conv2d(h, weight.flatten(0, 1), bias.flatten(), groups=len(weight), **options)


class PaperConv(StackedAutoencoders):
    """The paper's network for colour images: three 4x4 convolutions of stride 1 (12, 24, 48) and their mirror."""

    def __init__(self, shape: tuple[int, int, int], form: Form, rngs: Sequence[torch.Generator]) -> None:
        super().__init__(form)
        channels = (shape[0], 12, 24, 48)
        down = list(itertools.pairwise(channels))
        up = [(o, i) for i, o in reversed(down)]
        self.down = nn.ParameterList([nn.Parameter(_uniform((o, i, 4, 4), i * 16, rngs)) for i, o in down])
        self.up = nn.ParameterList([nn.Parameter(_uniform((i, o, 4, 4), i * 16, rngs)) for i, o in up])
        self.down_bias = nn.ParameterList([nn.Parameter(_uniform((o,), i * 16, rngs)) for i, o in down])
        self.up_bias = nn.ParameterList([nn.Parameter(_uniform((o,), i * 16, rngs)) for i, o in up])
        self.start_at_identity([self.up[-1], self.up_bias[-1]])

    def network(self, x: Tensor) -> Tensor:
        """Encoder, then its mirror of transposed convolutions; ReLU between layers."""
        networks, batch, *shape = x.shape
        h = x.transpose(0, 1).reshape(batch, networks * shape[0], *shape[1:])
        for weight, bias in zip(self.down, self.down_bias, strict=True):
            h = F.relu(_grouped(h, weight, bias, padding=1))
        for layer, (weight, bias) in enumerate(zip(self.up, self.up_bias, strict=True)):
            h = F.relu(h) if layer else h
            h = F.conv_transpose2d(h, weight.flatten(0, 1), bias.flatten(), padding=1, groups=networks)
        return h.view(batch, networks, *shape).transpose(0, 1)


def stacked(
    shape: tuple[int, ...],
    network: Network,
    form: Form,
    rngs: Sequence[torch.Generator],
    hidden: tuple[int, ...] = (256, 64),
) -> StackedAutoencoders:
    """K networks for instances of this shape.

    Args:
        shape: ``(C, H, W)`` or ``(D,)``.
        network: ``auto`` takes a perceptron for vectors and for images of at most ``LARGEST_MLP`` inputs, and a
            convolutional network beyond; ``paper`` takes the authors' choice.
        rngs: K generators; network k is initialised by the k-th alone.
        hidden: widths of a perceptron's hidden layers, where it is not the authors'.
    """
    inputs = math.prod(shape)
    if network == "paper":
        colour = len(shape) == 3 and shape[0] > 1
        return PaperConv(_image(shape), form, rngs) if colour else StackedMLP(shape, (100, 50), form, rngs)
    if network == "mlp" or len(shape) == 1 or (network == "auto" and inputs <= LARGEST_MLP):
        return StackedMLP(shape, hidden, form, rngs)
    return StackedConv(_image(shape), 4, 64, form, rngs)


def _image(shape: tuple[int, ...]) -> tuple[int, int, int]:
    channels, height, width = shape
    return channels, height, width
