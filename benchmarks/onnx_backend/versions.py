"""The node cases again under every older version of their operator, against ONNX Runtime.

A case is written for the newest version. Where it is valid under an older one too, the runtime says what the outputs
are: the standard's own expected outputs hold for the newest version alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
from onnx import ModelProto, defs

from auditor.models.onnx.graph.registry import operators
from benchmarks.onnx_backend.cases import Case
from benchmarks.onnx_backend.check import failure
from benchmarks.onnx_backend.scope import is_quantised, not_applicable

OLDEST = 7
# Where ONNX Runtime departs from the standard, whose expected outputs the importer reproduces.
DEPARTURES = {
    "test_attention_4d_with_past_and_present_qk_matmul_bias_3d_mask_causal": "finite numbers for minus infinity",
    "test_attention_4d_with_past_and_present_qk_matmul_bias_4d_mask_causal": "finite numbers for minus infinity",
    "test_maxunpool_export_with_output_shape": "places are those of the larger output",
    "test_resize_downsample_scales_cubic_align_corners": "corners of the rounded size are aligned",
    "test_resize_downsample_scales_linear_align_corners": "corners of the rounded size are aligned",
}


def compare(cases: Iterable[Case]) -> tuple[Mapping[str, set[int]], list[str]]:
    """Versions of each operator that agree with the runtime, and every disagreement."""
    agreeing, different = defaultdict(set), []
    for case in cases:
        if not _is_comparable(case):
            continue
        for version, last in _spans(case.group):
            model = _at(case.model, last)
            outputs = None if model is None else _by_runtime(model, case)
            if model is None or outputs is None:
                continue
            wrong = failure(replace(case, model=model, outputs=outputs))
            if wrong is None:
                agreeing[case.group].add(version)
            elif case.name not in DEPARTURES:
                different.append(f"{case.name} in operator set {last}: {wrong}")
    return agreeing, different


def _is_comparable(case: Case) -> bool:
    """A known operator of the standard alone, over types that both sides compute with."""
    alone = len(case.model.graph.node) == 1 and case.group in operators and "::" not in case.group
    if not alone or is_quantised(case) or not_applicable(case) is not None:
        return False
    return not any(np.asarray(value).dtype.name in ("float16", "bfloat16") for value in [*case.inputs, *case.outputs])


def _spans(operator: str) -> Iterator[tuple[int, int]]:
    """Versions of an operator, each with the last operator set that has it."""
    newest = min(defs.onnx_opset_version(), 26)  # the runtime knows no newer one
    every = defs.get_all_schemas_with_history()
    versions = sorted({s.since_version for s in every if s.name == operator and s.domain == ""})
    for version, following in zip(versions, [*versions[1:], newest + 1], strict=True):
        if OLDEST < following <= newest + 1:
            yield version, following - 1


def _at(model: ModelProto, version: int) -> ModelProto | None:
    """The model in another operator set, or None if it is not valid there."""
    older = ModelProto()
    older.CopyFrom(model)
    older.ir_version = min(older.ir_version, 10)
    for entry in older.opset_import:
        if entry.domain in ("", "ai.onnx"):
            entry.version = version
    try:
        onnx.checker.check_model(older)
    except onnx.checker.ValidationError:
        return None
    return older


def _by_runtime(model: ModelProto, case: Case) -> list[np.ndarray] | None:
    """The runtime's outputs, or None if it has no kernel for this version or type."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    values = {value.name: np.asarray(array) for value, array in zip(model.graph.input, case.inputs, strict=True)}
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        return list(session.run(None, values))
    except Exception:  # the runtime's errors share no other base
        return None
