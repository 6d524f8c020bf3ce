"""The differentiable part of the domain ``ai.onnx.ml``: what scikit-learn's linear models become."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from auditor.models.onnx.graph.node import Node
from auditor.models.onnx.graph.registry import operator

_ML = "ai.onnx.ml"


@operator("Scaler", domain=_ML)
def scaler(x: Tensor, *, offset: Tensor | None = None, scale: Tensor | None = None) -> Tensor:
    centred = x.float() if offset is None else x.float() - offset.to(x.device)
    return centred if scale is None else centred * scale.to(x.device)


def _beyond_scores(node: Node) -> str:
    alone = not node.wants(0) and len(node.attributes.get("intercepts", ())) > 1
    if alone and node.text("post_transform", "NONE") == "NONE":
        return ""
    return "labels, a single score or a post_transform beyond softmax and logistic"


@operator("LinearClassifier", domain=_ML, refuse=_beyond_scores)
def linear_classifier(x: Tensor, *, coefficients: Tensor, intercepts: Tensor) -> tuple[None, Tensor]:
    """Scores alone: labels are left to the runtime, softmax and sigmoid are nodes of their own by now."""
    return None, _linear(x, coefficients, len(intercepts), intercepts)


def _transformed(node: Node) -> str:
    return "post_transform" if node.text("post_transform", "NONE") != "NONE" else ""


@operator("LinearRegressor", domain=_ML, refuse=_transformed)
def linear_regressor(x: Tensor, *, coefficients: Tensor, intercepts: Tensor | None = None, targets: int = 1) -> Tensor:
    return _linear(x, coefficients, targets, intercepts)


def _linear(x: Tensor, coefficients: Tensor, targets: int, intercepts: Tensor | None) -> Tensor:
    bias = None if intercepts is None else intercepts.to(x.device)
    return F.linear(x.float(), coefficients.view(targets, -1).to(x.device), bias)


@operator("Normalizer", domain=_ML)
def normalizer(x: Tensor, *, norm: str = "MAX") -> Tensor:
    """x divided by its norm in each row, a zero row unchanged; MAX is the largest value, not the largest size."""
    x = x.float()
    if norm == "MAX":
        length = x.amax(dim=1, keepdim=True)
    else:
        length = torch.linalg.vector_norm(x, 1 if norm == "L1" else 2, dim=1, keepdim=True)
    return x / torch.where(length == 0, 1.0, length)


@operator("ArrayFeatureExtractor", domain=_ML)
def array_feature_extractor(x: Tensor, y: Tensor) -> Tensor:
    """Columns of the last axis; a vector counts as one row."""
    return torch.atleast_2d(x).index_select(-1, y.reshape(-1).long())


@operator("FeatureVectorizer", domain=_ML)
def feature_vectorizer(*x: Tensor) -> Tensor:
    return torch.cat([torch.atleast_2d(part).float() for part in x], dim=1)


@operator("Binarizer", domain=_ML)
def binarizer(x: Tensor, *, threshold: float = 0.0) -> Tensor:
    return (x > threshold).to(x.dtype)


@operator("Imputer", domain=_ML, refuse=lambda node: "" if node.attributes.get("imputed_value_floats") else "integers")
def imputer(x: Tensor, *, imputed_value_floats: Tensor, replaced_value_float: float = 0.0) -> Tensor:
    gaps = x.isnan() if math.isnan(replaced_value_float) else x == replaced_value_float
    return torch.where(gaps, imputed_value_floats.to(x.device), x)
