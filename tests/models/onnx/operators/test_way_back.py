"""The ways back through a convolution that are our own, against torch's."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from auditor.models.onnx.graph.windows import Windows
from auditor.models.onnx.operators import convolution as module


@pytest.mark.parametrize("channels", [1, 3, 4, 5])
@pytest.mark.parametrize(
    ("kernel", "stride", "begin", "size"),
    [
        ((7, 7), 2, 3, (32, 32)),
        ((3, 3), 2, 1, (17, 18)),
        ((3, 3), 2, 0, (10, 9)),
        ((4, 4), 4, 0, (19, 16)),
        ((2, 5), 3, 1, (14, 23)),
        ((1, 1), 2, 0, (9, 8)),
        ((3, 3), 1, 1, (12, 12)),
        ((2, 2), 3, 0, (11, 12)),
    ],
)
def test_the_gradient_is_that_of_torch(
    channels: int, kernel: tuple[int, int], stride: int, begin: int, size: tuple[int, int]
) -> None:
    rng = torch.Generator().manual_seed(0)
    x = torch.rand(3, channels, *size, generator=rng).requires_grad_()
    weight, bias = torch.randn(6, channels, *kernel, generator=rng), torch.randn(6, generator=rng)
    windows = Windows(strides=(stride, stride), pads=(begin,) * 4)
    ours = module.convolution(x, weight, bias, windows=windows)
    theirs = F.conv2d(x, weight, bias, stride, begin)
    above = torch.randn(theirs.shape, generator=rng)
    assert torch.equal(ours, theirs)
    own = type(ours.grad_fn).__name__
    assert own == ("_UnitStrideBackward" if stride == 1 else "_FewChannelsBackward" if channels <= 4 else own)
    (wanted,) = torch.autograd.grad(theirs, x, above)
    torch.testing.assert_close(torch.autograd.grad(ours, x, above)[0], wanted, atol=2e-5, rtol=1e-5)
