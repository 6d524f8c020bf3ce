"""The label output that a file of ONNX has beside its scores, as converters of scikit-learn write it."""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch
from onnx import ModelProto, TensorProto
from torch import Tensor

from auditor.models.onnx.graph.score import sizes

_LABELS = (TensorProto.INT64, TensorProto.INT32, TensorProto.STRING)
_CALLED_SO = re.compile(r"label|class|pred", re.IGNORECASE)
_MAKE_LABELS = frozenset({"ArgMax", "TopK", "ArrayFeatureExtractor", "LabelEncoder", "LinearClassifier",
                          "SVMClassifier", "TreeEnsembleClassifier"})  # fmt: skip


def label_output(model: ModelProto) -> str | None:
    """Name of the first output of whole numbers or text with one value for each instance that names or makes labels."""
    producers = {name: node.op_type for node in model.graph.node for name in node.output}
    for value in model.graph.output:
        if value.type.HasField("tensor_type") and value.type.tensor_type.elem_type in _LABELS:
            shape = sizes(value)
            single = shape is None or (len(shape) >= 1 and all(size == 1 for size in shape[1:]))
            if single and (_CALLED_SO.search(value.name) or producers.get(value.name) in _MAKE_LABELS):
                return str(value.name)
    return None


def classes_of(labels: Sequence[str], names: Sequence[str] | None, count: int) -> Tensor | None:
    """The class of each label.

    Args:
        labels: as the file gives them, as text.
        names: of the classes, where the file names them; without them labels are numbers of classes.
        count: of the classes.
    Returns:
        int64 ``(N,)``; None where a label is no class, so that the output is about something else.
    """
    class_of = {name: i for i, name in enumerate(names or map(str, range(count)))}
    if not all(label in class_of for label in labels):
        return None
    return torch.tensor([class_of[label] for label in labels], dtype=torch.int64)
