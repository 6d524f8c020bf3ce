"""Linear classifiers: ``model.linear`` is JSON with ``weights`` (C lists of D numbers) and ``bias`` (C numbers)."""

import json

import torch
from torch import Tensor

from auditor.models.base import Backend, ModelInput, ModelOptions, model_format
from auditor.models.model_file import ModelFile


class LinearModel(Backend):
    """Logits W x + b."""

    def __init__(self, weights: Tensor, bias: Tensor) -> None:
        self.weights, self.bias = weights, bias
        self.input = ModelInput(shape=(weights.shape[1],))
        self.runtime = self.gradient = f"torch {torch.__version__}"
        self.embedding = "input"
        self.head = "logits"
        self.device = torch.device("cpu")

    def scores(self, x: Tensor) -> Tensor:
        """Float32 ``(N, C)``."""
        return self.logits(x).detach()

    def logits(self, x: Tensor) -> Tensor:
        """The same, with a gradient."""
        return x @ self.weights.T + self.bias

    def embeddings(self, x: Tensor) -> Tensor:
        """A linear model has no layer before its last: the input itself."""
        return x.detach()


@model_format("linear")
def open_linear(file: ModelFile, options: ModelOptions) -> Backend:
    """Open a linear classifier in JSON."""
    document = json.loads(file.reader().read())
    return LinearModel(torch.tensor(document["weights"]), torch.tensor(document["bias"]))
