"""Adam for networks side by side, some of which may leave before the others.

torch's own optimiser class imports its compiler when it is made, which is slow; the function behind
it does not. Source: Kingma and Ba, arXiv 1412.6980.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.optim.adam import adam


class Adam:
    """Adam's moments, one for each parameter, and the step that uses them.

    Args:
        networks: K side by side, each parameter ``(K, ...)``.
    """

    def __init__(self, networks: nn.Module) -> None:
        self._networks, self._parameters = networks, list(networks.parameters())
        self._first = [torch.zeros_like(p, requires_grad=False) for p in self._parameters]
        self._second = [torch.zeros_like(p, requires_grad=False) for p in self._parameters]
        self._steps = [torch.zeros((), device=p.device) for p in self._parameters]

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Move every parameter by its gradient, in one pass over each: there are hundreds of thousands a direction."""
        gradients = [p.grad for p in self._parameters if p.grad is not None]
        assert len(gradients) == len(self._parameters), "a parameter without gradient"
        parameters: list[Tensor] = list(self._parameters)
        adam(
            parameters, gradients, self._first, self._second, [], self._steps, fused=True,
            amsgrad=False, beta1=0.9, beta2=0.999, lr=rate, weight_decay=0.0, eps=1e-8, maximize=False,
        )  # fmt: skip

    @torch.no_grad()
    def keep(self, rows: Tensor) -> None:
        """Go on with the networks of these rows alone (int64), parameters and moments."""
        # New parameters: one that changes its shape is still expected in the old one wherever its graph lives on.
        for module in self._networks.modules():
            for name, parameter in list(module.named_parameters(recurse=False)):
                setattr(module, name, nn.Parameter(parameter.data[rows]))
        self._parameters = list(self._networks.parameters())
        self._first, self._second = ([moment[rows] for moment in moments] for moments in (self._first, self._second))
