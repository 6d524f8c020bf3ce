"""Weights of a linear classifier of the digits that is right on most of them, so that an audit has something to do."""

from __future__ import annotations

import functools

import numpy as np


@functools.cache
def linear_digits() -> np.ndarray:
    """Float32 ``(64, 10)``, by ridge regression on scikit-learn's digits in [0, 1]."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    x, y = digits.data / 16, np.eye(10)[digits.target]
    return (np.linalg.solve(x.T @ x + np.eye(64), x.T @ y) * 20).astype(np.float32)
