"""One random generator for each (stage, source, target), derived from the audit's seed.

Because each draws from its own, adding a characteristic or a pair, or grouping the pairs differently,
changes no other number.
"""

from __future__ import annotations

import hashlib

import torch


def derived_seed(seed: int, *keys: str | int) -> int:
    """A 63-bit seed that depends on ``seed`` and on every key; sha256, so equal on every machine.

    >>> derived_seed(0, "idc", 3, 8) == derived_seed(0, "idc", 3, 8)
    True
    >>> derived_seed(0, "idc", 3, 8) == derived_seed(0, "idc", 8, 3)
    False
    """
    text = "\x1f".join(f"{type(key).__name__}:{key}" for key in (seed, *keys))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator_for(seed: int, *keys: str | int) -> torch.Generator:
    """A CPU generator of its own for the given stage and classes."""
    return torch.Generator().manual_seed(derived_seed(seed, *keys))
