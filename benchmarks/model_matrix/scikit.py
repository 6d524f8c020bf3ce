"""Scikit-learn's classifiers through skl2onnx, trained on the digits that scikit-learn ships.

With a ZipMap (skl2onnx's default: labels and a sequence of maps), without it, and with one output for each class. The
reference is scikit-learn itself, in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.model_matrix.case import Built, Case, Expectation
from benchmarks.model_matrix.reference import INSTANCES, Reference, of_module


@dataclass(frozen=True)
class Estimator:
    """One kind of classifier.

    Args:
        make: the untrained estimator.
        classes: how many of the digits it tells apart.
        zipmap: as in skl2onnx's options.
        expect, says: of the product.
        no_embedding: there is no linear layer.
    """

    make: Callable[[], Any]
    classes: int = 10
    zipmap: bool | str = True
    expect: Expectation = "gradient"
    says: str = ""
    no_embedding: bool = False


def _mlp(**arguments: Any) -> Any:
    from sklearn.neural_network import MLPClassifier

    return MLPClassifier((32, 16), max_iter=30, random_state=0, **arguments)


def _logistic(**arguments: Any) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=50, **arguments)


def _after(step: str, last: Callable[[], Any]) -> Any:
    from sklearn.decomposition import PCA
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, Normalizer, StandardScaler

    steps = {"scaler": StandardScaler(), "minmax": MinMaxScaler(), "pca": PCA(12), "normaliser": Normalizer()}
    return make_pipeline(steps[step], last())


def _forest() -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(12, max_depth=6, random_state=0)


def _boosting() -> Any:
    from sklearn.ensemble import GradientBoostingClassifier

    return GradientBoostingClassifier(n_estimators=6, max_depth=3, random_state=0)


def _tree() -> Any:
    from sklearn.tree import DecisionTreeClassifier

    return DecisionTreeClassifier(max_depth=7, random_state=0)


def _one_versus_rest() -> Any:
    from sklearn.multiclass import OneVsRestClassifier

    return OneVsRestClassifier(_logistic())


ESTIMATORS: dict[str, Estimator] = {
    "mlp/zipmap": Estimator(_mlp),
    "mlp/plain": Estimator(_mlp, zipmap=False),
    # The importer does not look through the pair 1 - p, p of these two.
    "mlp/two-classes": Estimator(_mlp, classes=2, no_embedding=True),
    "mlp/two-classes-plain": Estimator(_mlp, classes=2, zipmap=False, no_embedding=True),
    "mlp/tanh": Estimator(partial(_mlp, activation="tanh"), zipmap=False),
    "mlp/logistic": Estimator(partial(_mlp, activation="logistic"), zipmap=False),
    "logistic/zipmap": Estimator(_logistic),
    "logistic/plain": Estimator(_logistic, zipmap=False),
    "logistic/two-classes": Estimator(_logistic, classes=2),
    "logistic/two-classes-plain": Estimator(_logistic, classes=2, zipmap=False),
    "logistic/one-versus-rest": Estimator(_one_versus_rest, zipmap=False, no_embedding=True),
    "pipeline/scaler-mlp": Estimator(partial(_after, "scaler", _mlp)),
    "pipeline/scaler-mlp-plain": Estimator(partial(_after, "scaler", _mlp), zipmap=False),
    "pipeline/scaler-logistic": Estimator(partial(_after, "scaler", _logistic)),
    "pipeline/minmax-mlp": Estimator(partial(_after, "minmax", _mlp), zipmap=False),
    "pipeline/pca-logistic": Estimator(partial(_after, "pca", _logistic), zipmap=False),
    "pipeline/normaliser-logistic": Estimator(partial(_after, "normaliser", _logistic), zipmap=False),
    "trees/forest": Estimator(_forest, expect="no gradient", says="Tree", no_embedding=True),
    "trees/forest-plain": Estimator(_forest, zipmap=False, expect="no gradient", says="Tree", no_embedding=True),
    "trees/boosting": Estimator(_boosting, zipmap=False, expect="no gradient", says="Tree", no_embedding=True),
    "trees/one-tree": Estimator(_tree, zipmap=False, expect="no gradient", says="Tree", no_embedding=True),
}


def cases() -> list[Case]:
    """One case for each estimator."""
    return [
        Case(f"scikit-learn/{name}", partial(_build, name), expect=kind.expect, says=kind.says, needs=("skl2onnx",),
             no_embedding=kind.no_embedding)
        for name, kind in ESTIMATORS.items()
    ]  # fmt: skip


def _build(name: str, folder: Path) -> Built:
    from skl2onnx import to_onnx
    from sklearn.datasets import load_digits

    kind = ESTIMATORS[name]
    digits = load_digits(n_class=kind.classes)
    x = (digits.data / 16).astype(np.float32)
    estimator = kind.make().fit(x, digits.target)
    path = folder / "model.onnx"
    last = estimator[-1] if hasattr(estimator, "steps") else estimator
    model = to_onnx(
        estimator, x[:1], options={id(last): {"zipmap": kind.zipmap}}, target_opset={"": 18, "ai.onnx.ml": 3}
    )
    path.write_bytes(model.SerializeToString())
    scores = torch.from_numpy(estimator.predict_proba(x[:INSTANCES].astype(np.float64))).float()
    inputs = torch.from_numpy(x[:INSTANCES])
    if kind.expect == "no gradient":
        return path, Reference(inputs, scores, "scikit-learn")
    net = Estimated(estimator)
    return path, replace(of_module(net, inputs, source="scikit-learn, its weights in torch"), scores=scores)


class Estimated(nn.Module):
    """A trained estimator in torch, for its gradient: steps before, layers, and logits ``(N, C)``."""

    def __init__(self, estimator: Any) -> None:
        super().__init__()
        *before, last = [step for _, step in estimator.steps] if hasattr(estimator, "steps") else [estimator]
        self.before = before[0] if before else None
        self.rest = hasattr(last, "estimators_")
        activation = {"relu": nn.ReLU, "tanh": nn.Tanh, "logistic": nn.Sigmoid}.get(getattr(last, "activation", ""))
        if hasattr(last, "coefs_"):
            weights = list(zip((w.T for w in last.coefs_), last.intercepts_, strict=True))
        elif self.rest:
            parts = last.estimators_
            weights = [(np.vstack([p.coef_ for p in parts]), np.hstack([p.intercept_ for p in parts]))]
        else:
            weights = [(last.coef_, last.intercept_)]
        self.layers = nn.Sequential()
        for position, (weight, shift) in enumerate(weights):
            if position and activation is not None:
                self.layers.append(activation())
            layer = nn.Linear(weight.shape[1], weight.shape[0])
            layer.weight.data = torch.from_numpy(np.ascontiguousarray(weight)).float()
            layer.bias.data = torch.from_numpy(np.asarray(shift)).float()
            self.layers.append(layer)

    def forward(self, x: Tensor) -> Tensor:
        """Logits; two classes from one number are its sigmoid, one-versus-rest is the logarithm of sigmoids."""
        step = self.before
        name = type(step).__name__
        if name == "StandardScaler":
            x = (x - _like(step.mean_, x)) / _like(step.scale_, x)
        elif name == "MinMaxScaler":
            x = x * _like(step.scale_, x) + _like(step.min_, x)
        elif name == "PCA":
            x = (x - _like(step.mean_, x)) @ _like(step.components_.T, x)
        elif name == "Normalizer":
            x = x / x.norm(dim=1, keepdim=True)
        z = self.layers(x)
        if self.rest:
            return nn.functional.logsigmoid(z)
        return torch.cat([torch.zeros_like(z), z], dim=1) if z.shape[1] == 1 else z


def _like(values: NDArray[np.float64], x: Tensor) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values)).to(x.dtype)
