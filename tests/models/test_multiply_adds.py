"""Multiply-adds against the closed form, whoever wrote the graph."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from auditor.models.multiply_adds import multiply_adds
from tests.analytic import classifier

NETWORK = nn.Sequential(
    nn.Conv2d(3, 8, 3, stride=2, padding=1),
    nn.ReLU(),
    nn.ConvTranspose2d(8, 4, 2, stride=2),
    nn.Conv2d(4, 4, 3, padding=1, groups=4),
    nn.Flatten(),
    nn.Linear(4 * 16 * 16, 5),
).eval()
COUNT = 8 * 8 * 8 * 27 + 8 * 8 * 8 * 4 * 4 + 4 * 16 * 16 * 9 + 4 * 16 * 16 * 5


@pytest.mark.parametrize("how", ["eager", "traced", "exported"])
def test_convolutions_and_products_are_counted(how: str) -> None:
    module: nn.Module = NETWORK
    if how == "traced":
        module = torch.jit.trace(NETWORK, torch.zeros(1, 3, 16, 16))
    elif how == "exported":
        module = torch.export.export(NETWORK, (torch.zeros(1, 3, 16, 16),)).module()
        module.eval = lambda: module  # an exported module refuses to change its mode
    f = classifier(module, (3, 16, 16), 5)
    assert multiply_adds(f) == COUNT
    assert f.spent.backward == 0
