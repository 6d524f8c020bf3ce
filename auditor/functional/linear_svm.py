"""A linear support vector machine with squared hinge loss, solved to its optimum.

    minimise  f(w) = 1/2 |w|^2 + C sum_i max(0, 1 - y_i w.x_i)^2,   x with a last 1, so that w holds the bias

This is the problem of LIBLINEAR and scikit-learn's LinearSVC. f is convex and piecewise quadratic, so Newton's method
reaches the optimum exactly once it knows which instances lie inside the margin, in a few tens of steps.

Differences from LIBLINEAR: its solvers stop at a tolerance relative to the start, which on embeddings of some hundred
dimensions was seen to leave f several times above its minimum, or to take seconds.
Source: Keerthi and DeCoste, A modified finite Newton method, JMLR 6, 2005.
"""

from __future__ import annotations

import torch
from torch import Tensor

STEPS = 200
ENOUGH = 1e-13
"""Newton's predicted decrease, as a share of f, below which f is at its minimum to rounding."""


def linear_svm(x: Tensor, y: Tensor, *, c: float = 1.0) -> tuple[Tensor, float] | None:
    """Normal and bias of the separating hyperplane; positive where y is.

    Args:
        x: ``(N, E)``.
        y: ``(N,)``, each -1 or 1.
        c: weight of the loss.
    Returns:
        float64 ``(E,)`` and the bias, None when the optimum was not reached.

    >>> normal, bias = linear_svm(torch.tensor([[-1.0], [1.0]]), torch.tensor([-1.0, 1.0]))
    >>> round(float(normal), 6), bias
    (0.8, 0.0)
    """
    x, y = torch.cat([x.double(), torch.ones(len(x), 1, dtype=torch.float64)], dim=1), y.double()
    w = torch.zeros(x.shape[1], dtype=torch.float64)
    for _ in range(STEPS):
        slack = 1 - y * (x @ w)
        inside = slack > 0
        step = _optimum(x[inside], y[inside], c) - w
        # The gradient is -H step, so this is twice the decrease that the quadratic model predicts.
        decrease = step @ step + 2 * c * (x[inside] @ step).square().sum()
        if decrease <= ENOUGH * objective(w, slack, c):
            return w[:-1], float(w[-1])
        w = w + _line_search(w, step, slack, -y * (x @ step), c) * step
    return None


def objective(w: Tensor, slack: Tensor, c: float) -> Tensor:
    """f(w) from the slacks 1 - y_i w.x_i."""
    return (w @ w) / 2 + c * slack.clamp_min(0).square().sum()


def _optimum(x: Tensor, y: Tensor, c: float) -> Tensor:
    """The w that would be best if exactly these instances lay inside the margin; ridge regression."""
    ridge = 1 / (2 * c)
    if len(x) < x.shape[1]:
        return x.T @ _solve(x @ x.T, y, ridge)
    return _solve(x.T @ x, x.T @ y, ridge)


def _solve(gram: Tensor, right: Tensor, ridge: float) -> Tensor:
    gram.diagonal().add_(ridge)
    return torch.cholesky_solve(right[:, None], torch.linalg.cholesky(gram))[:, 0]


def _line_search(w: Tensor, step: Tensor, slack: Tensor, change: Tensor, c: float) -> float:
    """The t > 0 at which f(w + t step) is least, exactly.

    f'(t) is continuous, increasing and linear between the t at which an instance enters or leaves the margin.

    Args:
        slack, change: ``(N,)``; the slacks at t are slack + t * change.
    """
    constant, slope = 2 * c * change * slack, 2 * c * change.square()
    inside = (slack > 0) | ((slack == 0) & (change > 0))
    crossing = -slack / change
    crosses = crossing > 0  # False for NaN, where an instance does not move
    order = crossing[crosses].argsort()
    # Who is inside leaves at its crossing, who is outside enters.
    sign = torch.where(inside, -1.0, 1.0)[crosses][order]
    first = torch.stack([w @ step + constant[inside].sum(), step @ step + slope[inside].sum()])
    moves = torch.stack([constant[crosses][order], slope[crosses][order]]) * sign
    at, rate = torch.cat([first[:, None], first[:, None] + moves.cumsum(dim=1)], dim=1)
    ends = torch.cat([crossing[crosses][order], torch.tensor([torch.inf], dtype=torch.float64)])
    piece = int((at + ends * rate >= 0).nonzero()[0])
    return float(-at[piece] / rate[piece])
