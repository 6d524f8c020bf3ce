"""How many images a second a CIFAR-shaped ResNet-18 takes on the device, and what copies, waits and launches cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from auditor.functional.descent import margin_and_gradient
from benchmarks.gpu.subjects import FILES, opened, resnet18, trained
from benchmarks.gpu.table import Bench, Row, set_tf32

SIZES = (256, 736, 2048, 8192)


@dataclass(frozen=True)
class Setting:
    """How torch computes.

    Args:
        name: in words.
        tf32: whether factors may be rounded to 10 bits.
        dtype, layout: of images and weights.
        deterministic: whether kernels must repeat themselves.
    """

    name: str
    tf32: bool
    dtype: torch.dtype
    layout: torch.memory_format
    deterministic: bool


SETTINGS = (
    Setting("float32, deterministic: as an audit asks", False, torch.float32, torch.contiguous_format, True),
    Setting("float32", False, torch.float32, torch.contiguous_format, False),
    Setting("float32, channels last", False, torch.float32, torch.channels_last, False),
    Setting("TF32, channels last", True, torch.float32, torch.channels_last, False),
    Setting("float16, channels last", True, torch.float16, torch.channels_last, False),
    Setting("bfloat16, channels last", True, torch.bfloat16, torch.channels_last, False),
)


def section(bench: Bench) -> Iterator[Row]:
    """Images a second by setting and batch; the fastest of all is the card's best."""
    network = resnet18().eval().to(bench.device)
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    best = 0.0
    for setting in SETTINGS[:1] + SETTINGS[-1:] if bench.small else SETTINGS:
        forward, both = zip(*(_pace(bench, network, setting, size) for size in _sizes(bench)), strict=True)
        best = max(best, *forward)
        said = f"forward {_listed(forward)}, both ways {_listed(both)}"
        yield Row(f"images/s at {', '.join(map(str, _sizes(bench)))}: {setting.name}", said)
    torch.use_deterministic_algorithms(False)
    set_tf32(False)
    yield Row("images/s, the card's best, forward", f"{best:,.0f}")
    for file in FILES:
        yield from _as_audited(bench, file)
    if bench.on_gpu:
        yield from _transfers(bench)


def _sizes(bench: Bench) -> tuple[int, ...]:
    return (8,) if bench.small else SIZES


def _listed(paces: tuple[float, ...]) -> str:
    return " ".join(f"{pace:,.0f}" for pace in paces)


def _pace(bench: Bench, network: nn.Module, setting: Setting, size: int) -> tuple[float, float]:
    """Images a second forward, and forward and backward to the input."""
    set_tf32(setting.tf32)
    torch.use_deterministic_algorithms(setting.deterministic, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False
    network.to(dtype=setting.dtype, memory_format=setting.layout)
    x = torch.rand(size, 3, 32, 32, device=bench.device).to(dtype=setting.dtype, memory_format=setting.layout)
    leaf = x.clone().requires_grad_()
    with torch.no_grad():
        forward = bench.seconds(lambda: network(x))
    both = bench.seconds(lambda: torch.autograd.grad(network(leaf).sum(), leaf))
    return size / forward, size / both


def _as_audited(bench: Bench, file: str) -> Iterator[Row]:
    """The routes of an audit: the artefact, also with batches of two sizes by turns, and gradients."""
    device = "auto" if bench.on_gpu and file.endswith(".onnx") else str(bench.device)
    x = torch.rand(max(_sizes(bench)), 3, *(2 * [8 if bench.small else 32]))
    f = opened(trained(bench) / file, x[:256], device)
    x = x.to(f.artefact_device)
    artefact = [size / bench.seconds(lambda size=size: f.scores(x[:size])) for size in _sizes(bench)]
    sizes = ", ".join(map(str, _sizes(bench)))
    yield Row(f"images/s at {sizes}: {file}, {f.backend.runtime}", _listed(tuple(artefact)))
    turns = (_sizes(bench)[0], _sizes(bench)[0] // 2)
    apart = sum(turns) / bench.seconds(lambda: [f.scores(x[:size]) for size in turns])
    yield Row(f"images/s at {turns[0]} and {turns[1]} by turns: {file}", f"{apart:,.0f}")
    x = x[: turns[0]].to(f.device)
    first = torch.zeros(len(x), dtype=torch.int64, device=x.device)
    both = turns[0] / bench.seconds(lambda: margin_and_gradient(f.logits, x, first))
    yield Row(f"images/s at {turns[0]}, both ways, the way back in TF32: {file}", f"{both:,.0f}")


def _transfers(bench: Bench) -> Iterator[Row]:
    host = torch.rand(2048, 3, 32, 32)
    pinned, number = host.pin_memory(), torch.zeros(1, device=bench.device)
    gigabytes = host.numel() * 4 / 1e9
    paces = [gigabytes / bench.seconds(lambda x=x: x.to(bench.device, non_blocking=True)) for x in (host, pinned)]
    yield Row("host to device, 25 MB: pageable, pinned", " ".join(f"{pace:.1f} GB/s" for pace in paces))
    rounds = 2000
    launch = bench.seconds(lambda: [number.add_(1) for _ in range(rounds)]) / rounds
    wait = bench.seconds(lambda: [number.item() for _ in range(rounds)]) / rounds
    yield Row("one launch, one wait", f"{launch * 1e6:.1f} us, {wait * 1e6:.1f} us")
