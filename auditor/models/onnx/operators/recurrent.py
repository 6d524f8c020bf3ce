"""Recurrent layers: RNN, GRU and LSTM, in both directions.

Gates lie side by side in one weight matrix for each direction; names of gates and states are those of the standard.
A step past the end of its sequence changes no state and yields zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from auditor.models.onnx.graph.node import Node
from auditor.models.onnx.graph.registry import builder
from auditor.models.onnx.graph.signature import Compute

Activation = Callable[[Tensor], Tensor]
State = tuple[Tensor, ...]
Cell = Callable[[Tensor, State], State]

_DEFAULTS = {"RNN": ["Tanh"], "GRU": ["Sigmoid", "Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"]}
_PLAIN: dict[str, Activation] = {
    "Relu": torch.relu,
    "Tanh": torch.tanh,
    "Sigmoid": torch.sigmoid,
    "Softsign": F.softsign,
    "Softplus": F.softplus,
}


@builder("RNN", "GRU", "LSTM")
def recurrent(node: Node) -> Compute:
    """Results: every output ``(T, D, N, H)``, the last states ``(D, N, H)``; ``layout`` 1 puts N first."""
    activations = _activations(node)
    directions = {"forward": [False], "reverse": [True]}.get(node.text("direction", "forward"), [False, True])
    batch_first = node.flag("layout")
    cells = {"RNN": _rnn_cell, "GRU": _gru_cell, "LSTM": _lstm_cell}

    def run(
        x: Tensor, w: Tensor, r: Tensor, b: Tensor | None = None, lengths: Tensor | None = None, *states: Tensor | None
    ) -> tuple[Tensor, ...]:
        x = x.transpose(0, 1) if batch_first else x
        peephole = states[2] if len(states) > 2 else None
        runs = []
        for d, reverse in enumerate(directions):
            each = len(activations) // len(directions)
            bias, peepholes = (None if part is None else part[d] for part in (b, peephole))
            cell = cells[node.op](node, activations[d * each : (d + 1) * each], w[d], r[d], bias, peepholes)
            count = 2 if node.op == "LSTM" else 1
            start = tuple(_start(states, i, d, batch_first, x, r.shape[-1]) for i in range(count))
            runs.append(_over_time(cell, x, start, lengths, reverse))
        outputs = torch.stack([ys for ys, _ in runs], dim=1)
        last = [torch.stack(parts) for parts in zip(*(state for _, state in runs), strict=True)]
        if batch_first:
            return outputs.permute(2, 0, 1, 3), *(state.transpose(0, 1) for state in last)
        return outputs, *last

    return run


def _start(states: tuple[Tensor | None, ...], i: int, d: int, batch_first: bool, x: Tensor, width: int) -> Tensor:
    """The initial state of one direction: given, or zero."""
    given = states[i] if i < len(states) else None
    if given is None:
        return x.new_zeros(x.shape[1], width)
    return given[:, d] if batch_first else given[d]


def _over_time(cell: Cell, x: Tensor, state: State, lengths: Tensor | None, reverse: bool) -> tuple[Tensor, State]:
    """All outputs ``(T, N, H)`` of one direction and its last state."""
    outputs: list[Tensor] = []
    steps = range(len(x))
    for t in reversed(steps) if reverse else steps:
        new = cell(x[t], state)
        if lengths is None:
            outputs.append(new[0])
        else:
            inside = (lengths.to(x.device) > t).unsqueeze(1)
            new = tuple(torch.where(inside, after, before) for after, before in zip(new, state, strict=True))
            outputs.append(torch.where(inside, new[0], 0.0))
        state = new
    return torch.stack(outputs[::-1] if reverse else outputs), state


def _rnn_cell(node: Node, f: list[Activation], w: Tensor, r: Tensor, b: Tensor | None, _: Tensor | None) -> Cell:
    b_w, b_r = (None, None) if b is None else b.chunk(2)
    return lambda x, state: (f[0](F.linear(x, w, b_w) + F.linear(state[0], r, b_r)),)


def _gru_cell(node: Node, f: list[Activation], w: Tensor, r: Tensor, b: Tensor | None, _: Tensor | None) -> Cell:
    """Update gate z, reset gate r, hidden gate h."""
    width = r.shape[-1]
    b_w, b_r = (w.new_zeros(2 * len(w))).chunk(2) if b is None else b.chunk(2)
    linear_before_reset = node.flag("linear_before_reset")

    def step(x: Tensor, state: State) -> State:
        (h,) = state
        from_x = F.linear(x, w, b_w)
        z, reset = f[0](from_x[:, : 2 * width] + F.linear(h, r[: 2 * width], b_r[: 2 * width])).chunk(2, dim=1)
        if linear_before_reset:
            recurrence = reset * F.linear(h, r[2 * width :], b_r[2 * width :])
        else:
            recurrence = F.linear(reset * h, r[2 * width :], b_r[2 * width :])
        candidate = f[1](from_x[:, 2 * width :] + recurrence)
        return ((1 - z) * candidate + z * h,)

    return step


def _lstm_cell(node: Node, f: list[Activation], w: Tensor, r: Tensor, b: Tensor | None, p: Tensor | None) -> Cell:
    """Input gate i, output gate o, forget gate f, cell gate c; peepholes let the gates see the cell state."""
    b_w, b_r = (None, None) if b is None else b.chunk(2)
    p_i, p_o, p_f = w.new_zeros(3, 1) if p is None else p.chunk(3)
    coupled = node.flag("input_forget")

    def step(x: Tensor, state: State) -> State:
        h, cell = state
        i, o, forget, c = (F.linear(x, w, b_w) + F.linear(h, r, b_r)).chunk(4, dim=1)
        i = f[0](i + p_i * cell)
        forget = 1 - i if coupled else f[0](forget + p_f * cell)
        cell = forget * cell + i * f[1](c)
        return f[0](o + p_o * cell) * f[2](cell), cell

    return step


def _activations(node: Node) -> list[Activation]:
    """The functions of all gates, each behind the clipping of its input if asked for; never that of the cell state."""
    directions = 2 if node.text("direction", "forward") == "bidirectional" else 1
    names = node.attributes.get("activations") or _DEFAULTS[node.op] * directions
    alphas, betas = iter(node.numbers("activation_alpha") or []), iter(node.numbers("activation_beta") or [])
    functions = [_activation(node, name, alphas, betas) for name in names]
    limit = node.number("clip", 0.0)
    gates = 2 if node.op == "LSTM" else 3
    return [_clipped(f, limit) if limit > 0 and i % 3 < gates else f for i, f in enumerate(functions)]


def _clipped(function: Activation, limit: float) -> Activation:
    return lambda x: function(x.clamp(-limit, limit))


def _activation(node: Node, name: str, alphas: Iterator[float], betas: Iterator[float]) -> Activation:
    """One function by its name in the standard; parameters are handed out in the order of the functions."""
    if name in _PLAIN:
        return _PLAIN[name]
    if name == "LeakyRelu":
        slope = next(alphas, 0.01)
        return lambda x: F.leaky_relu(x, slope)
    if name == "Elu":
        alpha = next(alphas, 1.0)
        return lambda x: F.elu(x, alpha)
    if name == "ThresholdedRelu":
        threshold = next(alphas, 1.0)
        return lambda x: torch.where(x > threshold, x, 0.0)
    if name == "HardSigmoid":
        scale, shift = next(alphas, 0.2), next(betas, 0.5)
        return lambda x: torch.clamp(scale * x + shift, 0.0, 1.0)
    if name == "ScaledTanh":
        outer, inner = next(alphas, 1.0), next(betas, 1.0)
        return lambda x: outer * torch.tanh(inner * x)
    if name == "Affine":
        scale, shift = next(alphas, 1.0), next(betas, 0.0)
        return lambda x: scale * x + shift
    raise node.unsupported(f"activation {name}")
