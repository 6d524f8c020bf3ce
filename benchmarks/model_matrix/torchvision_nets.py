"""Torchvision's classifiers by both of torch's exporters at several operator sets, and as TorchScript."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import torchvision
from torch import nn

from benchmarks.model_matrix.case import Built, Case
from benchmarks.model_matrix.exports import Exporter, telling, to_onnx, to_torchscript
from benchmarks.model_matrix.reference import INSTANCES, noise, of_module

CLASSES = 10
# Name, side of the images, further arguments, operator sets of the tracer, of the graph exporter.
NETS: tuple[tuple[str, int, dict[str, Any], tuple[int, ...], tuple[int, ...]], ...] = (
    ("resnet18", 64, {}, (9, 11, 13, 17, 20), (18, 20, 23)),
    ("resnet50", 64, {}, (11, 17), (18,)),
    ("vgg11_bn", 64, {}, (9, 17), (18,)),
    ("mobilenet_v2", 64, {}, (10, 13, 20), (18, 22)),
    ("mobilenet_v3_small", 64, {}, (11, 14, 18), (18, 23)),
    ("densenet121", 64, {}, (9, 17), (18,)),
    ("googlenet", 64, {"aux_logits": False, "init_weights": False}, (11, 17), (18, 21)),
    ("inception_v3", 96, {"aux_logits": False, "init_weights": False}, (12, 16), (20,)),
    ("efficientnet_b0", 64, {}, (9, 15), (18, 23)),
    ("convnext_tiny", 64, {}, (13, 17), (18, 23)),
    ("regnet_y_400mf", 64, {}, (11, 19), (18,)),
    ("mnasnet0_5", 64, {}, (9, 17), (18, 19)),
    ("shufflenet_v2_x0_5", 64, {}, (9, 13, 17), (18, 23)),
    ("squeezenet1_1", 64, {}, (9, 17), (18, 20)),
    ("vit_b_16", 64, {"image_size": 64}, (14,), (18,)),
    ("swin_t", 64, {}, (13, 17), (18, 23)),
    ("maxvit_t", 64, {}, (17,), (18,)),
)
SCRIPTS = (
    ("resnet18", "scripted"), ("resnet18", "traced"), ("resnet18", "frozen"), ("mobilenet_v3_small", "scripted"),
    ("mobilenet_v3_small", "traced"), ("squeezenet1_1", "scripted"), ("squeezenet1_1", "frozen"),
    ("shufflenet_v2_x0_5", "traced"), ("googlenet", "scripted"), ("densenet121", "traced"), ("swin_t", "traced"),
    ("efficientnet_b0", "frozen"), ("convnext_tiny", "scripted"), ("vit_b_16", "traced"), ("regnet_y_400mf", "frozen"),
)  # fmt: skip


def cases() -> list[Case]:
    """One case for each network and export."""
    made = []
    for name, _, _, tracer, dynamo in NETS:
        exports: list[tuple[Exporter, int]] = [*(("tracer", n) for n in tracer), *(("dynamo", n) for n in dynamo)]
        made += [
            Case(f"torchvision/{name}/{exporter}-{opset}", partial(_onnx, name, exporter, opset))
            for exporter, opset in exports
        ]
    return [*made, *(Case(f"torchscript/{name}/{how}", partial(_script, name, how)) for name, how in SCRIPTS)]


def network(name: str) -> tuple[nn.Module, tuple[int, ...]]:
    """A network with telling weights and the shape of its instances."""
    (side, arguments), *_ = [(side, arguments) for found, side, arguments, *_ in NETS if found == name]
    if name == "maxvit_t":  # its own maker insists on 224 pixels and windows of 7; only those are smaller here
        net = torchvision.models.MaxVit(
            (side, side), 64, 2, [64, 128, 256, 512], [2, 2, 5, 2], 32, 0.2, num_classes=CLASSES
        )
        return telling(net, noise(8, 3, side, side, seed=1)), (3, side, side)
    net = getattr(torchvision.models, name)(num_classes=CLASSES, **arguments)
    if name == "vgg11_bn":  # pooled to what small images have; 4096 units make half a gigabyte and show nothing more
        net.avgpool = nn.AdaptiveAvgPool2d(2)
        net.classifier = nn.Sequential(nn.Linear(512 * 4, 128), nn.ReLU(), nn.Dropout(), nn.Linear(128, CLASSES))
    shape = (3, side, side)
    return telling(net, noise(8, *shape, seed=1)), shape


def _onnx(name: str, exporter: Exporter, opset: int, folder: Path) -> Built:
    net, shape = network(name)
    path = to_onnx(net, shape, folder / "model.onnx", exporter, opset)
    return path, of_module(net, noise(INSTANCES, *shape))


def _script(name: str, how: str, folder: Path) -> Built:
    net, shape = network(name)
    return to_torchscript(net, shape, folder / "model.pt", how), of_module(net, noise(INSTANCES, *shape))
