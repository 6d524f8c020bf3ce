"""Inputs as users have them, small: pictures of a patchwork for each class, and networks that compare with it.

The nearest patchwork p_c to an image x is that with the largest <x, p_c> - |p_c|^2 / 2, so one matrix is a classifier
that is right on nearly every picture, without any training.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

Array = NDArray[np.uint8]
Labels = NDArray[np.int64]
SIZE = 8
SHARP = 4.0
FRUIT = ("Apple", "Banana", "Cherry", "Dates", "Elder", "Fig", "Grape", "hazel")


def patchworks(classes: int, channels: int = 3, size: int = SIZE) -> NDArray[np.float64]:
    """One for each class: ``(C, size, size, channels)`` in 40..215."""
    cells = np.random.default_rng(12345).uniform(40, 215, (classes, 4, 4, channels))
    return cells.repeat(size // 4, 1).repeat(size // 4, 2)


def pictures(classes: int, each: int, seed: int, channels: int = 3, noise: float = 35) -> tuple[Array, Labels]:
    """Patchworks with noise: uint8 ``(N, 8, 8, channels)``, labels class by class."""
    labels = np.repeat(np.arange(classes), each)
    x = patchworks(classes, channels)[labels]
    x = x + np.random.default_rng(seed).normal(0, noise, x.shape)
    return x.clip(0, 255).round().astype(np.uint8), labels


def weights(classes: int, channels: int = 3) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Matrix ``(D, C)`` and bias ``(C,)`` that score images of pixels in [0, 1], channels first and flattened."""
    p = patchworks(classes, channels).transpose(0, 3, 1, 2).reshape(classes, -1) / 255
    return (SHARP * p.T).astype(np.float32), (-SHARP * (p**2).sum(1) / 2).astype(np.float32)


def network(
    classes: int,
    *,
    channels: int = 3,
    mean: float = 0.0,
    std: float = 1.0,
    order: Sequence[int] | None = None,
    bgr: bool = False,
    shape: Sequence[int | str] | None = None,
) -> onnx.ModelProto:
    """A classifier of pictures: input ``input``, logits ``output``.

    Args:
        mean, std: of the pixels that it takes: (x - mean) / std.
        order: the patchwork of each of its classes.
        bgr: whether blue comes first.
        shape: of an image as the file declares it.
    """
    w, b = weights(classes, channels)
    order = range(classes) if order is None else order
    w, b = w[:, list(order)], b[list(order)]
    if bgr:
        w = w.reshape(3, -1, len(b))[::-1].reshape(w.shape)
    b = b + mean * w.sum(0)
    w = w * std
    size = shape or (channels, SIZE, SIZE)
    nodes = [
        helper.make_node("Reshape", ["input", "flat"], ["features"]),
        helper.make_node("Gemm", ["features", "w", "b"], ["output"]),
    ]
    constants = [
        numpy_helper.from_array(np.array([-1, len(w)]), "flat"),
        numpy_helper.from_array(np.ascontiguousarray(w, np.float32), "w"),
        numpy_helper.from_array(np.asarray(b, np.float32), "b"),
    ]
    ends = [
        helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", *size]),
        helper.make_tensor_value_info("output", TensorProto.FLOAT, ["N", len(b)]),
    ]
    return made(nodes, constants, ends[:1], ends[1:])


def made(
    nodes: list[onnx.NodeProto],
    constants: list[TensorProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
) -> onnx.ModelProto:
    """A model of these parts, with the operators of classical models as well."""
    graph = helper.make_graph(nodes, "g", inputs, outputs, constants)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def folder(root: Path, x: Array, labels: Labels, names: Sequence[str], suffix: str = "png") -> Path:
    """The pictures as files ``root/<name>/0000.png``; a class of the same name as another joins it."""
    for i, (image, label) in enumerate(zip(x, labels, strict=True)):
        place = root / names[label]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image.squeeze()).save(place / f"{i:04}.{suffix}")
    return root


def both_splits(root: Path, names: Sequence[str], each: tuple[int, int] = (14, 8), channels: int = 3) -> Path:
    """``root/train`` and ``root/test`` with class folders of these names."""
    for part, count, seed in (("train", each[0], 0), ("test", each[1], 1)):
        folder(root / part, *pictures(len(names), count, seed, channels), names)
    return root


def archive(path: Path, train: tuple[Array, Labels], test: tuple[Array, Labels], **more: object) -> Path:
    """The two splits as an .npz file."""
    np.savez(path, x_train=train[0], y_train=train[1], x_test=test[0], y_test=test[1], **more)  # type: ignore[arg-type]
    return path
