"""Files that are no classifiers, or none that can be run: each refused in one line that says what it is instead."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path

import onnx
import torch
from onnx import TensorProto, helper

from benchmarks.model_matrix.case import Built, Case
from benchmarks.model_matrix.exports import to_onnx
from benchmarks.model_matrix.small_nets import IMAGE, cnn


def cases() -> list[Case]:
    """One case for each kind of file."""
    return [Case(f"refused/{name}", partial(_build, make), expect="refused") for name, make in FILES.items()]


def _build(make: Callable[[Path], Path], folder: Path) -> Built:
    return make(folder), None


def _detector(folder: Path) -> Path:
    """Boxes and scores of each of many anchors."""
    nodes = [helper.make_node("Conv", ["x", "w"], ["boxes"])]
    return _onnx(folder, nodes, [("boxes", [None, 4, 14, 14])], {"w": [4, 3, 3, 3]})


def _segmenter(folder: Path) -> Path:
    nodes = [helper.make_node("Conv", ["x", "w"], ["map"], pads=[1, 1, 1, 1])]
    return _onnx(folder, nodes, [("map", [None, 5, 16, 16])], {"w": [5, 3, 3, 3]})


def _labels_only(folder: Path) -> Path:
    nodes = [helper.make_node("GlobalAveragePool", ["x"], ["p"]), helper.make_node("Flatten", ["p"], ["f"])]
    nodes.append(helper.make_node("ArgMax", ["f"], ["label"], axis=1, keepdims=0))
    return _onnx(folder, nodes, [("label", [None])], {}, TensorProto.INT64)


def _two_inputs(folder: Path) -> Path:
    path = _segmenter(folder)
    model = onnx.load(path)
    model.graph.input.append(helper.make_tensor_value_info("mask", TensorProto.FLOAT, [None, 1]))
    onnx.save(model, path)
    return path


def _custom_operator(folder: Path) -> Path:
    nodes = [helper.make_node("Magic", ["x"], ["y"], domain="my.company")]
    return _onnx(folder, nodes, [("y", [None, 5])], {})


def _cut(folder: Path) -> Path:
    path = to_onnx(cnn(), IMAGE, folder / "model.onnx", "tracer", 17)
    path.write_bytes(path.read_bytes()[:-700])
    return path


def _without_its_weights(folder: Path) -> Path:
    path = to_onnx(cnn(), IMAGE, folder / "model.onnx", "tracer", 17)
    onnx.save(onnx.load(path), path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    (folder / "weights.bin").unlink()
    return path


def _state_dict(folder: Path) -> Path:
    torch.save(cnn().state_dict(), folder / "model.pt")
    return folder / "model.pt"


def _whole_module(folder: Path) -> Path:
    torch.save(cnn(), folder / "model.pt")
    return folder / "model.pt"


def _pickle(folder: Path) -> Path:
    (folder / "model.pkl").write_bytes(pickle.dumps({"weights": [1.0]}))
    return folder / "model.pkl"


def _pointer(folder: Path) -> Path:
    text = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 123\n"
    (folder / "model.onnx").write_text(text, encoding="utf-8")
    return folder / "model.onnx"


def _page(folder: Path) -> Path:
    (folder / "model.onnx").write_text("<!DOCTYPE html><html><body>Not found</body></html>", encoding="utf-8")
    return folder / "model.onnx"


FILES: dict[str, Callable[[Path], Path]] = {
    "detector": _detector, "segmenter": _segmenter, "labels-only": _labels_only, "two-inputs": _two_inputs,
    "custom-operator": _custom_operator, "truncated": _cut, "external-data-missing": _without_its_weights,
    "state-dict": _state_dict, "pickled-module": _whole_module, "pickle": _pickle, "git-lfs-pointer": _pointer,
    "web-page": _page,
}  # fmt: skip


def _onnx(
    folder: Path,
    nodes: list[onnx.NodeProto],
    outputs: list[tuple[str, list[int | None]]],
    weights: dict[str, list[int]],
    dtype: int = TensorProto.FLOAT,
) -> Path:
    tensors = [
        helper.make_tensor(name, TensorProto.FLOAT, shape, torch.ones(shape).flatten().tolist())
        for name, shape in weights.items()
    ]
    graph = helper.make_graph(
        nodes, "graph", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 3, 16, 16])],
        [helper.make_tensor_value_info(name, dtype, shape) for name, shape in outputs], tensors,
    )  # fmt: skip
    versions = [helper.make_opsetid("", 17), helper.make_opsetid("my.company", 1)]
    onnx.save(helper.make_model(graph, opset_imports=versions, ir_version=8), folder / "model.onnx")
    return folder / "model.onnx"
