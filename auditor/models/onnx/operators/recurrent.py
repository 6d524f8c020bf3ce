"""Recurrent layers: RNN, GRU and LSTM, in both directions.

Gates lie side by side in one weight matrix for each direction; names of gates and states are those of the standard.
A step past the end of its sequence changes no state and yields zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import torch
import torch.nn.functional as F
from torch import Tensor

from auditor.models.onnx.graph.node import Node
from auditor.models.onnx.graph.registry import operator
from auditor.models.onnx.operators.activations import elu, hard_sigmoid, leaky_relu, thresholded_relu

Activation = Callable[[Tensor], Tensor]
State = tuple[Tensor, ...]
Cell = Callable[[Tensor, State], State]

_FUNCTIONS: dict[str, tuple[Callable[..., Tensor], dict[str, float]]] = {
    "Relu": (torch.relu, {}),
    "Tanh": (torch.tanh, {}),
    "Sigmoid": (torch.sigmoid, {}),
    "Softsign": (F.softsign, {}),
    "Softplus": (F.softplus, {}),
    "LeakyRelu": (leaky_relu, {"alpha": 0.01}),
    "Elu": (elu, {"alpha": 1.0}),
    "ThresholdedRelu": (thresholded_relu, {"alpha": 1.0}),
    "HardSigmoid": (hard_sigmoid, {"alpha": 0.2, "beta": 0.5}),
    "ScaledTanh": (lambda x, alpha, beta: alpha * torch.tanh(beta * x), {"alpha": 1.0, "beta": 1.0}),
    "Affine": (lambda x, alpha, beta: alpha * x + beta, {"alpha": 1.0, "beta": 0.0}),
}
"""Activations by their names in the standard, with the defaults of their parameters."""


@dataclass(frozen=True)
class Gates:
    """The attributes that say what a layer's gates compute, one direction after the other."""

    activation_alpha: tuple[float, ...] = ()
    activation_beta: tuple[float, ...] = ()
    activations: tuple[str, ...] = ()
    clip: float = 0.0
    direction: str = "forward"

    @property
    def turned(self) -> list[bool]:
        """Whether each direction runs from the end."""
        return {"forward": [False], "reverse": [True]}.get(self.direction, [False, True])


@lru_cache(maxsize=64)
def _functions(gates: Gates, usual: tuple[str, ...]) -> list[list[Activation]]:
    """The functions of each direction, behind the clipping of their input if asked for, never that of the cell state.

    Parameters are handed out in the order of the functions.
    """
    given = {"alpha": iter(gates.activation_alpha), "beta": iter(gates.activation_beta)}
    functions: list[Activation] = []
    for place, name in enumerate(gates.activations or usual * len(gates.turned)):
        function, parameters = _FUNCTIONS[name]
        bound = partial(function, **{key: next(given[key], default) for key, default in parameters.items()})
        functions.append(partial(_clipped, bound, gates.clip) if gates.clip > 0 and place % len(usual) < 2 else bound)
    return [functions[first : first + len(usual)] for first in range(0, len(functions), len(usual))]


def _clipped(function: Activation, limit: float, x: Tensor) -> Tensor:
    return function(x.clamp(-limit, limit))


def _unknown_activation(node: Node) -> str:
    return next((f"activation {n}" for n in node.attributes.get("activations", ()) if n not in _FUNCTIONS), "")


@operator("RNN", refuse=_unknown_activation)
def rnn(
    x: Tensor, w: Tensor, r: Tensor, b: Tensor | None = None, sequence_lens: Tensor | None = None,
    initial_h: Tensor | None = None, *, gates: Gates, layout: bool = False,
) -> tuple[Tensor, ...]:  # fmt: skip
    return _layer(_rnn_cell, gates, ("Tanh",), [w, r, b], x, sequence_lens, [initial_h], layout)


