"""Which of the model's classes each label of the data is, known by name; where nothing has names, by text order.

    names in the model's order:  --class-names, or names that the model carries, or the data's own
    label of the data  ->  its own name (folder, class_names)  ->  the class of that name

Labels that are numbers without names of their own are classes already; where the model carries names, ``--class-names``
are what those numbers are called.

Names are matched by ``class_names.match_names`` and never by position: names that match nothing refuse the data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from auditor.class_names import CarriedNames, match_names, numbered, unmatched
from auditor.datasets.base import DataRequest, RawData, Split
from auditor.errors import InputRefused, UsageError

_SHOWN = 6


@dataclass(frozen=True)
class Order:
    """The classes in the model's order, as far as they are known before the model has run.

    Args:
        names: one for each class; empty where neither model, user nor data have any.
        classes: the class of each label of the data; None leaves labels as they are.
        assumed: whether text order stands in for the model's, because nothing has names.
        notes: whole sentences for the report.
    """

    names: tuple[str, ...]
    classes: tuple[int, ...] | None = None
    assumed: bool = False
    notes: tuple[str, ...] = ()


def class_order(raw: RawData, request: DataRequest) -> Order:
    """The order of the classes.

    Raises:
        UsageError: ``--class-names`` that do not name the data's classes.
        InputRefused: names carried by the model, or by the data, that do not fit each other.
    """
    carried, given = telling(raw, request.carried), request.class_names
    if raw.named and given is not None:
        order = _of_names(raw.class_names, given, "--class-names")
        return order if carried is None or carried.names == given else _beside(order, carried)
    if raw.by_name:
        return _of_folders(raw, carried)
    order = Order(given or raw.class_names)
    return order if carried is None else _as_carried(order, raw, carried, given=given is not None)


def telling(raw: RawData, carried: CarriedNames | None) -> CarriedNames | None:
    """The names that a model carries, unless they are mere numbers and not those of the data."""
    if carried is None or not numbered(carried.names):
        return carried
    if raw.by_name:
        return carried if match_names(raw.class_names, carried.names) else None
    present = {str(label) for split in (raw.train, raw.test) for label in split.labels.unique().tolist()}
    return carried if present <= {*carried.names} else None


def in_order(raw: RawData, order: Order) -> RawData:
    """The data with the labels and names of that order."""
    if order.classes is None:
        return replace(raw, class_names=order.names)
    table = torch.tensor(order.classes)
    return replace(raw, train=_relabelled(raw.train, table), test=_relabelled(raw.test, table), class_names=order.names)


def _relabelled(split: Split, table: Tensor) -> Split:
    return replace(split, labels=table[split.labels])


def _of_names(own: tuple[str, ...], given: tuple[str, ...], source: str) -> Order:
    """The data's own names found among those of the model's classes, which the user gave in its order.

    Raises:
        UsageError: one of them is not there.
    """
    classes = match_names(own, given)
    if classes is None:
        raise _misnamed(own, given)
    note = f"The data's classes are in the order of {source} ({len(own)} of {len(given)} have one)."
    return Order(given, tuple(classes[name] for name in own), notes=(note,))


def _beside(order: Order, carried: CarriedNames) -> Order:
    """The same order, with a word on the names that the model carries and the user does not follow."""
    note = f"The model carries its classes as {_some(carried.names)} ({carried.source}); --class-names were taken."
    return replace(order, notes=(*order.notes, note))


def _of_folders(raw: RawData, carried: CarriedNames | None) -> Order:
    folders = raw.class_names
    if carried is None:
        return Order(folders, assumed=True)
    classes = match_names(folders, carried.names)
    if classes is None:
        raise _unlike(folders, carried, "class folder")
    note = f"The class folders are in the order of {carried.source} ({len(folders)} of {len(carried.names)} have one)."
    return Order(carried.names, tuple(classes[name] for name in folders), notes=(note,))


def _as_carried(order: Order, raw: RawData, carried: CarriedNames, *, given: bool) -> Order:
    """Labels with names brought into the order of the names that the model carries."""
    names = carried.names
    if not order.names or numbered(order.names):
        return _by_value(order, raw, carried)
    found = match_names(order.names, names)
    if found is None:
        if given:
            return _beside(order, carried)
        raise _unlike(order.names, carried, "class")
    before = order.classes or tuple(range(len(order.names)))
    classes = tuple(found[order.names[label]] for label in before)
    if classes == tuple(range(len(classes))):
        return Order(_spelled(order.names, names), notes=order.notes)
    note = f"The data's classes are in the order of {carried.source}, matched by name."
    return Order(_spelled(order.names, names), classes, notes=(*order.notes, note))


def _by_value(order: Order, raw: RawData, carried: CarriedNames) -> Order:
    """Labels without names: numbers that the model names as well are those classes, others are positions."""
    present = sorted({*raw.train.labels.tolist(), *raw.test.labels.tolist()})
    values = {name: i for i, name in enumerate(carried.names)}
    if not all(str(label) in values for label in present):
        return Order(carried.names, notes=order.notes)
    classes = tuple(values.get(str(label), 0) for label in range(present[-1] + 1))
    note = f"Labels are the numbers that {carried.source} gives to its classes."
    return Order(carried.names, classes, notes=(*order.notes, note))


def _spelled(given: Sequence[str], names: tuple[str, ...]) -> tuple[str, ...]:
    """The names in their order, each spelled as given where it is among those given."""
    place = match_names(given, names) or {}
    spelled = dict(zip(place.values(), place, strict=True))
    return tuple(spelled.get(i, name) for i, name in enumerate(names))


def _misnamed(own: Sequence[str], given: Sequence[str]) -> UsageError:
    strangers = unmatched(own, given) or own
    return UsageError(
        "expected --class-names, in the model's order, to name every class of the data; found no name for "
        f"{_some(strangers)} among {_some(given)} (the data have {_some(own)}); correct --class-names or the data"
    )


def _unlike(own: Sequence[str], carried: CarriedNames, what: str) -> InputRefused:
    strangers = unmatched(own, carried.names) or own
    return InputRefused(
        f"a {what} of the data for names that the model carries ({carried.source}: {_some(carried.names)})",
        f"{_some(strangers)}, which it does not name (the data have {_some(own)})",
        "give --class-names with the data's names in the model's order, or audit data of the model's classes",
    )


def _some(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
