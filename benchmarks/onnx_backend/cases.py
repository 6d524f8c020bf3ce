"""The onnx package's backend tests as one list: node cases and the folders of small stored models.

What goes in: the installed ``onnx`` package. What comes out: ``Case``, a model with inputs and expected outputs.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import AttributeProto, GraphProto, ModelProto, TensorProto, numpy_helper

from auditor.models.onnx.graph.registry import qualified

DATA = Path(onnx.__file__).parent / "backend" / "test" / "data"
FOLDERS = ("pytorch-converted", "pytorch-operator", "simple")


@dataclass(frozen=True)
class Case:
    """One backend test.

    Args:
        name: as the onnx package calls it.
        group: the operator that a node case is about, or the folder.
        model: the graph.
        inputs, outputs: arrays, or lists and the like where the model takes no plain tensors.
    """

    name: str
    group: str
    model: ModelProto
    inputs: list[Any]
    outputs: list[Any]

    @cached_property
    def operators(self) -> frozenset[str]:
        """Every operator of the graph, inside bodies too."""
        return frozenset(_operators(self.model.graph))

    @property
    def is_array_case(self) -> bool:
        """Whether plain arrays go in and come out."""
        return all(isinstance(value, np.ndarray | np.generic) for value in [*self.inputs, *self.outputs])


def node_cases() -> list[Case]:
    """The cases of single operators, and of the same operators written out as the standard defines them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.case.node import collect_testcases

        collected = collect_testcases(None)
    cases, about = [], {}
    for entry in collected:
        (*_, last) = entry.model.graph.node
        written_out = entry.name.partition("_expanded")[0]
        group = about.get(written_out) if "_expanded" in entry.name else None
        about[entry.name] = group or qualified(last.domain, last.op_type)
        inputs, outputs = ([_plain(value) for value in side] for side in entry.data_sets[0])
        cases.append(Case(entry.name, about[entry.name], entry.model, inputs, outputs))
    return cases


def folder_cases() -> Iterator[Case]:
    """The stored models of a few operators."""
    for folder in FOLDERS:
        for path in sorted((DATA / folder).iterdir()):
            model = onnx.load(path / "model.onnx")
            data = path / "test_data_set_0"
            values = [_stored(data, "input", model.graph.input), _stored(data, "output", model.graph.output)]
            yield Case(path.name, folder, model, *values)


def light_cases() -> Iterator[Case]:
    """Whole architectures; their weights are alike, the structure is what is tested."""
    for path in sorted((DATA / "light").glob("*.onnx")):
        model = onnx.load(path)
        stored = {tensor.name for tensor in model.graph.initializer}
        (x,) = (value for value in model.graph.input if value.name not in stored)
        sizes = [dim.dim_value for dim in x.type.tensor_type.shape.dim]
        ramp = (np.arange(np.prod(sizes)) / np.prod(sizes)).reshape(sizes).astype(np.float32)
        yield Case(path.stem, "light", model, [ramp], [_tensor(path.with_name(f"{path.stem}_output_0.pb"))])


def _plain(value: Any) -> Any:
    """A value of a case; some tensors are kept in the format of a file."""
    return numpy_helper.to_array(value) if isinstance(value, TensorProto) else value


def _stored(folder: Path, side: str, values: Any) -> list[Any]:
    """Arrays of one side of a stored case; what is no tensor stays None."""
    files = sorted(folder.glob(f"{side}_*.pb"), key=lambda path: int(path.stem.rpartition("_")[2]))
    kinds = [value.type.WhichOneof("value") for value in values]
    return [_tensor(path) if kind == "tensor_type" else None for path, kind in zip(files, kinds, strict=False)]


def _tensor(path: Path) -> np.ndarray:
    return numpy_helper.to_array(TensorProto.FromString(path.read_bytes()))


def _operators(graph: GraphProto) -> Iterator[str]:
    for node in graph.node:
        yield qualified(node.domain, node.op_type)
        for attribute in node.attribute:
            if attribute.type == AttributeProto.GRAPH:
                yield from _operators(attribute.g)
