"""Gradients of the imported operators against finite differences in float64, for every operator that has one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from auditor.models.onnx.graph import import_graph, read_graph
from auditor.models.onnx.graph.registry import operators, qualified

RANDOM = np.random.default_rng(3)


def normal(*shape: int) -> np.ndarray:
    return RANDOM.standard_normal(shape)


def positive(*shape: int) -> np.ndarray:
    return RANDOM.random(shape) + 0.2


def integers(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def case(op: str, x: np.ndarray, *constants: np.ndarray | None, **settings: Any) -> Any:
    name = qualified(settings.get("domain", ""), op)
    shown = ", ".join(
        f"{k}={v}" for k, v in settings.items() if not isinstance(v, list) and k not in ("body", "domain")
    )
    return pytest.param(op, x, constants, settings, id=f"{name}({shown})")


MATRIX, IMAGE, SEQUENCE = normal(3, 4), normal(2, 3, 5, 4), normal(4, 2, 3)

ELEMENTWISE = [
    *(case(op, MATRIX) for op in ("Relu", "Sigmoid", "Tanh", "Softplus", "Softsign", "HardSwish", "Mish", "Abs")),
    *(case(op, MATRIX) for op in ("Neg", "Exp", "Erf", "Sin", "Cos", "Tan", "Atan", "Sinh", "Cosh", "Asinh")),
    *(case(op, positive(3, 4)) for op in ("Log", "Sqrt", "Reciprocal")),
    *(case(op, np.clip(MATRIX, -0.9, 0.9) * 0.99) for op in ("Asin", "Acos", "Atanh")),
    *(case(op, MATRIX) for op in ("HardSigmoid", "LeakyRelu", "Elu", "Celu", "Selu", "ThresholdedRelu", "Shrink")),
    case("Acosh", positive(3, 4) + 1),
    case("PRelu", MATRIX, positive(4)),
    case("PRelu", positive(4), MATRIX, at=1),
    case("Swish", MATRIX, alpha=0.7),
    case("SwiGLU", MATRIX, normal(3, 4), opset=28, alpha=0.7),
    *(case("Gelu", MATRIX, opset=20, approximate=how) for how in ("none", "tanh")),
    *(case(op, MATRIX, axis=axis) for op in ("Softmax", "LogSoftmax") for axis in (0, 1)),
    *(case("Softmax", normal(2, 3, 2), axis=1, opset=opset) for opset in (11, 13)),
    *(case(op, MATRIX, normal(4)) for op in ("Add", "Sub", "Mul", "Max", "Min", "Sum", "Mean")),
    case("Div", MATRIX, positive(4)),
    case("Div", positive(4), MATRIX, at=1),
    case("Mod", MATRIX, positive(4), fmod=1),
    case("Pow", positive(3, 4), np.array(2.0)),
    case("Pow", positive(4), positive(3, 4), at=1),
    case("Clip", MATRIX, np.array(-0.4), np.array(0.6)),
    case("Where", MATRIX, MATRIX > 0, normal(4), at=1),
    *(
        case(op, MATRIX, **more)
        for op, more in (("Identity", {}), ("Dropout", {}), ("Cast", {"to": TensorProto.DOUBLE}))
    ),
    case("CastLike", MATRIX, np.zeros(1)),
]
LINEAR = [
    case("Conv", IMAGE, normal(2, 3, 3, 3), normal(2), pads=[1, 0, 0, 1], strides=[2, 1]),
    case("Conv", normal(2, 3, 3, 3), IMAGE, at=1),
    case("ConvTranspose", IMAGE, normal(3, 2, 3, 3), normal(2), strides=[2, 2], pads=[1, 0, 0, 1]),
    case("Gemm", normal(2, 3), normal(4, 3), normal(4), transB=1, alpha=0.5, beta=2.0),
    case("MatMul", IMAGE, normal(4, 2)),
    case("Det", normal(2, 3, 3)),
    case("Einsum", MATRIX, normal(4, 2), equation="ij,jk->ik"),
    case("Col2Im", normal(1, 4, 6), integers(3, 4), integers(2, 2)),
    case("DeformConv", normal(1, 2, 4, 4), normal(2, 2, 2, 2), normal(1, 8, 3, 3), opset=19),
    case("DeformConv", normal(1, 8, 3, 3), normal(1, 2, 4, 4), normal(2, 2, 2, 2), at=2, opset=19),
]
POOLING = [
    *(
        case(op, IMAGE, kernel_shape=[3, 2], pads=[1, 0, 0, 1], strides=[2, 2], ceil_mode=1)
        for op in ("MaxPool", "AveragePool")
    ),
    case("MaxPool", IMAGE, kernel_shape=[3, 2], outputs=2),
    case("LpPool", IMAGE, kernel_shape=[3, 2], p=3),
    *(case(op, IMAGE) for op in ("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")),
    case("MaxUnpool", normal(1, 1, 2, 2), np.array([[[[5, 7], [13, 15]]]]), kernel_shape=[2, 2], strides=[2, 2]),
    *(
        case(
            "RoiAlign",
            IMAGE,
            np.array([[0.3, 0.4, 2.9, 3.1]]),
            integers(1),
            mode=mode,
            output_width=2,
            sampling_ratio=2,
        )
        for mode in ("avg", "max")
    ),
    case("MaxRoiPool", IMAGE, np.array([[1.0, 0, 0, 2, 3]]), pooled_shape=[2, 2]),
]
NORMALISATION = [
    case("BatchNormalization", IMAGE, positive(3), normal(3), normal(3), positive(3)),
    case("InstanceNormalization", IMAGE, positive(3), normal(3)),
    case("GroupNormalization", normal(2, 4, 3), positive(4), normal(4), num_groups=2, opset=21),
    case("LayerNormalization", IMAGE, positive(4), normal(4)),
    *(case(op, MATRIX, positive(4), opset=23) for op in ("RMSNormalization", "SimplifiedLayerNormalization")),
    *(case("LpNormalization", MATRIX, p=p) for p in (1, 2)),
    case("MeanVarianceNormalization", IMAGE),
    case("LRN", IMAGE, size=3, alpha=0.5),
]
REDUCTION = [
    *(
        case(f"Reduce{name}", positive(3, 4), integers(1))
        for name in ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean")
    ),
    *(case(f"Reduce{name}", positive(3, 4), integers(1)) for name in ("Min", "Prod", "Sum", "SumSquare")),
    *(case("CumSum", MATRIX, np.array(1), exclusive=e, reverse=1) for e in (0, 1)),
    case("CumProd", MATRIX, np.array(1), opset=26),
]
ARRANGEMENT = [
    case("Reshape", MATRIX, integers(2, 6)),
    case("Flatten", IMAGE, axis=2),
    case("Transpose", MATRIX),
    case("Squeeze", normal(3, 1), integers(1)),
    case("Unsqueeze", MATRIX, integers(0)),
    case("Expand", MATRIX, integers(2, 3, 4)),
    case("Tile", MATRIX, integers(2, 1)),
    case("DepthToSpace", normal(1, 4, 2, 3), blocksize=2),
    case("SpaceToDepth", normal(1, 2, 4, 2), blocksize=2),
    case("CenterCropPad", MATRIX, integers(5, 2)),
    case("Concat", MATRIX, normal(3, 2), axis=1),
    case("Split", MATRIX, integers(1, 3), axis=1, outputs=2),
    case("Slice", MATRIX, integers(3), integers(0), integers(1), integers(-2)),
    *(case("Pad", MATRIX, integers(0, 1, 0, 2), mode=mode) for mode in ("constant", "reflect", "edge")),
    case("Trilu", MATRIX),
    *(case("Upsample", IMAGE, np.array([1, 1, 1.5, 2]), mode=mode, opset=9) for mode in ("nearest", "linear")),
    case("Resize", IMAGE, None, None, integers(2, 3, 7, 3), mode="cubic"),
    case("GridSample", IMAGE, np.clip(normal(2, 2, 3, 2), -0.9, 0.9), opset=20),
    case("GridSample", np.clip(normal(2, 2, 3, 2), -0.9, 0.9), IMAGE, at=1, opset=20),
    case("AffineGrid", normal(1, 2, 3), integers(1, 1, 2, 3), opset=20),
]
SELECTION = [
    case("Gather", MATRIX, np.array([[2, -1], [0, 0]]), axis=1),
    case("GatherElements", MATRIX, np.array([[2, -1], [0, 0]]), axis=1),
    case("GatherND", MATRIX, np.array([[2, -1], [0, 0]])),
    *(case(op, MATRIX, np.array([[2, 1]]), normal(1, 2), axis=1, opset=10) for op in ("Scatter",)),
    *(
        case("ScatterElements", MATRIX, np.array([[2, 2]]), normal(1, 2), axis=1, reduction=how)
        for how in ("none", "add", "mul", "max", "min")
    ),
    *(
        case("ScatterND", MATRIX, np.array([[2], [0], [0]]), normal(3, 4), reduction=how)
        for how in ("none", "add", "mul", "max", "min")
    ),
    case("ScatterND", normal(2, 4), MATRIX, np.array([[2], [0]]), at=2),
    case("TensorScatter", normal(2, 5, 3), normal(2, 2, 3), integers(1, 3), opset=24),
    case("ReverseSequence", SEQUENCE, integers(4, 2)),
    case("TopK", MATRIX, integers(2), outputs=2),
    case("Compress", MATRIX, np.array([True, False, True]), axis=0),
    case("Unique", np.array([0.3, 0.1, 2.0])),
]
ATTENTION = [
    case("Attention", normal(1, 2, 3, 4), normal(1, 2, 5, 4), normal(1, 2, 5, 4), opset=23, is_causal=1),
    case("Attention", normal(1, 2, 3, 4), normal(1, 2, 5, 4), normal(1, 2, 5, 4), opset=23, softcap=0.5),
    case("Attention", normal(1, 2, 3, 4), normal(1, 2, 3, 4), normal(1, 2, 3, 4), opset=25, left_window_size=1),
    case("Attention", normal(1, 1, 2, 4), normal(1, 1, 2, 4), normal(1, 1, 2, 4), np.array([[False] * 2, [True] * 2]),
         opset=23),
    case("RotaryEmbedding", normal(1, 2, 3, 4), normal(1, 3, 2), normal(1, 3, 2), opset=23),
]  # fmt: skip


def layer(op: str, gates: int, **settings: Any) -> Any:
    return case(op, SEQUENCE, normal(2, gates * 3, 3), normal(2, gates * 3, 3), normal(2, gates * 6),
                np.array([4, 2], np.int32), hidden_size=3, direction="bidirectional", **settings)  # fmt: skip


def body(inputs: list[str], outputs: list[str], *nodes: Any) -> Any:
    kinds = [
        [helper.make_tensor_value_info(name, TensorProto.DOUBLE, None) for name in names] for names in (inputs, outputs)
    ]
    return helper.make_graph(list(nodes), "body", *kinds)


_TANH, _SQUARE = (
    body([], ["r"], helper.make_node("Tanh", ["x"], ["r"])),
    body([], ["r"], helper.make_node("Mul", ["x", "x"], ["r"])),
)
_STEP = [helper.make_node("Mul", ["s", "v"], ["t"]), helper.make_node("Tanh", ["t"], ["u"])]
TIME = [
    layer("RNN", 1),
    layer("GRU", 3),
    layer("GRU", 3, linear_before_reset=1),
    layer("LSTM", 4),
    case("Scan", np.ones(2) * 0.7, normal(4, 2), body=body(["s", "v"], ["u", "t"], *_STEP), num_scan_inputs=1),
    case("Loop", normal(2), np.array(3), np.array(True), at=2,
         body=body(["i", "c", "s"], ["c", "u", "t"], helper.make_node("Identity", ["s"], ["v"]), *_STEP)),
    case("DFT", normal(2, 6, 1), onesided=1, opset=17),
    case("STFT", normal(1, 12, 1), np.array(4), positive(6), opset=17),
]  # fmt: skip
_MS = {"domain": "com.microsoft"}
MICROSOFT = [
    *(case(op, MATRIX, **_MS) for op in ("Gelu", "FastGelu", "QuickGelu")),
    case("BiasGelu", MATRIX, normal(4), **_MS),
    *(case(op, MATRIX, normal(4, 2), alpha=0.5, **_MS) for op in ("FusedMatMul", "TransposeMatMul")),
    case("FusedConv", IMAGE, normal(2, 3, 3, 3), normal(2), activation="Tanh", **_MS),
    case("FusedGemm", MATRIX, normal(4, 2), normal(2), activation="Sigmoid", **_MS),
    case("SkipLayerNormalization", MATRIX, normal(3, 4), positive(4), **_MS),
    case("SkipSimplifiedLayerNormalization", MATRIX, normal(3, 4), positive(4), **_MS),
    case("MultiHeadAttention", normal(1, 3, 4), normal(1, 3, 4), normal(1, 3, 4), num_heads=2, **_MS),
    case("Attention", normal(1, 3, 4), normal(4, 12), normal(12), num_heads=2, **_MS),
]
FAMILIES = [ELEMENTWISE, LINEAR, POOLING, NORMALISATION, REDUCTION, ARRANGEMENT, SELECTION, ATTENTION, TIME, MICROSOFT]
CASES = [case for family in FAMILIES for case in family]

_ML = {"domain": "ai.onnx.ml"}
# These give float32 whatever goes in: wide steps, which leave linear functions exact.
SINGLE_PRECISION = [
    case("Scaler", MATRIX, offset=[0.5], scale=[2.0], **_ML),
    case("LinearRegressor", MATRIX, coefficients=[0.5, 1.0, -1.0, 2.0], intercepts=[0.1], **_ML),
    case("LinearClassifier", MATRIX, coefficients=[0.5, 1.0, -1.0, 2.0] * 2, intercepts=[0.1, 0.2],
         classlabels_ints=[0, 1], outputs=2, **_ML),
    *(case("Normalizer", positive(3, 4) + 1, norm=norm, **_ML) for norm in ("MAX", "L1", "L2")),
    case("FeatureVectorizer", MATRIX, normal(3, 2), **_ML),
    case("Imputer", MATRIX, imputed_value_floats=[1.0], **_ML),
    case("ArrayFeatureExtractor", MATRIX, integers(2, 0), **_ML),
]  # fmt: skip

PIECEWISE_CONSTANT = [
    *(case(op, MATRIX) for op in ("Ceil", "Floor", "Round", "Sign", "Hardmax")),
    case("Binarizer", MATRIX, **_ML),
    case("OneHot", np.array([0.0, 2.0]), np.array(3), np.array([0.0, 1.0])),
]
WITHOUT_GRADIENT = {
    "whole numbers or truth values": """And ArgMax ArgMin BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Equal
        Greater GreaterOrEqual IsInf IsNaN Less LessOrEqual NonZero Not Or Xor""",
    "sizes alone": "SequenceLength Shape Size",
    "made from sizes and constants": """BlackmanWindow Constant ConstantOfShape EyeLike HammingWindow HannWindow
        MelWeightMatrix Range SequenceEmpty""",
}
CHAINS = {
    "If": [
        helper.make_node("ReduceSum", ["x"], ["total"], keepdims=0),
        helper.make_node("Less", ["total", "limit"], ["negative"]),
        helper.make_node("If", ["negative"], ["y"], then_branch=_TANH, else_branch=_SQUARE),
    ],
    "SplitToSequence SequenceErase SequenceInsert ConcatFromSequence": [
        helper.make_node("SplitToSequence", ["x"], ["rows"], axis=0),
        helper.make_node("SequenceErase", ["rows", "place"], ["fewer"]),
        helper.make_node("Tanh", ["x"], ["bent"]),
        helper.make_node("SequenceInsert", ["fewer", "bent", "place"], ["more"]),
        helper.make_node("ConcatFromSequence", ["more"], ["y"], axis=0),
    ],
    "SequenceConstruct SequenceAt": [
        helper.make_node("Tanh", ["x"], ["bent"]),
        helper.make_node("SequenceConstruct", ["x", "bent"], ["both"]),
        helper.make_node("SequenceAt", ["both", "place"], ["y"]),
    ],
}


def module_of(build, op, x, constants, settings):
    output = "y1" if op == "LinearClassifier" else "y0"
    outputs = settings.get("outputs", 2 if op in ("Scan", "Loop", "RNN", "GRU", "LSTM") else 1)
    model = build(op, x, constants, **{**settings, "outputs": outputs})
    return import_graph(read_graph(model, "x", output))


@pytest.mark.parametrize(("op", "x", "constants", "settings"), CASES)
def test_gradient_equals_finite_differences(build, op, x, constants, settings):
    module = module_of(build, op, x, constants, settings)
    assert torch.autograd.gradcheck(module, torch.from_numpy(x).requires_grad_(), fast_mode=False)


@pytest.mark.parametrize(("op", "x", "constants", "settings"), SINGLE_PRECISION)
def test_gradient_in_single_precision_equals_finite_differences(build, op, x, constants, settings):
    module = module_of(build, op, x, constants, settings)
    x = torch.from_numpy(x.astype(np.float32)).requires_grad_()
    exact = torch.autograd.functional.jacobian(module, x)
    step = torch.eye(x.numel()).view(-1, *x.shape) * 2**-7
    with torch.no_grad():
        slopes = torch.stack([(module(x + d) - module(x - d)) * 2**6 for d in step], dim=-1)
    torch.testing.assert_close(exact.reshape(slopes.shape), slopes, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize(("op", "x", "constants", "settings"), PIECEWISE_CONSTANT)
def test_piecewise_constant_operators_have_zero_gradient(build, op, x, constants, settings):
    x = torch.from_numpy(x).requires_grad_()
    y = module_of(build, op, x.detach().numpy(), constants, settings)(x)
    assert not y.requires_grad or not torch.autograd.grad(y.sum(), x)[0].any()


@pytest.mark.parametrize("nodes", CHAINS.values(), ids=CHAINS)
def test_gradient_through_a_chain_equals_finite_differences(nodes):
    constants = [numpy_helper.from_array(np.array(v), k) for k, v in (("limit", 0.0), ("place", 1))]
    info = [helper.make_tensor_value_info("x", TensorProto.DOUBLE, [3, 2])]
    graph = helper.make_graph(
        nodes, "chain", info, [helper.make_tensor_value_info("y", TensorProto.DOUBLE, None)], constants
    )
    module = import_graph(read_graph(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]), "x", "y"))
    for x in (positive(3, 2), -positive(3, 2)):
        assert torch.autograd.gradcheck(module, torch.from_numpy(x).requires_grad_())


def test_every_operator_has_a_gradient_test_or_a_reason():
    named = [case.values for case in [*CASES, *SINGLE_PRECISION, *PIECEWISE_CONSTANT]]
    tested = {qualified(settings.get("domain", ""), op) for op, _, _, settings in named}
    tested |= {name for chain in CHAINS for name in chain.split()}
    reasoned = {name for names in WITHOUT_GRADIENT.values() for name in names.split()}
    straight_through = {name for name in operators.names() if is_quantised(name)}
    assert tested | reasoned | straight_through == set(operators.names())
    assert not tested & reasoned


def is_quantised(name: str) -> bool:
    """Straight-through gradients are no derivatives: their own tests say what they are."""
    function = operators[name][0].function
    return getattr(function, "func", function).__module__.endswith(".quantisation")
