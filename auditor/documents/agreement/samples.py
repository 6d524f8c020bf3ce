"""Model and data, the table of samples, and the performance that follows from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from auditor.documents.agreement.numbers import Contradiction, equal_lengths, interval, measured, places, share, within
from auditor.documents.results import ACCURACY, CALIBRATION, CALIBRATION_ERROR, Measured, Parity, Results, SampleTable

SHARE = (0.0, 1.0)


def model_and_data(results: Results) -> Iterator[Contradiction]:
    """One name for each class of the model; sizes that something can have."""
    model, data, classes = results.model, results.data, len(results.data.class_names)
    if model.num_classes != classes or classes < 2:
        yield Contradiction("data.class_names", f"of {model.num_classes} classes, two at least", f"{classes}")
    counts = {
        "model.size_bytes": model.size_bytes, "data.splits.train": data.splits.train,
        "data.splits.test": data.splits.test, "cost.forward": results.cost.forward,
        "cost.backward": results.cost.backward, "settings.report_pairs": results.settings.report_pairs,
        "settings.samples_per_class": results.settings.samples_per_class,
    }  # fmt: skip
    for where, count in counts.items():
        if not 0 <= count < 2**63:
            yield Contradiction(where, "a count", "a number that is none")
    if not model.input_shape or not all(1 <= side < 2**31 for side in model.input_shape):
        yield Contradiction("model.input_shape", "sides of at least 1", "another")
    if isinstance(model.parity, Parity):
        yield from interval("model.parity.agreement", model.parity.agreement, 0.0, 1.0)
        if model.parity.n < 1 or model.parity.max_abs_diff < 0:
            yield Contradiction("model.parity", "of at least one sample and a difference of 0 or more", "another")


def performance(results: Results) -> Iterator[Contradiction]:
    """Accuracy, calibration and the confusion matrix have the shapes of these classes and agree with each other."""
    found, names = results.performance, results.data.class_names
    yield from measured("performance.accuracy", found.accuracy, ACCURACY)
    yield from measured("performance.ece", found.ece, CALIBRATION_ERROR)
    yield from measured("performance.calibration", found.calibration, CALIBRATION)
    if [(c.index, c.name) for c in found.per_class] != list(enumerate(names)):
        yield Contradiction("performance.per_class", "every class once, in order and by its name", "others")
        return
    for c in found.per_class:
        yield from measured(f"performance.per_class of class {c.index}", c.accuracy, ACCURACY)
    rows = found.confusion
    if len(rows) != len(names) or any(len(row) != len(names) for row in rows):
        yield Contradiction("performance.confusion", f"a square of {len(names)} classes", "another shape")
    elif any(count < 0 for row in rows for count in row):
        yield Contradiction("performance.confusion", "counts of 0 or more", "a negative one")
    for b in found.reliability:
        numbers = [number for number in (b.confidence, b.accuracy) if number is not None]
        if b.n < 0 or bool(b.n) != (len(numbers) == 2) or not all(within(x, SHARE) for x in (b.low, b.high, *numbers)):
            yield Contradiction("performance.reliability", "shares of bins with samples", "another")
    if any(b.low >= b.high for b in found.reliability):
        yield Contradiction("performance.reliability", "bins with a lower and an upper end", "another")


def sample_tables(results: Results) -> Iterator[Contradiction]:
    """The tables are whole, and performance is what the one of the test split says."""
    table, splits, classes = results.samples.test, results.data.splits, len(results.data.class_names)
    yield from _table("samples.test", table, splits.test, classes)
    yield from _table("samples.train", results.samples.train, splits.train, classes)
    if len(table.index) != splits.test or table.index != sorted(table.index):
        yield Contradiction("samples.test", f"all {splits.test} samples in order", f"{len(table.index)}")
    cells = Counter(zip(table.label, table.predicted, strict=True))
    of_class = Counter(table.label)
    right = 0
    for label, row in enumerate(results.performance.confusion):
        for predicted, count in enumerate(row):
            if cells[label, predicted] != count:
                where = f"performance.confusion of class {label} predicted as {predicted}"
                yield Contradiction(where, f"{cells[label, predicted]}, as in samples.test", f"{count}")
                return
        right += cells[label, label]
    yield from share("performance.accuracy", results.performance.accuracy, right, len(table.label))
    for c in results.performance.per_class:
        where = f"performance.per_class of class {c.index}"
        yield from share(where, c.accuracy, cells[c.index, c.index], of_class[c.index])
    finite = sum(predicted is not None for predicted in table.predicted)
    if sum(b.n for b in results.performance.reliability) != finite:
        yield Contradiction("performance.reliability", f"{finite} samples in all", "another number")
    for name in ("ece", "calibration"):
        yield from _of_all(f"performance.{name}", getattr(results.performance, name), finite)


def _of_all(where: str, measure: Measured, samples: int) -> Iterator[Contradiction]:
    if (n := getattr(measure, "n", None)) not in (None, samples):
        yield Contradiction(where, f"of {samples} samples", f"n {n}")


def _table(where: str, table: SampleTable, size: int, classes: int) -> Iterator[Contradiction]:
    columns: list[Sequence[object]] = [
        table.index,
        table.label,
        table.predicted,
        table.p_label,
        table.logit_margin,
        table.runner_up,
    ]
    yield from equal_lengths(where, [*columns, table.file] if table.file else columns)
    yield from places(where, table.index, size)
    named = {*table.label, *table.predicted, *table.runner_up} - {None}
    if any(index is not None and not 0 <= index < classes for index in named):
        yield Contradiction(where, f"classes below {classes}", "another")
    if any(p is not None and not within(p, SHARE) for p in table.p_label):
        yield Contradiction(f"{where}.p_label", "probabilities", "a number that is none")
