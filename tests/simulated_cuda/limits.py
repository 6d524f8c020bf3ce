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
        "training step, Component I": Counts(3, 1, 4, 16_464),
        "training step, Component II": Counts(4, 1, 5, 16_720),
        "look at all instances": Counts(2, 2, 6, 49_152),
        "shared start step": Counts(3, 1, 4, 8_712),
        "bisection step": Counts(1, 1, 4, 16_555),
        "attack step": Counts(2, 2, 4, 6_336),
        "attack question": Counts(1, 1, 4, 4_301),
        "IDC batch": Counts(1, 1, 4, 65_102),
    },
    "TorchScript": {
        "bisection step": Counts(1, 1, 2, 16_555),
        "attack step": Counts(2, 2, 4, 6_336),
        "attack question": Counts(1, 1, 2, 4_301),
        "IDC batch": Counts(1, 1, 2, 65_102),
    },
}
"""By format and loop; training asks the twin of an ONNX file for the same as a TorchScript module."""