@operator("GRU", refuse=_unknown_activation)
def gru(
    x: Tensor, w: Tensor, r: Tensor, b: Tensor | None = None, sequence_lens: Tensor | None = None,
    initial_h: Tensor | None = None, *, gates: Gates, layout: bool = False, linear_before_reset: bool = False,
) -> tuple[Tensor, ...]:  # fmt: skip
    cell = partial(_gru_cell, linear_before_reset)
    return _layer(cell, gates, ("Sigmoid", "Tanh"), [w, r, b], x, sequence_lens, [initial_h], layout)


@operator("LSTM", refuse=_unknown_activation)
def lstm(
    x: Tensor, w: Tensor, r: Tensor, b: Tensor | None = None, sequence_lens: Tensor | None = None,
    initial_h: Tensor | None = None, initial_c: Tensor | None = None, p: Tensor | None = None,
    *, gates: Gates, input_forget: bool = False, layout: bool = False,
) -> tuple[Tensor, ...]:  # fmt: skip
    cell, usual = partial(_lstm_cell, input_forget), ("Sigmoid", "Tanh", "Tanh")
    return _layer(cell, gates, usual, [w, r, b, p], x, sequence_lens, [initial_h, initial_c], layout)


def _layer(
    make_cell: Callable[..., Cell], gates: Gates, usual: tuple[str, ...], weights: Sequence[Tensor | None],
    x: Tensor, lengths: Tensor | None, initial: Sequence[Tensor | None], batch_first: bool,
) -> tuple[Tensor, ...]:  # fmt: skip
    """Every output ``(T, D, N, H)``, the last states ``(D, N, H)``; ``batch_first`` puts N first.

    Args:
        make_cell: makes a cell of its functions and of its part of the weights.
        usual: the functions of a direction where the file names none.
        weights: w, r and what else there is, the directions first.
        initial: states, zero where None.
    """
    x = x.transpose(0, 1) if batch_first else x
    runs = []
    for d, (functions, reverse) in enumerate(zip(_functions(gates, usual), gates.turned, strict=True)):
        w, r, *others = (None if weight is None else weight[d] for weight in weights)
        assert r is not None, "the standard gives every layer its weights"
        given = (None if start is None else start[:, d] if batch_first else start[d] for start in initial)
        state = tuple(x.new_zeros(x.shape[1], r.shape[-1]) if start is None else start for start in given)
        runs.append(_over_time(make_cell(functions, w, r, *others), x, state, lengths, reverse))
    outputs = torch.stack([ys for ys, _ in runs], dim=1)
    last = [torch.stack(parts) for parts in zip(*(state for _, state in runs), strict=True)]
    if batch_first:
        return outputs.permute(2, 0, 1, 3), *(state.transpose(0, 1) for state in last)
    return outputs, *last


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


def _rnn_cell(f: list[Activation], w: Tensor, r: Tensor, b: Tensor | None) -> Cell:
    b_w, b_r = (None, None) if b is None else b.chunk(2)
    return lambda x, state: (f[0](F.linear(x, w, b_w) + F.linear(state[0], r, b_r)),)


def _gru_cell(linear_before_reset: bool, f: list[Activation], w: Tensor, r: Tensor, b: Tensor | None) -> Cell:
    """Update gate z, reset gate r, hidden gate h."""
    width = r.shape[-1]
    b_w, b_r = (w.new_zeros(2 * len(w))).chunk(2) if b is None else b.chunk(2)

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


def _lstm_cell(coupled: bool, f: list[Activation], w: Tensor, r: Tensor, b: Tensor | None, p: Tensor | None) -> Cell:
    """Input gate i, output gate o, forget gate f, cell gate c; peepholes let the gates see the cell state."""
    b_w, b_r = (None, None) if b is None else b.chunk(2)
    p_i, p_o, p_f = w.new_zeros(3, 1) if p is None else p.chunk(3)

    def step(x: Tensor, state: State) -> State:
        h, cell = state
        i, o, forget, c = (F.linear(x, w, b_w) + F.linear(h, r, b_r)).chunk(4, dim=1)
        i = f[0](i + p_i * cell)
        forget = 1 - i if coupled else f[0](forget + p_f * cell)
        cell = forget * cell + i * f[1](c)
        return f[0](o + p_o * cell) * f[2](cell), cell

    return step
