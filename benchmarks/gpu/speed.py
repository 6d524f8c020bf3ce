"""How many images a second a CIFAR-shaped ResNet-18 takes on the device, and what copies, waits and launches cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from benchmarks.gpu.subjects import resnet18
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
