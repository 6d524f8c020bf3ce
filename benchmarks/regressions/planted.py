"""Worse versions of ``digits_cnn``, each of a kind and a size and from fixed seeds; equally good ones as controls."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import onnx
import torch

from auditor.datasets.base import RawData, Split
from benchmarks.model_matrix.exports import quiet
from benchmarks.regressions.audits import CACHE, ROOT
from sample_models.data import load_data
from sample_models.export import export_onnx
from sample_models.recipes import SAMPLE_MODELS
from sample_models.training import train

UNCHANGED = ROOT / "sample_models" / "digits_cnn.onnx"
SAMPLE = SAMPLE_MODELS["digits_cnn"]
PAIR = (3, 8)
TUNING_EPOCHS, TUNING_RATE = 5, 0.001
NOISE, LABELS, DATA, EPOCHS, STATIC, DYNAMIC, CONTROL = KINDS = (
    "noise on the weights",
    "fine-tuned on label noise",
    f"training samples of {PAIR[0]} and {PAIR[1]} removed",
    "epochs of training",
    "int8, static",
    "int8, dynamic",
    "control: trained with another seed",
)


@dataclass(frozen=True)
class Planted:
    """A model to judge.

    Args:
        kind: of the regression.
        size: in words.
        write: makes the file.
    """

    kind: str
    size: str
    write: Callable[[Path], None]

    @property
    def control(self) -> bool:
        """Whether it is no regression."""
        return self.kind == CONTROL

    def file(self) -> Path:
        """The model, made afresh: the same bytes with the same versions."""
        name = re.sub(r"[^\w.]+", "-", f"{self.kind} {self.size}").strip("-")
        path = CACHE / "models" / f"{name}.onnx"
        path.parent.mkdir(parents=True, exist_ok=True)
        self.write(path)
        return path


def planted() -> list[Planted]:
    """All of them; within a kind from the smallest to the greatest regression."""
    noise = [Planted(NOISE, f"{size:g}", functools.partial(_noisy, size)) for size in (0.02, 0.05, 0.1, 0.2, 0.4)]
    data = [Planted(DATA, f"{share:.0%}", functools.partial(_removed, share)) for share in (0.5, 0.75, 0.9, 1.0)]
    epochs = [Planted(EPOCHS, f"{n}", functools.partial(_trained, epochs=n)) for n in (20, 10, 5, 1)]
    int8 = [Planted(STATIC, "8 bits", _static), Planted(DYNAMIC, "8 bits", _dynamic)]
    controls = [Planted(CONTROL, f"seed {seed}", functools.partial(_trained, seed=seed)) for seed in (1, 2)]
    labels = [Planted(LABELS, f"{share:.0%}", functools.partial(_mislabelled, share)) for share in (0.1, 0.2, 0.4)]
    return [*noise, *labels, *data, *epochs, *int8, *controls]


@functools.cache
def _digits() -> RawData:
    return load_data(SAMPLE.data, ROOT / ".cache" / "data")


def _trained(path: Path, *, seed: int = 0, epochs: int = SAMPLE.recipe.epochs, split: Split | None = None) -> None:
    """Trained by the sample's recipe on a split, which is all training samples unless given."""
    torch.set_num_threads(1)  # sums of several threads differ in the last digit
    model = replace(SAMPLE, recipe=replace(SAMPLE.recipe, epochs=epochs))
    network = train(model, split or _digits().train, seed=seed, device=torch.device("cpu"))
    export_onnx(network, SAMPLE.input_shape, path)


def _noisy(size: float, path: Path) -> None:
    """Every weight and bias plus Gaussian noise of ``size`` times the deviation of its tensor."""
    model, rng = onnx.load(UNCHANGED), torch.Generator().manual_seed(0)
    for tensor in model.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            value = torch.from_numpy(onnx.numpy_helper.to_array(tensor).copy())
            value += size * value.std() * torch.randn(value.shape, generator=rng)
            tensor.CopyFrom(onnx.numpy_helper.from_array(value.numpy(), tensor.name))
    onnx.save(model, path)


def _mislabelled(share: float, path: Path) -> None:
    """The unchanged model, trained further on training samples of which this share has another class's label."""
    torch.set_num_threads(1)
    split, rng = _digits().train, torch.Generator().manual_seed(0)
    network = train(SAMPLE, split, seed=0, device=torch.device("cpu"))
    wrong = torch.randperm(len(split), generator=rng)[: round(share * len(split))]
    labels, classes = split.labels.clone(), int(split.labels.max()) + 1
    labels[wrong] = (labels[wrong] + torch.randint(1, classes, (len(wrong),), generator=rng)) % classes
    optimizer = torch.optim.Adam(network.train().parameters(), lr=TUNING_RATE)
    for _ in range(TUNING_EPOCHS):
        for batch in torch.randperm(len(split), generator=rng).split(64):
            x = split.instances(batch).view(-1, *SAMPLE.input_shape)
            loss = torch.nn.functional.cross_entropy(network(x), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    export_onnx(network.eval(), SAMPLE.input_shape, path)


def _removed(share: float, path: Path) -> None:
    """Trained without this share of the training samples of both classes of ``PAIR``; the others stay."""
    split, rng = _digits().train, torch.Generator().manual_seed(0)
    kept = torch.ones(len(split), dtype=torch.bool)
    for label in PAIR:
        index = split.of_class(label)
        kept[index[torch.randperm(len(index), generator=rng)[: round(share * len(index))]]] = False
    _trained(path, split=Split(split.pixels[kept], split.labels[kept]))


def _static(path: Path) -> None:
    """Weights and activations quantised, calibrated on the training samples.

    Weights have seven bits: with eight, ONNX Runtime's sums overflow on processors without integer dot products.
    """
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            batches = _digits().train.instances().view(-1, *SAMPLE.input_shape).split(64)
            self.left: Iterator[dict[str, Any]] = iter([{"x": batch.numpy()} for batch in batches])

        def get_next(self) -> dict[str, Any] | None:
            return next(self.left, None)

    with quiet():
        quantize_static(UNCHANGED, path, Reader(), quant_format=QuantFormat.QDQ, reduce_range=True,
                        weight_type=QuantType.QInt8, activation_type=QuantType.QUInt8)  # fmt: skip


def _dynamic(path: Path) -> None:
    """Weights quantised, to seven bits as above; activations as each batch comes."""
    from onnxruntime.quantization import quantize_dynamic

    model = onnx.load(UNCHANGED)
    del model.graph.value_info[:]  # the exporter lists the shapes of weights, which the quantiser transposes
    with quiet():
        quantize_dynamic(model, path, reduce_range=True)
