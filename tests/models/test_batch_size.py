"""Batch sizes: by size of an instance on a CPU, by a measurement on a GPU (here with a clock of our own)."""

from __future__ import annotations

import pytest
import torch

from auditor.models.batch_size import LARGEST_GPU, cpu_batch_size, filled, measured_batch_size


class Device:
    """Takes a fixed time for each call and more for each instance beyond its width; has memory for so many."""

    def __init__(self, width: int, memory: int = 10**9) -> None:
        self.now, self.width, self.memory = 0.0, width, memory

    def __call__(self, x: torch.Tensor) -> None:
        if len(x) > self.memory:
            raise RuntimeError("CUDA out of memory")
        self.now += max(1.0, len(x) / self.width)

    def clock(self) -> float:
        return self.now


def size_on(device: Device) -> int:
    return measured_batch_size(device, torch.zeros(100, 4), start=32, clock=device.clock)


@pytest.mark.parametrize("width", [32, 128, 1024])
def test_it_grows_until_the_device_is_full(width: int) -> None:
    assert size_on(Device(width)) == width


def test_it_stops_where_memory_ends_and_at_the_largest() -> None:
    assert size_on(Device(1024, memory=300)) == 256
    assert size_on(Device(10**6)) == LARGEST_GPU


def test_another_error_is_not_swallowed() -> None:
    def broken(x: torch.Tensor) -> None:
        raise RuntimeError("a kernel is missing")

    with pytest.raises(RuntimeError, match="kernel"):
        measured_batch_size(broken, torch.zeros(1, 1), start=8)


def test_on_a_cpu_the_instance_decides() -> None:
    assert cpu_batch_size(torch.zeros(1, 8, 8)) == 256
    assert cpu_batch_size(torch.zeros(3, 224, 224)) == 27
    assert cpu_batch_size(torch.zeros(3, 2000, 2000)) == 8


def test_few_sizes_reach_a_gpus_runtime():
    sizes = {count: filled(count) for count in range(1, LARGEST_GPU + 1)}
    assert all(count <= size < 2 * count for count, size in sizes.items())
    assert set(sizes.values()) == {2**power for power in range(14)}
