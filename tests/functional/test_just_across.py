"""A step back from the boundary: how large it is in closed form, and where there is none to take."""

from __future__ import annotations

import torch

from auditor.functional.just_across import FLOOR, PROBES, SHAKEN, stepped_back


def logistic(slope: float):
    """Class 0 left of 0.5: p_0 - p_1 = tanh(slope (0.5 - x_0) / 2), which is slope (0.5 - x_0) / 2 there."""

    def probabilities(x: torch.Tensor) -> torch.Tensor:
        z = slope * (0.5 - x[:, 0].double())
        return torch.stack([z, torch.zeros_like(z)], dim=1).softmax(1).float()

    return probabilities


def test_the_lead_lies_within_the_tolerance() -> None:
    at = 0.5 + torch.linspace(-2e-5, 2e-5, 41)
    x, x_s = torch.stack([at, at.flip(0)], dim=1), torch.zeros(41, 2)
    for slope in (1.0, 0.1, 4.0):
        p = logistic(slope)(x)
        asked = [0]

        def counted(y: torch.Tensor, slope: float = slope, asked: list[int] = asked) -> torch.Tensor:
            asked[0] += len(y)
            return logistic(slope)(y)

        y = stepped_back(counted, x, x_s, p[:, 0] - p[:, 1], (0, 1), rng=torch.Generator())
        lead = logistic(slope)(y) @ torch.tensor([1.0, -1.0])
        assert ((lead >= 2.5e-5) & (lead <= 1e-4)).all()
        assert asked[0] <= (5 + PROBES) * 41


def test_where_it_is_steep_the_step_is_that_of_rounding() -> None:
    x, x_s = torch.full((3, 2), 0.5), torch.tensor([[0.0, 0.0], [0.4, 0.5], [0.25, 1.0]])
    y = stepped_back(logistic(1e6), x, x_s, torch.zeros(3), (0, 1), rng=torch.Generator())
    step = (y - x).abs().amax(dim=1)
    # The first coordinate decides; it must change by more than it may be rounded by, whatever the others do.
    assert ((x - y)[:, 0] > SHAKEN).all()
    assert ((step >= FLOOR) & (step < 20 * SHAKEN)).all()


def test_nothing_moves_where_there_is_no_way_back() -> None:
    x = torch.tensor([[0.5, 0.5], [0.5, 0.5]])
    y = stepped_back(
        logistic(1.0), x, torch.tensor([[0.5, 0.5], [0.9, 0.5]]), torch.zeros(2), (0, 1), rng=torch.Generator()
    )
    assert torch.equal(y, x)
    none = torch.empty(0, 2)
    assert len(stepped_back(logistic(1.0), none, none, torch.empty(0), (0, 1), rng=torch.Generator())) == 0
