"""How often the host may copy to and from the device and wait for it: one row for each loop that an audit is spent in.

Measured with ``python -m tests.simulated_cuda.counts``; a test holds them as upper bounds. Lower a number when the code
needs less.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Counts:
    """What one round of a loop does between host and device.

    Args:
        to_device, to_host: copies.
        waits: of the host for the device, those of the copies included.
        bytes_to_device: in those copies.
    """

    to_device: float
    to_host: float
    waits: float
    bytes_to_device: float


LIMITS = {
    "ONNX": {
        "training step, Component I": Counts(1, 0, 1, 512),
        "training step, Component II": Counts(2, 0, 2, 768),
        "look at all instances": Counts(1, 2, 4, 768),
        "shared start step": Counts(1, 0, 1, 256),
        "bisection step": Counts(0, 0, 2, 0),
        "attack step": Counts(0, 0.5, 0.5, 0),
        "attack question": Counts(0, 0.15, 1.2, 0),
        "IDC batch": Counts(0, 0, 1, 3072),
    },
    "TorchScript": {
        "bisection step": Counts(0, 0, 1, 0),
        "attack step": Counts(0, 0.85, 0.85, 0),
        "attack question": Counts(0, 0.15, 0.15, 0),
        "IDC batch": Counts(0, 0.06, 0.06, 3072),
    },
}
"""By format and loop; training asks the twin of an ONNX file for the same as a TorchScript module."""
