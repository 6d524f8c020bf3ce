"""Which of torch's operators stand between the last layer of a classifier and its scores, by name.

TorchScript graphs and torch.export graphs are written in the same operators, so both walks go by these sets.
"""

from __future__ import annotations

from auditor.models.base import OutputKind

RESHAPING = frozenset(
    "aten::" + name
    for name in (
        "view", "reshape", "flatten", "squeeze", "unsqueeze", "contiguous", "to", "clone", "alias", "type_as",
        "dropout", "dropout_", "_unsafe_view", "_to_copy",
    )
)  # fmt: skip
HEADS: dict[str, OutputKind] = {
    "aten::softmax": "probabilities",
    "aten::_softmax": "probabilities",
    "aten::sigmoid": "sigmoid",
}
POOLING = frozenset({"aten::mean", "aten::adaptive_avg_pool2d", "aten::avg_pool2d", "aten::_adaptive_avg_pool2d"})
BETWEEN = RESHAPING | POOLING | {
    "aten::relu", "aten::relu_", "aten::log_softmax", "aten::_log_softmax", "aten::feature_dropout", *HEADS,
}  # fmt: skip
ARITHMETIC = frozenset("aten::" + name for name in ("add", "add_", "sub", "sub_", "mul", "mul_", "div", "div_"))
CONVOLUTIONS = frozenset({"aten::conv2d", "aten::_convolution", "aten::convolution"})
LAYERS = CONVOLUTIONS | {"aten::linear", "aten::addmm", "aten::matmul", "aten::mm"}
DATA_OPERAND = {"aten::addmm": 1}
"""addmm(bias, x, weight); the others begin with x."""
SQUASHING = frozenset(
    "aten::" + name
    for name in (
        "sigmoid", "sigmoid_", "softmax", "_softmax", "log_softmax", "_log_softmax", "hardsigmoid", "hardsigmoid_",
        "special_expit", "tanh", "tanh_", "exp", "exp_", "erf", "softplus", "softsign", "logistic",
    )
)  # fmt: skip
"""What puts numbers into [0, 1], or is part of something that does."""
