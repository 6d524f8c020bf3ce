"""Stacked networks: each behaves as it would alone, starts where it should, and takes any size."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from auditor.boundary.autoencoder import LARGEST_MLP, Network, PaperConv, StackedConv, StackedMLP, stacked

SHAPES = [((20,), "auto"), ((1, 8, 8), "auto"), ((3, 37, 50), "auto"), ((3, 9, 12), "paper"), ((1, 28, 28), "paper")]


def generators(count: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in range(count)]


@pytest.mark.parametrize(("shape", "network"), SHAPES)
def test_a_network_in_the_stack_equals_the_same_network_alone(shape: tuple[int, ...], network: Network) -> None:
    together = stacked(shape, network, "reconstruction", generators(3))
    x = torch.rand(3, 4, *shape, generator=torch.Generator().manual_seed(9))
    out = together(x)
    assert out.shape == x.shape
    assert out.min() >= 0
    assert out.max() <= 1
    alone = stacked(shape, network, "reconstruction", [torch.Generator().manual_seed(1)])
    torch.testing.assert_close(alone(x[1:2])[0], out[1], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("shape", "network"), SHAPES)
def test_the_residual_form_starts_as_the_identity_and_can_learn(shape: tuple[int, ...], network: Network) -> None:
    nets = stacked(shape, network, "residual", generators(2))
    x = torch.rand(2, 3, *shape, generator=torch.Generator().manual_seed(8))
    out = nets(x)
    torch.testing.assert_close(out, x)
    (out * torch.rand_like(out)).sum().backward()
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in nets.parameters())


def test_the_choice_of_network() -> None:
    assert isinstance(stacked((64,), "auto", "residual", generators(1)), StackedMLP)
    assert isinstance(stacked((3, 32, 32), "auto", "residual", generators(1)), StackedMLP)
    assert isinstance(stacked((3, 64, 64), "auto", "residual", generators(1)), StackedConv)
    assert 3 * 32 * 32 <= LARGEST_MLP < 3 * 64 * 64
    assert isinstance(stacked((3, 32, 32), "paper", "reconstruction", generators(1)), PaperConv)
    paper = stacked((1, 28, 28), "paper", "reconstruction", generators(1))
    assert [tuple(w.shape[1:]) for w in paper.weights] == [(784, 100), (100, 50), (50, 784)]


def test_the_patch_network_is_the_convolution_that_it_says() -> None:
    net = StackedConv((2, 8, 8), 4, 6, "residual", generators(1))
    x = torch.rand(5, 2, 8, 8, generator=torch.Generator().manual_seed(3))
    weight = net.weights[0][0, :32].t().reshape(6, 2, 4, 4)
    by_convolution = F.conv2d(x, weight, stride=4).flatten(2).transpose(1, 2)
    by_matrix = F.unfold(x, 4, stride=4).transpose(1, 2) @ net.weights[0][0, :32]
    torch.testing.assert_close(by_convolution, by_matrix, atol=1e-5, rtol=1e-4)
