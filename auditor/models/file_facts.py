"""What a model file says of itself and no audit needs: who wrote it, in which version, of which operators."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from auditor.documents.results import NotMeasured

_SILENT = NotMeasured(not_measured="the file does not say")


@dataclass(frozen=True)
class FileFacts:
    """Facts of the file alone, as it states them.

    Args:
        producer: name and version of the program that wrote the file.
        versions: of the format and of each operator set, by name.
        operators: how often each operator stands in the graph, once its functions are inlined; the most frequent
            first.
        outputs: each output with its type and shape, in the file's order.
        output: which of them holds the class scores, and why that one.
    """

    producer: str | NotMeasured = _SILENT
    versions: Mapping[str, str] | NotMeasured = _SILENT
    operators: Mapping[str, int] | NotMeasured = _SILENT
    outputs: tuple[str, ...] | NotMeasured = _SILENT
    output: str | NotMeasured = _SILENT


def counted(operators: Counter[str]) -> dict[str, int]:
    """Counts from the most frequent operator to the least, by name where they are equal.

    >>> counted(Counter(["Relu", "Gemm", "Conv", "Relu"]))
    {'Relu': 2, 'Conv': 1, 'Gemm': 1}
    """
    return dict(sorted(operators.items(), key=lambda item: (-item[1], item[0])))
