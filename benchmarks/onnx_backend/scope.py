"""Which backend tests have no bearing on gradients of a float classifier, and why.

Everything else is applicable and has to pass.
"""

from __future__ import annotations

import re

import numpy as np

from auditor.models.onnx.graph.registry import operators
from benchmarks.onnx_backend.cases import Case

TRAINING = "training: losses, optimisers, batch statistics, gradients of gradients"
TEXT = "text: strings in or out"
CONTAINERS = "sequences, maps and optional values as model inputs or outputs"
RANDOM = "random numbers: no expected output"
IMAGES = "decoding of image files"
BOXES = "box selection of detectors"
TREES = "tree ensembles: no gradient; audited without gradients"
TABLES = "tables of labels: no gradient"
NARROW = "elements that torch does not compute with: 8 bits and fewer in floating point, 4 bits and fewer, bit patterns"
QUANTISED = "quantised operators without a form here: audited without gradients"
EMPTY = "reduction of an empty axis to the lowest number"
WIDE = "bits of unsigned numbers above 8 bits, which become the next wider signed type here"

_OPERATORS = {
    TRAINING: r"ai\.onnx\.preview\.training::.*|NegativeLogLikelihoodLoss|SoftmaxCrossEntropyLoss",
    TEXT: r"String\w+|TfIdfVectorizer|RegexFullMatch",
    CONTAINERS: r"Optional\w*|SequenceMap|ai\.onnx\.ml::(ZipMap|CastMap|DictVectorizer)",
    RANDOM: r"Random\w+|Bernoulli|Multinomial",
    IMAGES: r"ImageDecoder",
    BOXES: r"NonMaxSuppression",
    TREES: r"ai\.onnx\.ml::TreeEnsemble\w*",
    TABLES: r"ai\.onnx\.ml::(LabelEncoder|CategoryMapper)",
    NARROW: r"BitCast",
}
_QUANTISED = r"\w*(Quantize|QLinear)\w*|(Conv|MatMul)Integer"
_NAMES = {
    TRAINING: r"test_training_\w+|test_batchnorm_\w*training_mode\w*|test_gradient_\w+",
    EMPTY: r"test_reduce_(max|min)_empty_set\w*",
    WIDE: r"test_bitwise_not_3d|test_bitshift_\w+_uint(16|32|64)",
}
_NARROW = re.compile(r"float[468]_|u?int[24]$")


def is_quantised(case: Case) -> bool:
    """Whether a case is about a quantised operator, be it written out."""
    return any(re.fullmatch(_QUANTISED, name) for name in case.operators | {case.group})


def not_applicable(case: Case) -> str | None:
    """The reason why a case is left out, or None if it has to pass."""
    for reason, pattern in _OPERATORS.items():
        if any(re.fullmatch(pattern, name) for name in case.operators):
            return reason
    if is_quantised(case) and not all(name in operators for name in case.operators | {case.group}):
        return QUANTISED
    for reason, pattern in _NAMES.items():
        if re.fullmatch(pattern, case.name):
            return reason
    if not case.is_array_case:
        return CONTAINERS
    arrays = [np.asarray(value) for value in [*case.inputs, *case.outputs]]
    if any(array.dtype.kind in "OSU" or "String" in array.dtype.name for array in arrays):
        return TEXT
    return NARROW if any(_NARROW.match(array.dtype.name) for array in arrays) else None
