"""Gradients are those of autograd; on a GPU alone the way back rounds, and nothing after it does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from auditor.functional.gradients import _coarse_products, gradient_of

PLACES: tuple = torch.backends.cudnn, torch.backends.cuda.matmul


def allowed() -> list[bool]:
    return [place.allow_tf32 for place in PLACES]


@pytest.fixture
def exact() -> Iterator[None]:
    before = allowed()
    for place in PLACES:
        place.allow_tf32 = False
    yield
    for place, value in zip(PLACES, before, strict=True):
        place.allow_tf32 = value


def test_a_gradient_in_closed_form() -> None:
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    value = (x**3).sum()
    for _ in range(2):
        torch.testing.assert_close(gradient_of(value, x, retain_graph=True), 3 * x.detach() ** 2)


@pytest.mark.usefixtures("exact")
def test_the_way_back_rounds_on_a_gpu_alone() -> None:
    with _coarse_products(torch.device("cuda")):
        assert allowed() == [True, True]
    assert allowed() == [False, False]
    with _coarse_products(torch.device("cpu")):
        assert allowed() == [False, False]


@pytest.mark.usefixtures("exact")
def test_a_failure_on_the_way_back_leaves_exact_products() -> None:
    with pytest.raises(RuntimeError, match="no"), _coarse_products(torch.device("cuda")):
        raise RuntimeError("no")
    assert allowed() == [False, False]
