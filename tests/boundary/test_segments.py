"""A second try after a third class, by a neighbour's end."""

from __future__ import annotations

import torch
from torch import nn

from auditor.boundary.base import DirectionTask
from auditor.boundary.segments import between, paired
from tests.analytic import classifier


class Mixed(nn.Module):
    """Class 1 right of 0.5: smoothly below 0.3, by a jump above; class 2 in the middle above 0.6."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        smooth = 10 * (x[:, 0] - 0.5)
        z = torch.where(x[:, 1] < 0.3, smooth, torch.where(smooth > 0, 1.0, -1.0))
        third = torch.where((x[:, 1] > 0.6) & ((x[:, 0] - 0.5).abs() < 0.2), 9.0, -9.0)
        return torch.stack([-z, z, third], dim=1)


def test_a_jump_that_only_the_second_try_meets_keeps_both_of_its_sides():
    x_s, x_t = torch.tensor([[0.0, 0.1], [0.0, 0.9]]), torch.tensor([[1.0, 0.1], [1.0, 0.9]])
    task = DirectionTask(0, 1, x_s, x_t, None, None, torch.Generator())
    f = classifier(Mixed(), (2,), 3)
    (found,) = between(f, [paired(task, torch.arange(2))], beta=1e-4, max_steps=60, retries=1)
    assert found.third_class == {2: 1}
    assert found.jump.tolist() == [False, True]
    assert f.predict(found.x_boundary[1:]).tolist() != f.predict(found.x_across[1:]).tolist()
