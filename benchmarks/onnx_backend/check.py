"""One backend test through the importer."""

from __future__ import annotations

import numpy as np
import torch
from onnx import ModelProto, numpy_helper
from torch import Tensor

from auditor.models.onnx.graph import import_graph, read_graph
from auditor.models.onnx.graph.tensors import tensor_from_proto
from benchmarks.onnx_backend.cases import Case
from benchmarks.onnx_backend.scope import is_quantised

_HALF = ("float16", "bfloat16")
_ROUNDED_TO_FOUR_DIGITS = {
    "test_averagepool_2d_ceil_last_window_starts_on_pad",
    "test_gridsample_bicubic",
    "test_roialign_aligned_false",
    "test_roialign_aligned_true",
}


def failure(case: Case) -> str | None:
    """What differs from the expected outputs, or None.

    Each output is computed once for every input of the model: that input is the data, the others are constants.
    Quantised operators take their first input as data alone, and give whole numbers as floats, which carry gradients.
    """
    quantised = is_quantised(case)
    tolerances, same = _tolerances(case), {"equal_nan": True, "check_dtype": not quantised}
    for position in range(1 if quantised else max(len(case.inputs), 1)):
        model, name, x = _with_data_at(case, position)
        for value, expected in zip(case.model.graph.output, case.outputs, strict=True):
            try:
                actual = import_graph(read_graph(model, name, value.name))(x)
                torch.testing.assert_close(actual, _tensor(expected), **tolerances, **same)
            except Exception as err:  # whatever it is, the case has failed, and the table says how
                first = next(iter(str(err).strip().splitlines()), "")
                return f"{value.name}, data at input {position}: {type(err).__name__}: {first}"
    return None


def _tolerances(case: Case) -> dict[str, float]:
    """The relative one of the onnx package's own runner; wider for half precision, which is computed in float32.

    The absolute one grows with the largest output, because sums of large terms cancel.
    """
    if any(np.asarray(value).dtype.name in _HALF for value in [*case.inputs, *case.outputs]):
        return {"rtol": 2e-2, "atol": 2e-2}
    floats = [np.abs(value[np.isfinite(value)]) for value in map(np.asarray, case.outputs) if value.dtype.kind == "f"]
    largest = max((float(value.max(initial=0.0)) for value in floats), default=0.0)
    return {"rtol": 1e-3, "atol": (1e-4 if case.name in _ROUNDED_TO_FOUR_DIGITS else 1e-5) * max(largest, 1.0)}


def _with_data_at(case: Case, position: int) -> tuple[ModelProto, str, Tensor]:
    """The model with one input left, the name of that input, and its data."""
    model = ModelProto()
    model.CopyFrom(case.model)
    del model.graph.input[:]
    stored = {tensor.name for tensor in model.graph.initializer}
    taken = [value for value in case.model.graph.input if value.name not in stored]
    name, x = "", torch.zeros(1)
    for index, (value, array) in enumerate(zip(taken, case.inputs, strict=True)):
        if index == position:
            model.graph.input.append(value)
            name, x = value.name, _tensor(array)
        else:
            model.graph.initializer.append(numpy_helper.from_array(np.asarray(array), value.name))
    return model, name, x


def _tensor(array: np.ndarray) -> Tensor:
    return tensor_from_proto(numpy_helper.from_array(np.asarray(array)))
