"""Small networks quantised by ONNX Runtime's own tools: dynamic, static as QDQ, static with quantised operators.

The reference is ONNX Runtime: its scores as it runs by default are the file's, and with fusion off those of its graph.
A difference of one rounding step is many times 1e-3, hence the wider bound. Weights have seven bits: with eight, ONNX
Runtime's sums overflow on processors without integer dot products, and depend on the batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.model_matrix.case import Built, Case
from benchmarks.model_matrix.exports import quiet, to_onnx
from benchmarks.model_matrix.reference import INSTANCES, noise, of_runtime
from benchmarks.model_matrix.small_nets import IMAGE, VECTOR, cnn, dense

_KINDS = ("dynamic", "qdq", "qdq-per-channel", "qdq-uint8-weights", "qoperator")
_STEP = 0.07


def cases() -> list[Case]:
    """Every kind for both networks; the gradient, where there is one, is straight-through."""
    return [
        Case(f"quantised/{name}/{kind}", partial(_build, name, kind), expect="either", tolerance=_STEP)
        for name in ("cnn", "dense")
        for kind in _KINDS
    ]


def _build(name: str, kind: str, folder: Path) -> Built:
    from onnxruntime.quantization import (
        CalibrationDataReader,
        QuantFormat,
        QuantType,
        quantize_dynamic,
        quantize_static,
    )

    net, shape = (cnn(), IMAGE) if name == "cnn" else (dense(), VECTOR)
    source = to_onnx(net, shape, folder / "float.onnx", "tracer", 17)
    path = folder / "model.onnx"

    class Reader(CalibrationDataReader):
        """Noise in [0, 1], a batch at a time."""

        def __init__(self) -> None:
            self.left: Iterator[dict[str, Any]] = iter([{"input": noise(16, *shape, seed=n).numpy()} for n in range(4)])

        def get_next(self) -> dict[str, Any] | None:
            """The next batch, or None."""
            return next(self.left, None)

    with quiet():
        if kind == "dynamic":
            quantize_dynamic(source, path, reduce_range=True)
        else:
            form = QuantFormat.QOperator if kind == "qoperator" else QuantFormat.QDQ
            weights = QuantType.QUInt8 if "uint8" in kind else QuantType.QInt8
            quantize_static(source, path, Reader(), quant_format=form, reduce_range=True, per_channel="channel" in kind,
                            weight_type=weights, activation_type=QuantType.QUInt8)  # fmt: skip
    size = 1 if kind == "dynamic" else 16
    return path, of_runtime(path, noise(INSTANCES, *shape), "output", size=size)
