"""All cases, family by family."""

from __future__ import annotations

from benchmarks.hostile import (
    array_files,
    arrays,
    folders,
    onnx_control,
    onnx_functions,
    onnx_header,
    onnx_names,
    onnx_outputs,
    onnx_size,
    onnx_weights,
    other_files,
    pictures,
    torch_archives,
    torch_pickles,
    torchscript_code,
)
from benchmarks.hostile.case import Case

_MODULES = (
    onnx_size,
    onnx_control,
    onnx_functions,
    onnx_names,
    onnx_weights,
    onnx_header,
    onnx_outputs,
    torchscript_code,
    torch_archives,
    torch_pickles,
    other_files,
    arrays,
    array_files,
    pictures,
    folders,
)


def all_cases() -> list[Case]:
    """Every case, in the order of the families."""
    cases = [case for module in _MODULES for case in module.cases()]
    assert len({case.name for case in cases}) == len(cases), "names of cases are unique"
    return cases


def spread(cases: list[Case], count: int) -> list[Case]:
    """About ``count`` of the cases, from all families alike."""
    if count >= len(cases):
        return cases
    return [cases[index * len(cases) // count] for index in range(count)]
