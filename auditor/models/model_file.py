"""A model's file, held open with its files of weights: what was digested is what is loaded.

A name may lead to another file a moment later; an open file stays the one it is. Whether its content was written over
shows in its times and its size: where they changed, the content is digested again once the model is loaded.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, Self, final

from auditor.errors import InputRefused
from auditor.models.sniff import unreadable

_CHUNK = 1 << 20


@final
@dataclass(frozen=True, eq=False)
class ModelFile:
    """A model's file, open until it is loaded; ``auditor.models.open.open_file`` makes it.

    Args:
        path: as the user gave it; a format of a plug-in may read it, the formats here read ``content``.
        format: name of its format.
        content: the open file.
        weights: the open files of ONNX's external data, by the names that the graph gives them, in their order.
        closing: closes all of them.
    """

    path: Path
    format: str
    content: BinaryIO
    weights: Mapping[str, BinaryIO] = field(default_factory=dict)
    closing: ExitStack = field(default_factory=ExitStack)

    @property
    def sha256(self) -> str:
        """SHA-256 of the content.

        External data of ONNX follow the model file in the order of their names, as ``cat model.onnx weights.bin |
        sha256sum`` would have them.

        Raises:
            InputRefused: the system stops reading.
        """
        return self._digested[0]

    @property
    def size_bytes(self) -> int:
        """Bytes of the content, external data included."""
        return sum(size for size, _, _ in self._digested[1])

    @property
    def address(self) -> str | None:
        """A path that leads to the open file itself, for libraries that open paths; None where the system has none."""
        address = f"/proc/self/fd/{self.content.fileno()}"
        return address if os.path.exists(address) else None

    def reader(self) -> BinaryIO:
        """The open file at its beginning; there is one, so only one reads at a time."""
        self.content.seek(0)
        return self.content

    def check_unchanged(self) -> None:
        """Refuse a file whose content is no more that of the digest.

        Raises:
            InputRefused: it was written to since the digest was taken.
        """
        sha256, states = self._digested
        if self._states() != states and self._digest() != sha256:
            found = f"{self.path.name}, which was written to while it was read"
            raise InputRefused("a model file that stays as it is", found, "wait until it is written, and begin again")

    @cached_property
    def _digested(self) -> tuple[str, tuple[tuple[int, int, int], ...]]:
        states = self._states()
        return self._digest(), states

    def _states(self) -> tuple[tuple[int, int, int], ...]:
        found = [os.fstat(part.fileno()) for part in (self.content, *self.weights.values())]
        return tuple((each.st_size, each.st_mtime_ns, each.st_ctime_ns) for each in found)

    def _digest(self) -> str:
        digest = hashlib.sha256()
        for part in (self.content, *self.weights.values()):
            part.seek(0)
            try:
                while chunk := part.read(_CHUNK):
                    digest.update(chunk)
            except OSError as error:
                raise unreadable(Path(part.name), error) from error
        return digest.hexdigest()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.close()
