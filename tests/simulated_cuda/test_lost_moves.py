"""Faults of placement do not pass: each move to or from the device that is left out raises, or changes no number.

The faults are not written down. A run without one says where the package moves tensors or makes them on the device;
then each of these lines loses its move in a run of its own.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from auditor.documents.results import NotMeasured
from tests.simulated_cuda.counts import benched, everything
from tests.simulated_cuda.events import Site


def outcome(name: str, lost: Site | None = None) -> tuple[list[Tensor], bool, list[Site]]:
    """All numbers of a run, whether there are gradients, and the lines that move tensors or make them there."""
    with benched(name, lost) as bench:
        gradient = not isinstance(bench.classifier.gradient, NotMeasured)
        numbers = everything(bench) if gradient else []
        moves = [site for site in bench.events.count if site.kind == "made there" or bench.events.bytes[site]]
    return numbers, gradient, moves


@pytest.mark.parametrize(("name", "folder"), [("ONNX", "auditor/"), ("TorchScript", "auditor/models/")])
def test_a_lost_move_raises_or_changes_nothing(name: str, folder: str) -> None:
    numbers, gradient, moves = outcome(name)
    assert gradient
    sites = [site for site in moves if site.line.startswith(folder)]
    raised, unnoticed = list[Site](), list[Site]()
    for site in sites:
        try:
            others, still, _ = outcome(name, site)
        except Exception:
            raised.append(site)
            continue
        if not still or not all(torch.equal(a, b) for a, b in zip(numbers, others, strict=True)):
            unnoticed.append(site)
    assert len(sites) >= (12 if name == "ONNX" else 4)
    assert len(raised) >= (len(sites) / 2 if name == "ONNX" else 1)
    assert not unnoticed
