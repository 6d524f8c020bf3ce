"""The differentiable part of the domain ``ai.onnx.ml``: what scikit-learn's linear models become."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from auditor.models.onnx.graph.node import Node
from auditor.models.onnx.graph.registry import Compute, operator

_ML = "ai.onnx.ml"


@operator("Scaler", domain=_ML)
def scaler(node: Node) -> Compute:
    offset, scale = torch.tensor(node.numbers("offset") or [0.0]), torch.tensor(node.numbers("scale") or [1.0])
    return lambda x: (x.float() - offset.to(x.device)) * scale.to(x.device)


@operator("LinearClassifier", domain=_ML)
def linear_classifier(node: Node) -> Compute:
    """Scores alone: labels are left to the runtime, softmax and sigmoid are nodes of their own by now."""
    weights = torch.tensor(node.numbers("coefficients") or [])
    intercepts = torch.tensor(node.numbers("intercepts") or [])
    if node.wants(0) or len(intercepts) < 2 or node.text("post_transform", "NONE") != "NONE":
        raise node.unsupported("labels, a single score or a post_transform beyond softmax and logistic")
    weights = weights.view(len(intercepts), -1)
    return lambda x: (None, F.linear(x.float(), weights.to(x.device), intercepts.to(x.device)))


@operator("LinearRegressor", domain=_ML)
def linear_regressor(node: Node) -> Compute:
    targets = node.integer("targets", 1)
    weights = torch.tensor(node.numbers("coefficients") or []).view(targets, -1)
    intercepts = torch.tensor(node.numbers("intercepts") or [0.0] * targets)
    if node.text("post_transform", "NONE") != "NONE":
        raise node.unsupported("post_transform")
    return lambda x: F.linear(x.float(), weights.to(x.device), intercepts.to(x.device))


@operator("Normalizer", domain=_ML)
def normalizer(node: Node) -> Compute:
    """x divided by its norm in each row, a zero row unchanged; MAX is the largest value, not the largest size."""
    kind = node.text("norm", "MAX")

    def normalise(x: Tensor) -> Tensor:
        x = x.float()
        if kind == "MAX":
            norm = x.amax(dim=1, keepdim=True)
        else:
            norm = torch.linalg.vector_norm(x, 1 if kind == "L1" else 2, dim=1, keepdim=True)
        return x / torch.where(norm == 0, 1.0, norm)

    return normalise


@operator("ArrayFeatureExtractor", domain=_ML)
def array_feature_extractor(node: Node) -> Compute:
    """Columns of the last axis; a vector counts as one row."""
    return lambda x, columns: torch.atleast_2d(x).index_select(-1, columns.reshape(-1).long())


@operator("FeatureVectorizer", domain=_ML)
def feature_vectorizer(node: Node) -> Compute:
    return lambda *parts: torch.cat([torch.atleast_2d(part).float() for part in parts], dim=1)


@operator("Binarizer", domain=_ML)
def binarizer(node: Node) -> Compute:
    threshold = node.number("threshold", 0.0)
    return lambda x: (x > threshold).to(x.dtype)


@operator("Imputer", domain=_ML)
def imputer(node: Node) -> Compute:
    values = torch.tensor(node.numbers("imputed_value_floats") or [])
    missing = node.number("replaced_value_float", 0.0)
    if not len(values):
        raise node.unsupported("integers")

    def imputed(x: Tensor) -> Tensor:
        gaps = x.isnan() if missing != missing else x == missing
        return torch.where(gaps, values.to(x.device), x)

    return imputed
