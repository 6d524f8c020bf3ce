"""The simulated device refuses what CUDA refuses, counts what waits, and computes what the CPU computes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.simulated_cuda.device import SimulatedCuda
from tests.simulated_cuda.tensor import CudaTensor


@pytest.fixture
def cuda() -> Iterator[SimulatedCuda]:
    with SimulatedCuda(package="/tests/") as device:
        yield device


def test_tensors_say_where_they_are(cuda):
    x = torch.zeros(2, 3, device="cuda")
    assert x.device == torch.device("cuda:0")
    there = [x + 1, x.T, x.clone(), torch.zeros_like(x), x.new_zeros(2), torch.zeros(3).to(x), torch.zeros(3).cuda()]
    there += [torch.tensor([1, 2], device="cuda"), torch.arange(3, device=x.device), torch.ones(2).to("cuda:0")]
    there += [torch.zeros(2).to(torch.device("cuda"), torch.float64), x.to(torch.float16), x.to(x.device)]
    assert all(y.is_cuda and isinstance(y, CudaTensor) for y in there)
    here = [torch.zeros(2), x.cpu(), x.to("cpu"), torch.zeros_like(x, device="cpu"), x.new_zeros(2, device="cpu")]
    assert not any(y.is_cuda or isinstance(y, CudaTensor) for y in here)
    assert torch.cuda.is_available()


@pytest.mark.parametrize(
    ("given", "dtype", "cuda_after"),
    [
        ({"device": "cuda"}, torch.float32, True),
        ({"device": "cuda", "dtype": torch.float64}, torch.float64, True),
        ({"dtype": torch.int64}, torch.int64, False),
        ({"device": "cuda", "copy": True, "non_blocking": True}, torch.float32, True),
    ],
)
def test_to_takes_all_it_takes(cuda, given, dtype, cuda_after):
    x = torch.zeros(2, 3).to(**given)
    assert (x.dtype, x.is_cuda) == (dtype, cuda_after)
    assert cuda.events.total("wait") == (cuda_after and not given.get("non_blocking"))


@pytest.mark.parametrize(
    "mixed",
    [
        lambda a, b: a + b,
        lambda a, b: b + a,
        lambda a, b: a @ b.T,
        lambda a, b: torch.cat([a, b]),
        lambda a, b: torch.stack([a, b]),
        lambda a, b: torch.where(a > 0, a, b),
        lambda a, b: F.linear(a, b),
        lambda a, b: a.add_(b),
        lambda a, b: b.add_(a),
        lambda a, b: a.gather(1, b.long()),
        lambda a, b: a.index_select(0, b.long().flatten()),
        lambda a, b: torch.cdist(a, b),
        lambda a, b: torch.lerp(a, a, b),
        lambda a, b: F.cross_entropy(a, b[:, 0].long()),
        lambda a, b: b[a.long().flatten()],  # an index of the device into the CPU
        lambda a, b: b[a > 0],
        lambda a, b: b + a.sum(),  # a number of the device beside a tensor of the CPU
    ],
)
def test_mixed_devices_are_refused(cuda, mixed):
    with pytest.raises(RuntimeError, match=r"same device"):
        mixed(torch.zeros(3, 3, device="cuda"), torch.zeros(3, 3))


def test_what_cuda_allows_is_allowed(cuda):
    x = torch.arange(6.0, device="cuda").view(2, 3)
    assert torch.equal((x * torch.tensor(2.0)).cpu(), torch.arange(6.0).view(2, 3) * 2)
    assert x[torch.tensor([1, 0])].is_cuda  # an index of the CPU into the device
    x[torch.tensor([0])] = 7.0
    x[0, 1] = 5
    x[:, [0, 2]] = -1.0
    x[x > 4] = 0
    y = torch.zeros(2, 3)
    y.copy_(x)
    assert y.tolist() == [[-1, 0, -1], [-1, 4, -1]]
    x.copy_(y + 1)
    assert torch.where(x > 0, x, 0.0).is_cuda
    assert torch.where(x > 0, x, torch.tensor(0.0)).is_cuda
    assert F.one_hot(torch.arange(3, device="cuda"), 4).is_cuda


@pytest.mark.parametrize(
    "convert", [lambda x: x.numpy(), np.asarray, torch.from_dlpack, np.from_dlpack, lambda x: x.__array__()]
)
def test_no_array_without_a_copy(cuda, convert):
    x = torch.zeros(3, device="cuda")
    with pytest.raises((TypeError, BufferError, RuntimeError), match=r"cuda|device"):
        convert(x)
    assert convert(x.cpu()).shape == (3,)


def test_a_generator_of_the_cpu_draws_nothing_there(cuda):
    rng = torch.Generator().manual_seed(0)
    with pytest.raises(RuntimeError, match="generator"):
        torch.rand(3, generator=rng, device="cuda")
    with pytest.raises(RuntimeError, match="generator"):
        torch.zeros(3, device="cuda").uniform_(generator=rng)
    assert torch.rand(3, generator=rng).to("cuda").is_cuda


def test_copies_and_waits_are_counted_where_they_happen(cuda):
    events = cuda.events
    x = torch.zeros(4, 4).to("cuda")
    assert [events.total(kind) for kind in ("to device", "to host", "wait")] == [1, 0, 1]
    assert events.total_bytes("to device") == 64
    x.cpu()
    assert [events.total(kind) for kind in ("to host", "wait")] == [1, 2]
    x.sum().item(), bool(x.sum() > 0), float(x[0, 0]), int(x[1, 1])
    assert [events.total(kind) for kind in ("to host", "wait")] == [5, 6]
    x.tolist()
    torch.nonzero(x)
    x[x > 0]
    assert events.total("wait") == 9
    site = next(iter(events.count))
    assert site.line.startswith("tests/simulated_cuda/test_device.py:")
    assert site.function.startswith("test_copies")


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 5)
    )


@pytest.mark.parametrize("optimiser", [torch.optim.SGD, torch.optim.Adam])
def test_training_gives_the_numbers_of_the_cpu(optimiser):
    def trained(device: str) -> list[Tensor]:
        net = network().to(device)
        steps = optimiser(net.parameters(), lr=0.1)
        x = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(1)).to(device)
        for _ in range(3):
            steps.zero_grad()
            F.cross_entropy(net(x), torch.arange(6, device=device) % 5).backward()
            steps.step()
        assert all(p.is_cuda == (device == "cuda") for p in net.parameters())
        return [p.detach().cpu() for p in net.parameters()]

    with SimulatedCuda():
        there = trained("cuda")
    assert all(torch.equal(a, b) for a, b in zip(trained("cpu"), there, strict=True))


def test_a_model_left_behind_is_noticed(cuda):
    with pytest.raises(RuntimeError, match="same device"):
        network()(torch.zeros(1, 1, 8, 8, device="cuda"))


def test_gradients_come_back_to_the_cpu(cuda):
    x = torch.ones(3, requires_grad=True)
    y = (x.to("cuda") * torch.arange(3.0, device="cuda")).sum()
    (gradient,) = torch.autograd.grad(y, x)
    assert not gradient.is_cuda
    assert gradient.tolist() == [0, 1, 2]
    leaf = torch.ones(3, device="cuda", requires_grad=True)
    (gradient,) = torch.autograd.grad((leaf.max() * leaf[[0, 1]]).sum(), leaf)
    assert gradient.is_cuda


def test_vmap_and_func(cuda):
    weight = torch.arange(6.0, device="cuda").view(2, 3)
    x = torch.rand(4, 5, 3).to("cuda")
    there = torch.vmap(lambda part: F.linear(part, weight))(x)
    assert there.is_cuda
    assert torch.equal(there.cpu(), x.cpu() @ weight.cpu().T)
    with pytest.raises(RuntimeError, match="same device"):
        torch.vmap(lambda part: F.linear(part, weight.cpu()))(x)
    assert torch.func.grad(lambda v: v.square().sum())(x).is_cuda


def test_kernels_that_cuda_lacks_are_missing(cuda):
    x = torch.ones(2, 2, dtype=torch.int64, device="cuda")
    with pytest.raises(NotImplementedError, match="int64"):
        x @ x


def test_a_parameter_keeps_its_device(cuda):
    parameter = nn.Parameter(torch.zeros(3, 2).to("cuda"))
    parameter.data = parameter.data[torch.tensor([0, 2], device="cuda")]
    assert parameter.is_cuda
    assert parameter.shape == (2, 2)


def test_torchscript(tmp_path: Path):
    net = network().eval()
    x = torch.rand(2, 1, 8, 8)
    torch.jit.trace(net, x).save(tmp_path / "net.pt")
    with SimulatedCuda():
        module = torch.jit.load(tmp_path / "net.pt", map_location=torch.device("cuda"))
        y = module(x.to("cuda"))
        assert y.is_cuda
        assert torch.equal(y.cpu(), net(x))
        with pytest.raises(RuntimeError, match="same device"):
            module(x)


class Made(nn.Module):
    """Makes a tensor at each call, on the device that its factory is told."""

    __constants__ = ("device",)

    def __init__(self, device: str) -> None:
        super().__init__()
        self.device = device

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.arange(x.shape[1], device=self.device, dtype=torch.float32)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_compiled_factory_makes_its_tensor_where_it_was_told(cuda, device):
    module = torch.jit.script(Made(device))
    x = torch.zeros(2, 3)
    assert torch.equal(module(x.to(device)).cpu(), torch.arange(3.0).expand(2, 3))
    with pytest.raises(RuntimeError, match="same device"):
        module(x.to("cpu" if device == "cuda" else "cuda"))


def test_outside_nothing_is_left():
    with SimulatedCuda():
        x = torch.zeros(2, device="cuda")
    with pytest.raises(RuntimeError, match="outside"):
        x + 1
    assert not torch.zeros(2).is_cuda
