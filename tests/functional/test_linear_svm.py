"""The linear SVM against its closed form in one dimension, its optimality conditions and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.svm import LinearSVC

from auditor.functional.linear_svm import linear_svm


def classes(count: int, width: int, apart: float, scale: float, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Two overlapping or separable clouds with rectified entries, as embeddings have."""
    g = torch.Generator().manual_seed(seed)
    y = torch.where(torch.arange(count) % 2 == 0, -1.0, 1.0)
    x = 3 * torch.randn(count, width, generator=g).relu()
    x[y > 0, : max(1, width // 10)] += apart
    return (scale * x).double(), y.double()


def objective(x: torch.Tensor, y: torch.Tensor, normal: torch.Tensor, bias: float) -> float:
    slack = (1 - y * (x @ normal + bias)).clamp_min(0)
    return float((normal @ normal + bias**2) / 2 + slack.square().sum())


@given(st.integers(1, 50), st.floats(0.01, 100))
def test_symmetric_points_in_one_dimension(count, a):
    # n points at each of -a and a: w minimises w^2/2 + 2 n C (1 - w a)^2, so w = 4 n C a / (1 + 4 n C a^2).
    x = torch.tensor([[-a], [a]], dtype=torch.float64).repeat(count, 1)
    y = torch.tensor([-1.0, 1.0]).repeat(count)
    normal, bias = linear_svm(x, y)
    assert float(normal) == pytest.approx(4 * count * a / (1 + 4 * count * a * a), rel=1e-9)
    assert bias == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("count", "width"), [(200, 8), (120, 64), (60, 200)])
@pytest.mark.parametrize("apart", [0.0, 0.5, 6.0])
def test_agrees_with_scikit_learn_where_it_converges(count, width, apart):
    x, y = classes(count, width, apart, scale=0.1)
    normal, bias = linear_svm(x, y)
    theirs = LinearSVC(C=1.0, dual=False, tol=1e-9, max_iter=100_000).fit(x.numpy(), y.numpy())
    assert np.concatenate([normal.numpy(), [bias]]) == pytest.approx(
        np.concatenate([theirs.coef_[0], theirs.intercept_]), abs=1e-4 * float(normal.norm())
    )


@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0, 1000.0])
@pytest.mark.parametrize(("count", "width"), [(280, 64), (150, 300)])
@pytest.mark.parametrize("apart", [0.0, 4.0])
def test_reaches_the_optimum_at_every_scale(count, width, apart, scale):
    x, y = classes(count, width, apart, scale)
    normal, bias = linear_svm(x, y)
    best = objective(x, y, normal, bias)
    # f is convex and its Hessian is at least the identity: f(w) - f* <= |gradient|^2 / 2.
    slack = (1 - y * (x @ normal + bias)).clamp_min(0)
    gradient = torch.cat([normal - 2 * x.T @ (slack * y), torch.tensor([bias - float(2 * (slack * y).sum())])])
    assert float(gradient @ gradient) / 2 <= 1e-6 * best


@given(st.integers(2, 30), st.integers(1, 20), st.integers(0, 50))
def test_is_never_worse_than_scikit_learn(count, width, seed):
    x, y = classes(count, width, 1.0, 1.0, seed)
    theirs = LinearSVC(C=1.0, dual=False, max_iter=10_000).fit(x.numpy(), y.numpy())
    found = objective(x, y, *linear_svm(x, y))
    assert found <= objective(x, y, torch.tensor(theirs.coef_[0]), float(theirs.intercept_[0])) * (1 + 1e-9)


def test_equal_classes_have_no_direction():
    x = torch.ones(10, 3)
    normal, bias = linear_svm(x, torch.tensor([-1.0, 1.0]).repeat(5))
    assert float(normal.norm()) == pytest.approx(0, abs=1e-12)
    assert bias == pytest.approx(0, abs=1e-12)
