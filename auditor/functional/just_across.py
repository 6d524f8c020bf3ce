"""From points on a boundary to points just on one side of it: where s leads t by a hair more than rounding.

A point of the boundary is predicted s or t by the last digits of its probabilities. A step back towards a point that is
predicted s settles it: to where p_s - p_t is between a quarter of beta and beta, or as far as it takes that no rounding
of coordinates leads out of s again, where the probabilities are steep or jump.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from auditor.functional.bisection import JUMP_WIDTH, points_at

FLOOR = 8 * JUMP_WIDTH
"""Least change of the coordinate that changes most; ``GROWTH`` times that at a jump."""
FIRST, GROWTH, LOOKS = 2.0**-12, 8.0, 16
"""Share of the way that is tried first, the factor while it is too little, and how many points are looked at."""
PROBES, SHAKEN, STEADY = 2, 8 * JUMP_WIDTH, 3.0
"""Neighbours that are looked at, how far each of their coordinates lies aside, far more than the coordinates of points
between two ends are rounded by, and how many times the lead must be what it changes by to each of them."""


def stepped_back(
    probabilities: Callable[[Tensor], Tensor],
    x: Tensor,
    x_s: Tensor,
    lead: Tensor,
    classes: tuple[int, int],
    *,
    rng: torch.Generator,
    beta: float = 1e-4,
) -> Tensor:
    """Points on the way from boundary points to points of s where s leads t by beta / 4 to beta, or more if need be.

    Args:
        probabilities: maps ``(n, *shape)`` to float32 ``(n, C)``, on the same device.
        x, x_s: float32 ``(N, *shape)``, on the boundary and predicted s.
        lead: float32 ``(N,)``, p_s - p_t at x; a jump has a lead beyond beta or below -beta.
        classes: s and t.
        rng: draws the neighbours that are looked at (CPU).
        beta: in (0, 1), largest gap of the two probabilities that counts as the boundary.
    Returns:
        float32 ``(N, *shape)``; x itself where s leads nowhere that was looked at, or where x_s is x.
    """
    s, t = classes
    if not x.numel():
        return x.clone()
    span = (x_s - x).flatten(1).abs().amax(dim=1).double()
    least = (FLOOR / span.clamp_min(1e-30)).clamp_max(1.0)
    low, at_low = torch.zeros_like(span), lead.double()
    high, at_high = torch.full_like(span, torch.inf), torch.full_like(span, torch.inf)
    jump = lead.abs() >= beta
    at = torch.where(jump, (GROWTH * least).clamp_max(1.0), least.clamp_min(FIRST))
    settled, lead_there = torch.zeros_like(span), torch.zeros_like(span)
    active = torch.nonzero(span > 0).flatten()
    for _ in range(LOOKS):
        if not len(active):
            break
        here = at[active]
        p = probabilities(points_at(x[active], x_s[active], here))
        leader, gap = p.argmax(dim=1), (p[:, s] - p[:, t]).double()
        leads = leader == s
        short = (leads & (gap < beta / 4)) | (leader == t)
        beyond = leads & ~short
        settled[active] = torch.where(beyond, here, settled[active])
        lead_there[active] = torch.where(beyond, _lead(p, s), lead_there[active])
        low[active], high[active] = torch.where(short, here, low[active]), torch.where(short, high[active], here)
        at_low[active] = torch.where(short, gap, at_low[active])
        at_high[active] = torch.where(short, at_high[active], gap)
        ended = torch.where(short, here >= 1, (beyond & (gap <= beta)) | (here <= least[active]))
        active = active[torch.nonzero(~ended).flatten()]
        a, b = at_low[active], at_high[active]
        share = ((beta / 2 - a) / (b - a)).nan_to_num(0.5).clamp(0.05, 0.95)
        inside = low[active] + (high[active] - low[active]) * share
        following = torch.where(high[active].isfinite(), inside, (GROWTH * at[active]).clamp_max(1.0))
        at[active] = following.clamp_min(least[active])
    active = torch.nonzero(settled > 0).flatten()
    for _ in range(LOOKS):
        if not len(active):
            break
        y = points_at(x[active], x_s[active], settled[active])
        change = (_leads_around(probabilities, y, s, rng) - lead_there[active]).abs().amax(dim=0)
        steady = STEADY * change < lead_there[active]
        active = active[torch.nonzero(~steady & (settled[active] < 1)).flatten()]
        settled[active] = (2 * settled[active]).clamp_max(1.0)
        if len(active):
            lead_there[active] = _lead(probabilities(points_at(x[active], x_s[active], settled[active])), s)
    return points_at(x, x_s, settled)


def _leads_around(probabilities: Callable[[Tensor], Tensor], y: Tensor, s: int, rng: torch.Generator) -> Tensor:
    """Lead of s at a few neighbours of each point: float64 ``(PROBES, N)``."""
    aside = SHAKEN * (2 * torch.randint(2, (PROBES, *y.shape), generator=rng).to(torch.int8).to(y.device) - 1)
    return _lead(probabilities((y + aside).clamp(0, 1).flatten(0, 1)), s).view(PROBES, len(y))


def _lead(p: Tensor, s: int) -> Tensor:
    """Logarithm of p_s over the largest other probability: float64 ``(N,)``. It does not level off where they do."""
    log_p = p.double().clamp_min(1e-30).log()
    others = log_p.clone()
    others[:, s] = -torch.inf
    return log_p[:, s] - others.amax(dim=1)
