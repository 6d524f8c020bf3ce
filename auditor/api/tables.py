"""An audit as tables of plain rows: measures, samples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from auditor.documents.results import Measure, Measured, Results
from auditor.render.csv import sample_rows as sample_rows

Row = dict[str, str | float | None]


def measure_rows(results: Results) -> Iterator[Row]:
    """Every measure of every pair: its directions one after the other, then the pair as a whole."""
    names = results.data.class_names
    for pair in results.pairs:
        of = ":".join(pair.names)
        for direction in pair.directions:
            way = f"{names[direction.source]}:{names[direction.target]}"
            yield from (_row(of, way, id, measured) for id, measured in direction.characteristics.items())
        yield from (_row(of, None, id, measured) for id, measured in pair.characteristics.items())


def _row(pair: str, direction: str | None, id: str, of: Measured) -> Row:
    row: Row = {"pair": pair, "direction": direction, "measure": id}
    row |= dict.fromkeys(("value", "low", "high", "n", "unit", "reason"))
    if isinstance(of, Measure):
        return row | {"value": of.value, "low": of.ci_low, "high": of.ci_high, "n": of.n, "unit": of.unit}
    return row | {"reason": of.not_measured}


def table(rows: Iterable[Row], whole_numbers: Sequence[str] = ()) -> Any:
    """Rows as a ``pandas.DataFrame`` where pandas is installed, as a list otherwise.

    Args:
        whole_numbers: columns of whole numbers that may be missing.
    """
    listed = list(rows)
    try:
        import pandas
    except ImportError:
        return listed
    return pandas.DataFrame(listed).astype(dict.fromkeys(whole_numbers, "Int64"))
