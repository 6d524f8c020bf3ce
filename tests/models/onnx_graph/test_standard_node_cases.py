"""The ONNX standard's own node tests, for every operator that the importer knows.

Each case is run once for every input of its node: that input is the data, the others are constants.
"""

from __future__ import annotations

import warnings
from collections import defaultdict

import numpy as np
import pytest
import torch
from onnx import ModelProto, numpy_helper

from auditor.models.onnx_graph import UnsupportedGraph, import_graph, read_graph
from auditor.models.onnx_graph.registry import operators, qualified
from auditor.models.onnx_graph.tensors import tensor_from_proto

NOT_OURS = {
    "test_averagepool_2d_ceil_last_window_starts_on_pad": "its expected values are rounded to four digits",
    "test_bitwise_not_3d": "uint16 is computed as int32 here",
    "test_reduce_max_empty_set": "no classifier reduces an empty axis",
    "test_reduce_max_empty_set_bool": "no classifier reduces an empty axis",
    "test_reduce_min_empty_set": "no classifier reduces an empty axis",
}
KNOWN_GAPS = {
    "Attention with a cache or an inner output",
    "Attention with a sliding window",
    "BatchNormalization with training_mode",
    "MaxPool with indices",
    "ScatterND with reduction max",
    "ScatterND with reduction min",
    "ScatterND with reduction mul",
    "tensor of STRING",
}
WITHOUT_CASE = {"Cast", "CastLike", "Constant", "GlobalLpPool"}  # none, or none of plain arrays
STANDARD = [name for name in operators.names() if "::" not in name and name not in WITHOUT_CASE]


@pytest.fixture(scope="module")
def cases():
    """The standard's cases of a single node over plain tensors, by operator."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.case.node import collect_testcases

        collected = collect_testcases(None)
    by_operator = defaultdict(list)
    for case in collected:
        arrays = [array for data in case.data_sets or [] for side in data for array in side]
        (*_, node) = case.model.graph.node
        if len(case.model.graph.node) == 1 and all(isinstance(array, np.ndarray | np.generic) for array in arrays):
            by_operator[qualified(node.domain, node.op_type)].append(case)
    return by_operator


def with_data_at(model: ModelProto, inputs: list[np.ndarray], position: int) -> ModelProto:
    changed = ModelProto()
    changed.CopyFrom(model)
    del changed.graph.input[:]
    for index, (value, array) in enumerate(zip(model.graph.input, inputs, strict=True)):
        if index == position:
            changed.graph.input.append(value)
        else:
            changed.graph.initializer.append(numpy_helper.from_array(np.asarray(array), value.name))
    return changed


def as_tensor(array: np.ndarray) -> torch.Tensor:
    return tensor_from_proto(numpy_helper.from_array(np.asarray(array)))


def check(case) -> int:
    """Compare every output for every choice of the data input; return how many comparisons were made."""
    (inputs, outputs), made = case.data_sets[0], 0
    half = any(array.dtype.name in ("float16", "bfloat16") for array in [*inputs, *outputs])
    tolerance = {"rtol": 2e-2, "atol": 2e-2} if half else {"rtol": 1e-4, "atol": 1e-5}
    for position in range(len(inputs)):
        model = with_data_at(case.model, inputs, position)
        for value, expected in zip(case.model.graph.output, outputs, strict=True):
            try:
                module = import_graph(read_graph(model, model.graph.input[0].name, value.name))
                actual = module(as_tensor(inputs[position]))
                torch.testing.assert_close(actual, as_tensor(expected), **tolerance, equal_nan=True)
            except UnsupportedGraph as err:
                if not KNOWN_GAPS.issuperset(err.operators):
                    raise
                continue
            except Exception as err:
                raise AssertionError(f"{case.name}, output {value.name}, data at input {position}: {err}") from err
            made += 1
    return made


def out_of_scope(name: str) -> bool:
    return name in NOT_OURS or name.startswith("test_training_")


@pytest.mark.parametrize("operator", STANDARD)
def test_operator_passes_the_standards_cases(cases, operator):
    assert sum(check(case) for case in cases[operator] if not out_of_scope(case.name)) > 0
