"""Every operator family against ONNX Runtime, over attributes and operator set versions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from auditor.models.onnx.graph import import_graph, read_graph

GRID = np.random.default_rng(7)


def normal(*shape: int) -> np.ndarray:
    return GRID.standard_normal(shape).astype(np.float32)


def positive(*shape: int) -> np.ndarray:
    return (GRID.random(shape) + 0.1).astype(np.float32)


def integers(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def case(op: str, x: np.ndarray, *constants: np.ndarray | None, **settings: Any) -> Any:
    shown = ", ".join(f"{k}={v}" for k, v in settings.items())
    return pytest.param(op, x, constants, settings, id=f"{op}({shown}) on {list(x.shape)}")


V, IMAGE, VOLUME = normal(2, 3, 4), normal(2, 4, 7, 6), normal(1, 2, 5, 4, 6)

ACTIVATIONS = [
    *(case(op, V) for op in ("Relu", "Sigmoid", "Tanh", "Softplus", "Softsign", "HardSigmoid", "HardSwish", "Mish")),
    case("LeakyRelu", V, alpha=0.2),
    case("PRelu", V, normal(3, 1)),
    case("Elu", V, alpha=0.7),
    case("Celu", V, alpha=2.0),
    case("Selu", V),
    case("Selu", V, alpha=1.5, gamma=2.0),
    case("ThresholdedRelu", V, alpha=0.3),
    case("Shrink", V, bias=0.1, lambd=0.4),
    case("Gelu", V, opset=20),
    case("Gelu", V, opset=20, approximate="tanh"),
    *(case(op, V, opset=11, axis=axis) for op in ("Softmax", "LogSoftmax", "Hardmax") for axis in (0, 1, 2)),
    *(case(op, V, opset=13, axis=axis) for op in ("Softmax", "LogSoftmax", "Hardmax") for axis in (0, 1, -1)),
    case("Softmax", V, opset=9),
]
ARITHMETIC = [
    *(case(op, V) for op in ("Abs", "Neg", "Exp", "Reciprocal", "Erf", "Floor", "Ceil", "Round", "Sign", "Sin")),
    *(case(op, V) for op in ("Cos", "Tan", "Atan", "Sinh", "Cosh", "Asinh")),
    *(case(op, positive(2, 3)) for op in ("Log", "Sqrt")),
    *(case(op, V.clip(-0.9, 0.9)) for op in ("Asin", "Acos", "Atanh")),
    case("Acosh", positive(2, 3) + 1),
    *(case(op, V, positive(3, 1)) for op in ("Add", "Sub", "Mul", "Div", "Max", "Min", "Sum", "Mean")),
    case("Div", np.array([7, -7, 5]), integers(2, 2, -2)),
    case("Pow", V, np.array(2.0, np.float32)),
    case("Pow", positive(2, 3), positive(3)),
    case("Pow", V, integers(3)),
    case("Mod", np.array([7, -7, 5]), integers(3, 3, -3)),
    case("Mod", V, positive(4), fmod=1),
    case("Clip", V, opset=6, min=-0.5, max=0.5),
    case("Clip", V, np.array(-0.5, np.float32), np.array(0.4, np.float32)),
    case("Clip", V, None, np.array(0.4, np.float32)),
    case("Clip", V, np.array(0.4, np.float32)),
    *(case(op, V, normal(4)) for op in ("Greater", "Less")),
    *(case(op, np.array([1, 2, 3]), integers(1, 3, 2)) for op in ("Equal", "GreaterOrEqual", "LessOrEqual")),
    *(case(op, np.array([True, False]), np.array([[True], [False]])) for op in ("And", "Or", "Xor")),
    case("Where", np.array([[True], [False]]), normal(2, 3), normal(3)),
    case("Not", np.array([True, False])),
    case("IsNaN", np.array([1.0, np.nan], np.float32)),
    case("IsInf", np.array([-np.inf, np.inf, 0], np.float32), detect_negative=0),
]
CONVOLUTION = [
    case("Conv", normal(2, 4, 9), normal(6, 4, 3), normal(6), pads=[2, 0]),
    case("Conv", IMAGE, normal(6, 4, 3, 3), pads=[1, 1, 1, 1], strides=[2, 1]),
    case("Conv", IMAGE, normal(6, 4, 3, 2), normal(6), pads=[0, 1, 2, 0], dilations=[2, 1], opset=9),
    case("Conv", IMAGE, normal(8, 1, 3, 3), normal(8), group=4, kernel_shape=[3, 3]),
    *(
        case("Conv", IMAGE, normal(3, 4, 4, 3), auto_pad=p, strides=[2, 2])
        for p in ("SAME_UPPER", "SAME_LOWER", "VALID")
    ),
    case("Conv", VOLUME, normal(3, 2, 2, 3, 2), normal(3), pads=[1, 0, 0, 0, 1, 1]),
    case("ConvTranspose", normal(2, 4, 5), normal(4, 3, 3), strides=[2], pads=[1, 0]),
    case("ConvTranspose", IMAGE, normal(4, 3, 3, 3), normal(3), strides=[2, 3], pads=[1, 1, 1, 1]),
    case("ConvTranspose", IMAGE, normal(4, 3, 3, 3), normal(3), strides=[2, 2], output_padding=[1, 1]),
    case("ConvTranspose", IMAGE, normal(4, 2, 3, 3), strides=[2, 2], group=2, dilations=[2, 1]),
    case("ConvTranspose", IMAGE, normal(4, 3, 3, 3), normal(3), strides=[2, 2], output_shape=[14, 12]),
    *(
        case("ConvTranspose", IMAGE, normal(4, 3, 3, 3), strides=[2, 2], auto_pad=p)
        for p in ("SAME_UPPER", "SAME_LOWER")
    ),
]
POOLING = [
    *(case(op, IMAGE) for op in ("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")),
    *(
        case(op, IMAGE, kernel_shape=[3, 2], **extra)
        for op in ("MaxPool", "AveragePool")
        for extra in (
            {},
            {"strides": [2, 2], "pads": [1, 1, 1, 1]},
            {"strides": [2, 2], "pads": [0, 1, 2, 0]},
            {"strides": [2, 2], "ceil_mode": 1},
            {"strides": [3, 2], "ceil_mode": 1, "pads": [1, 0, 0, 1]},
            {"strides": [2, 2], "auto_pad": "SAME_UPPER"},
            {"strides": [2, 1], "auto_pad": "SAME_LOWER"},
        )
    ),
    case("MaxPool", IMAGE, kernel_shape=[2, 2], dilations=[2, 2]),
    case("MaxPool", normal(1, 2, 9), kernel_shape=[3], strides=[2]),
    case("MaxPool", VOLUME, kernel_shape=[2, 2, 2], pads=[0, 0, 0, 1, 1, 1]),
    case("AveragePool", IMAGE, kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1),
    case("AveragePool", IMAGE, kernel_shape=[3, 3], pads=[0, 1, 2, 0], count_include_pad=1),
    case(
        "AveragePool", IMAGE, kernel_shape=[3, 3], pads=[1, 0, 0, 1], count_include_pad=1, strides=[2, 2], ceil_mode=1
    ),
    case("AveragePool", IMAGE, kernel_shape=[2, 2], dilations=[2, 2], opset=19),
    case("LpPool", IMAGE, kernel_shape=[2, 3], strides=[2, 1], p=3),
]
NORMALISATION = [
    case("BatchNormalization", IMAGE, positive(4), normal(4), normal(4), positive(4), epsilon=1e-3),
    case("BatchNormalization", normal(5, 4), positive(4), normal(4), normal(4), positive(4), opset=9),
    case("InstanceNormalization", IMAGE, positive(4), normal(4)),
    case("GroupNormalization", IMAGE, positive(4), normal(4), num_groups=2, opset=21),
    case("LayerNormalization", V, positive(4), normal(4)),
    case("LayerNormalization", V, positive(3, 4), axis=1, epsilon=1e-3),
    case("LayerNormalization", V, positive(4), outputs=3),
    case("RMSNormalization", V, positive(4), opset=23),
    *(case("LpNormalization", V, p=p, axis=axis) for p in (1, 2) for axis in (0, -1)),
    case("MeanVarianceNormalization", IMAGE),
    *(case("LRN", IMAGE, size=size, alpha=0.1, beta=0.6, bias=1.5) for size in (1, 3)),
    case("Dropout", V, opset=10),
    case("Dropout", V, np.array(0.3, np.float32), opset=13),
]
SHAPE = [
    case("Identity", V),
    case("Shape", V),
    case("Shape", V, start=1, end=-1),
    case("Size", V),
    case("Reshape", V, integers(0, -1)),
    case("Reshape", normal(0, 3), integers(0, 3, 1), allowzero=1),
    *(case("Flatten", V, axis=axis) for axis in (0, 1, 2, 3, -1)),
    case("Transpose", V),
    case("Transpose", V, perm=[1, 2, 0]),
    case("Squeeze", normal(1, 3, 1)),
    case("Squeeze", normal(1, 3, 1), opset=11, axes=[0]),
    case("Squeeze", normal(1, 3, 1), integers(-1), opset=13),
    case("Unsqueeze", V, opset=11, axes=[0, 4]),
    case("Unsqueeze", V, integers(-1, 0), opset=13),
    case("Expand", normal(3, 1), integers(2, 1, 4)),
    case("Tile", normal(2, 3), integers(2, 1)),
    *(case("DepthToSpace", IMAGE, blocksize=2, mode=mode) for mode in ("DCR", "CRD")),
    case("SpaceToDepth", normal(2, 3, 4, 6), blocksize=2),
    *(case("Concat", V, normal(2, 3, 4), axis=axis) for axis in (0, -1)),
    case("Split", normal(2, 6), axis=1, split=[2, 4], opset=11, outputs=2),
    case("Split", normal(2, 6), integers(1, 5), axis=1, opset=13, outputs=2),
    case("Split", normal(2, 6), axis=1, opset=13, outputs=3),
    case("Split", normal(2, 7), axis=1, num_outputs=3, outputs=3),
    case("Slice", V, opset=9, starts=[0, 1], ends=[1, 1000], axes=[0, 2]),
    case("Slice", V, integers(-2, 0), integers(1000, 3), integers(1, 2), integers(1, 2)),
    case("Slice", V, integers(-1, 2), integers(-(2**31), 0), integers(2, 1), integers(-1, -2)),
    case("Slice", V, integers(1), integers(2)),
    case("Pad", V, opset=9, pads=[0, 1, 0, 1, 0, 2], value=1.5),
    case("Pad", V, integers(0, 0, 1, 0, -1, 2), np.array(-1, np.float32)),
    case("Pad", V, integers(1, 2), None, integers(-1), mode="reflect"),
    case("Pad", V, integers(0, 2, 1, 1, 1, 3), mode="edge"),
    case("Pad", V, integers(0, 2, 1, 0, 1, 2), mode="wrap", opset=19),
]
REDUCTIONS = ["Mean", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSum", "LogSumExp", "Sum"]
REDUCTION = [
    *(
        case(f"Reduce{name}", positive(2, 3, 4), opset=opset, **extra)
        for name in REDUCTIONS
        for opset, extra in ((11, {"axes": [1, 2]}), (11, {"axes": [0], "keepdims": 0}), (11, {}))
    ),
    case("ReduceSum", V, integers(1, -1), opset=13, keepdims=0),
    case("ReduceMean", V, integers(1), opset=18),
    case("ReduceMax", V, integers(), opset=18, noop_with_empty_axes=1),
    *(case(op, V, axis=axis, keepdims=0) for op in ("ArgMax", "ArgMin") for axis in (0, -1)),
    case("ArgMax", np.array([[1, 2, 2]], np.float32), axis=1, select_last_index=1),
    *(case("CumSum", V, np.array(1), exclusive=e, reverse=r) for e in (0, 1) for r in (0, 1)),
]
SELECTION = [
    case("Gather", V, np.array(1), axis=1),
    case("Gather", V, np.array([[0, -1], [2, 1]]), axis=1),
    case("GatherElements", normal(2, 3), np.array([[0, -1], [1, 0]]), axis=1),
    case("GatherND", V, np.array([[0, 1], [1, -1]])),
    case("GatherND", V, np.array([[2], [0]]), batch_dims=1),
    case("ScatterElements", normal(2, 3), np.array([[1, -1]]), normal(1, 2), axis=1),
    case("ScatterElements", normal(2, 3), np.array([[1, 1]]), normal(1, 2), axis=1, reduction="add"),
    case("ScatterND", V, np.array([[0, 1], [1, 2]]), normal(2, 4)),
    case("ScatterND", V, np.array([[0, 1], [0, 1]]), normal(2, 4), reduction="add"),
    case("TopK", V, integers(2), axis=1, outputs=2),
    case("TopK", np.array([[1, 3, 3, 1]], np.float32), integers(3), axis=1, largest=0, outputs=2),
    case("NonZero", np.array([[1, 0], [1, 1]], np.float32)),
    case("Compress", V, np.array([True, False, True]), axis=1),
    case("OneHot", np.array([0, 2, -1]), np.array(3), np.array([0.5, 2], np.float32), axis=0),
    case("Trilu", V, np.array(1), upper=0),
    case("EyeLike", normal(3, 4), k=1),
    case("Range", np.array(1), np.array(9), np.array(3)),
    case("ConstantOfShape", integers(2, 3)),
    case("Cast", V, to=7),
    case("Cast", V, to=9),
    case("CastLike", V, integers(1)),
]
LINEAR = [
    case("MatMul", V, normal(4, 5)),
    case("Gemm", normal(2, 3), normal(3, 4), normal(4)),
    case("Gemm", normal(2, 3), normal(4, 3), normal(4), transB=1),
    case("Gemm", normal(3, 2), normal(4, 3), normal(2, 1), transA=1, transB=1, alpha=0.5, beta=2.0),
    case("Gemm", normal(2, 3), normal(3, 4), alpha=0.5),
    case("Einsum", V, normal(4, 5), equation="bij, jk -> bik"),
]
_HALF = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric")
_SMALL = normal(1, 1, 5, 6)
RESIZE = [
    case("Upsample", _SMALL, opset=7, scales=[1.0, 1.0, 2.0, 3.0]),
    case("Upsample", _SMALL, np.array([1, 1, 2, 2], np.float32), opset=9, mode="linear"),
    case("Resize", _SMALL, np.array([1, 1, 0.6, 1.5], np.float32), opset=10),
    *(
        case("Resize", _SMALL, None, None, integers(1, 1, *size), mode=mode, coordinate_transformation_mode=c, opset=13)
        for mode in ("nearest", "linear", "cubic")
        for c in _HALF
        for size in ((10, 9), (3, 4))
    ),
    *(
        case("Resize", _SMALL, None, None, integers(1, 1, 7, 4), nearest_mode=rule, opset=13)
        for rule in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
    ),
    *(
        case("Resize", _SMALL, None, None, integers(1, 1, 3, 4), mode=mode, antialias=1, opset=18)
        for mode in ("linear", "cubic")
    ),
    case("Resize", _SMALL, None, np.array([0.5, 0.5], np.float32), axes=[2, 3], opset=18, mode="linear"),
]
ATTENTION = [
    case("Attention", normal(2, 2, 3, 4), normal(2, 2, 5, 4), normal(2, 2, 5, 6), opset=23),
    case("Attention", normal(2, 4, 3, 4), normal(2, 2, 3, 4), normal(2, 2, 3, 4), opset=23, is_causal=1, scale=0.3),
    case("Attention", normal(2, 2, 3, 4), normal(2, 2, 5, 4), normal(2, 2, 5, 4), normal(3, 5), opset=23, softcap=0.5),
    case("Attention", normal(1, 3, 8), normal(1, 5, 8), normal(1, 5, 8), opset=23, q_num_heads=2, kv_num_heads=2),
    case("RotaryEmbedding", normal(1, 2, 3, 4), normal(1, 3, 2), normal(1, 3, 2), opset=23),
]
MICROSOFT = [
    *(case(op, V, domain="com.microsoft") for op in ("Gelu", "FastGelu", "QuickGelu")),
    *(case(op, V, normal(4), domain="com.microsoft") for op in ("BiasGelu", "FastGelu")),
    case("FusedMatMul", V, normal(5, 4), domain="com.microsoft", transB=1, alpha=0.5),
    case("TransposeMatMul", V, normal(5, 4), domain="com.microsoft", transB=1),
    *(
        case("FusedConv", IMAGE, normal(4, 4, 3, 3), normal(4), *added, domain="com.microsoft", pads=[1] * 4, **more)
        for added in ((), (normal(2, 4, 7, 6),))
        for more in ({"activation": "Relu"}, {"activation": "LeakyRelu", "activation_params": [0.2]},
                     {"activation": "Clip", "activation_params": [-0.5, 1.0]}, {})
        if more or added
    ),
    *(
        case("FusedGemm", normal(2, 3), normal(4, 3), normal(4), domain="com.microsoft", transB=1, activation=name)
        for name in ("Relu", "Sigmoid", "Tanh")
    ),
    case("SkipLayerNormalization", V, normal(2, 3, 4), positive(4), normal(4), normal(4), domain="com.microsoft"),
    case("SkipSimplifiedLayerNormalization", V, normal(2, 3, 4), positive(4), normal(4), domain="com.microsoft"),
    case("SimplifiedLayerNormalization", V, positive(4), axis=-1),
    case("MultiHeadAttention", V, normal(2, 5, 4), normal(2, 5, 4), domain="com.microsoft", num_heads=2),
    case("MultiHeadAttention", V, normal(2, 3, 4), normal(2, 3, 4), normal(12), domain="com.microsoft", num_heads=2,
         scale=0.3),
    case("Attention", V, normal(4, 18), normal(18), domain="com.microsoft", num_heads=2),
    case("Attention", V, normal(4, 20), normal(20), domain="com.microsoft", num_heads=2, qkv_hidden_sizes=[6, 6, 8]),
]  # fmt: skip
SEQUENCE = normal(5, 3, 4)  # (T, N, inputs)
_GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


def layer(op: str, *more: np.ndarray | None, output: int = 1, two: bool = False, **settings: Any) -> Any:
    """A recurrent layer of width 6; the output that is compared is chosen by its number."""
    rows, directions = _GATES[op] * 6, 2 if two else 1
    weights = normal(directions, rows, 4) * 0.5, normal(directions, rows, 6) * 0.5, normal(directions, 2 * rows)
    direction = {"direction": "bidirectional"} if two else {}
    return case(op, SEQUENCE, *weights, *more, hidden_size=6, outputs=output, **direction, **settings)


RECURRENT = [
    *(layer(op, output=output, two=two) for op in _GATES for output in (1, 2) for two in (False, True)),
    *(layer(op, direction="reverse") for op in _GATES),
    *(layer(op, np.array([5, 2, 3], np.int32), normal(2, 3, 6), two=True) for op in _GATES),
    layer("LSTM", np.array([5, 2, 3], np.int32), normal(1, 3, 6), normal(1, 3, 6), normal(1, 18), output=3),
    layer("LSTM", activations=["HardSigmoid", "ScaledTanh", "Softsign"], activation_alpha=[0.3, 0.8],
          activation_beta=[0.4, 0.7]),
    layer("LSTM", clip=0.5, opset=9),
    layer("GRU", linear_before_reset=1, two=True),
    layer("GRU", clip=0.5, opset=7),
    layer("RNN", activations=["LeakyRelu"], activation_alpha=[0.2]),
    layer("RNN", activations=["Relu"], opset=7),
]  # fmt: skip
_GRID = np.clip(normal(2, 3, 5, 2), -1.3, 1.3)
_BOXES = np.array([[0, 0, 4, 5], [1.5, 0.5, 5, 3.2], [2, 2, 2.4, 2.6]], np.float32)
SAMPLING = [
    *(
        case("GridSample", IMAGE, _GRID, opset=opset, mode=mode, padding_mode=outside, align_corners=corners)
        for opset, modes in ((16, ("bilinear", "nearest", "bicubic")), (20, ("linear", "nearest", "cubic")))
        for mode in modes
        for outside in ("zeros", "border", "reflection")
        for corners in (0, 1)
    ),
    case("GridSample", VOLUME, np.clip(normal(1, 2, 3, 4, 3), -1, 1), opset=20, align_corners=1),
    *(case("AffineGrid", normal(2, 2, 3), integers(2, 3, 4, 5), opset=20, align_corners=c) for c in (0, 1)),
    case("AffineGrid", normal(2, 3, 4), integers(2, 3, 4, 5, 6), opset=20),
    *(
        case("RoiAlign", IMAGE, _BOXES, integers(0, 1, 1), output_height=2, output_width=3, spatial_scale=0.9,
             sampling_ratio=ratio, mode=mode, opset=opset)
        for ratio in (0, 2)
        for mode in ("avg", "max")
        for opset in (10, 16)
    ),
    case("MaxRoiPool", IMAGE, np.array([[0, 0, 0, 4, 5], [1, 1, 2, 5, 3]], np.float32), pooled_shape=[2, 3],
         spatial_scale=0.9),
    case("DeformConv", IMAGE, normal(4, 2, 3, 3), normal(2, 36, 7, 6), normal(4), positive(2, 18, 7, 6), group=2,
         offset_group=2, pads=[1, 1, 1, 1], opset=19),
    case("DeformConv", IMAGE, normal(3, 4, 2, 3), normal(2, 12, 3, 2), strides=[2, 2], dilations=[1, 2],
         pads=[0, 1, 0, 0], opset=19),
    case("MaxUnpool", np.array([[[[5, 6], [7, 8]]]], np.float32), np.array([[[[5, 7], [13, 15]]]]),
         kernel_shape=[2, 2], strides=[2, 2]),
    *(
        case("MaxPool", IMAGE, kernel_shape=[3, 2], strides=[2, 2], pads=pads, storage_order=order, outputs=2)
        for pads in ([0, 0, 0, 0], [1, 0, 0, 1])
        for order in (0, 1)
    ),
    case("Col2Im", normal(2, 12, 20), integers(5, 6), integers(2, 2)),
    case("Col2Im", normal(2, 12, 12), integers(5, 6), integers(2, 2), strides=[2, 2], pads=[1, 0, 1, 2]),
    case("CenterCropPad", V, integers(3, 5), axes=[0, 2]),
    case("CenterCropPad", V, integers(1, 2, 7)),
]  # fmt: skip
SIGNALS = [
    *(case("DFT", normal(2, 6, 1), axis=1, onesided=one, opset=17) for one in (0, 1)),
    case("DFT", normal(2, 6, 2), axis=1, inverse=1, opset=17),
    case("DFT", normal(2, 6, 2), integers(4)[0], integers(1)[0], opset=20),
    case("STFT", normal(2, 20, 1), np.array(4), positive(8), opset=17),
    case("STFT", normal(2, 20, 1), np.array(5), None, np.array(8), onesided=0, opset=17),
    *(
        case(f"{name}Window", np.array(9), periodic=p, opset=17)
        for name in ("Hann", "Hamming", "Blackman")
        for p in (0, 1)
    ),
]
PLACES = [
    case("ReverseSequence", normal(4, 3, 2), integers(4, 1, 3)),
    case("ReverseSequence", normal(3, 4, 2), integers(4, 1, 3), batch_axis=0, time_axis=1),
    *(
        case("ScatterND", V, np.array([[0, 1], [0, -2], [1, 0]]), normal(3, 4), reduction=how)
        for how in ("mul", "max", "min")
    ),
    *(
        case("ScatterElements", normal(2, 3), np.array([[1, 1]]), normal(1, 2), axis=1, reduction=how)
        for how in ("mul", "max", "min")
    ),
    *(
        case("Unique", np.array([2, 1, 1, 3, 4, 3], np.float32), sorted=order, outputs=output)
        for order in (0, 1)
        for output in (1, 2, 3, 4)
    ),
    case("Unique", np.array([[1, 0], [0, 5], [1, 0]], np.float32), axis=0),
    *(case("BitShift", np.array([1, 200, 7], np.uint8), np.array([1, 2, 3], np.uint8), direction=d)
      for d in ("LEFT", "RIGHT")),
]  # fmt: skip
ML = [
    case("Scaler", normal(3, 2), domain="ai.onnx.ml", offset=[0.5, -1.0], scale=[2.0, 3.0]),
    *(case("Normalizer", normal(3, 2), domain="ai.onnx.ml", norm=norm) for norm in ("L1", "L2", "MAX")),
    case("LinearRegressor", normal(3, 2), domain="ai.onnx.ml", targets=1, coefficients=[0.5, -1.0], intercepts=[2.0]),
    *(
        case("LinearClassifier", normal(4, 2), domain="ai.onnx.ml", outputs=2, post_transform=link,
             intercepts=[0.1, 0.2, 0.3], coefficients=[0.5, -1.0, 2.0, 0.3, -0.4, 1.0], classlabels_ints=[0, 1, 2])
        for link in ("NONE", "SOFTMAX", "LOGISTIC")
    ),
    case("Imputer", np.array([[np.nan, 1]], np.float32), domain="ai.onnx.ml", imputed_value_floats=[3.0, 4.0],
         replaced_value_float=float("nan")),
    case("ArrayFeatureExtractor", normal(3, 4), integers(2, 0), domain="ai.onnx.ml"),
    case("FeatureVectorizer", normal(3, 4), normal(3, 2), domain="ai.onnx.ml", inputdimensions=[4, 2]),
    case("Binarizer", normal(3, 4), domain="ai.onnx.ml", threshold=0.2),
]  # fmt: skip
FAMILIES = [ACTIVATIONS, ARITHMETIC, CONVOLUTION, POOLING, NORMALISATION, SHAPE, REDUCTION, SELECTION, LINEAR]
FAMILIES += [RESIZE, ATTENTION, MICROSOFT, ML, RECURRENT, SAMPLING, SIGNALS, PLACES]


@pytest.mark.parametrize(("op", "x", "constants", "settings"), [case for family in FAMILIES for case in family])
def test_operator_equals_runtime(build, runtime, op, x, constants, settings):
    model = build(op, x, constants, **settings)
    output = model.graph.output[0].name
    expected = torch.from_numpy(runtime(model, x, output))
    actual = import_graph(read_graph(model, "x", output))(torch.from_numpy(x))
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-5, equal_nan=True)
