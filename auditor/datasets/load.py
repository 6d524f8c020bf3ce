"""From what the user asked for to a ``Dataset``: find the source, read, check, adapt to the model's input."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

from auditor.datasets.base import DataRequest, Dataset, DataSource, RawData, Split, data_sources
from auditor.datasets.class_order import class_order, in_order, telling
from auditor.datasets.fit_shape import Wanted, adapt
from auditor.datasets.label_checks import check_classes, check_labels, check_split
from auditor.datasets.links_outside import leads_out
from auditor.errors import InputRefused, UsageError


def load_dataset(request: DataRequest, wanted: Wanted = None, raw: RawData | None = None) -> Dataset:
    """The data in the shape that the model takes.

    The fingerprint is that of the samples as read, before they are adapted, so that it names the data and not
    the model; only image files are already resized when they are read.

    Args:
        request: what the user asked for.
        wanted: ``(C, H, W)`` or ``(D,)`` in pixel space, None where any size will do; None keeps the shape.
        raw: the data, where they are no name and no path.
    Raises:
        InputRefused: no such data, or data that cannot be audited.
        UsageError: class names that do not fit.
    """
    asked = request.geometry
    size = (wanted[1], wanted[2]) if wanted is not None and len(wanted) == 3 and wanted[1] and wanted[2] else None
    if wanted is None or len(wanted) == 3:
        request = replace(request, geometry=request.geometry.for_model(size))
    raw = raw or _read(request)
    check_split(raw.train, "the train split")
    check_split(raw.test, "the test split")
    check_classes(raw, all_present=request.class_names is None and telling(raw, request.carried) is None)
    order, named = class_order(raw, request), raw.named
    raw = in_order(raw, order)
    names = _class_names(raw, request)
    train, test = (adapt(split.pixels, wanted, request.geometry) for split in (raw.train, raw.test))
    return Dataset(
        name=os.path.basename(os.path.abspath(request.data)) or request.data,  # whatever the working folder
        class_names=names,
        train=Split(train.pixels, raw.train.labels, raw.train.files),
        test=Split(test.pixels, raw.test.labels, raw.test.files),
        image_shape=train.image_shape,
        fingerprint=fingerprint(raw.train, raw.test),
        skipped=raw.skipped,
        notes=(*raw.notes, *order.notes, *train.notes),
        named=named,
        order_assumed=order.assumed,
        prepared=asked.asked_for,
    )


def as_vectors(dataset: Dataset) -> Dataset:
    """The data as vectors, for a model of which only a trial told that it takes them."""
    if dataset.train.pixels.dim() == 2:
        return dataset
    train, test = (adapt(split.pixels, (None,)) for split in (dataset.train, dataset.test))
    return replace(
        dataset,
        train=replace(dataset.train, pixels=train.pixels),
        test=replace(dataset.test, pixels=test.pixels),
        notes=(*dataset.notes, *train.notes),
    )


def _read(request: DataRequest) -> RawData:
    try:
        return find_source(request).load(request)
    except OSError as err:
        place = Path(err.filename or request.data)
        if isinstance(err, PermissionError) and Path(request.data).is_dir() and leads_out(place, Path(request.data)):
            found = f"{str(place)[:200]}, a link that leads out of the data folder to one that is not mostly of images"
            raise InputRefused(
                "folders of images", found, "copy the images, or give the folder that it leads to"
            ) from err
        found = f"{str(place)[:200]}: {err.strerror or err}"
        raise InputRefused("readable data", found, "check the path and its permissions") from err


def find_source(request: DataRequest) -> DataSource:
    """The source for ``request.data``; a known name goes before a path of the same name.

    Raises:
        InputRefused: neither a known name nor a path that can be read.
        UsageError: the name of a plug-in that cannot be used.
    """
    sources = sorted((source for _, source in data_sources.items()), key=lambda source: not source.known_name)
    for source in sources:
        if source.accepts(request):
            return source
    data_sources.refuse_broken(request.data)
    known = ", ".join(name for name, source in data_sources.items() if source.known_name)
    found = "a file of another kind" if request.data and Path(request.data).exists() else "no such name, file or folder"
    raise InputRefused(
        f"--data to be one of {known}, a folder of images or an .npz file",
        f"{request.data!r}, {found}",
        "correct --data",
    )


def match_classes(dataset: Dataset, num_classes: int, request: DataRequest) -> Dataset:
    """The data with one name for each of the model's classes.

    Raises:
        InputRefused: labels outside the model's classes, or folders of which nothing says which of them they are.
        UsageError: ``--class-names`` of another number.
    """
    names, known = dataset.class_names, len(dataset.class_names)
    if request.class_names is not None and len(request.class_names) != num_classes:
        expected = f"--class-names with {num_classes} names, one for each of the model's classes"
        raise UsageError(f"expected {expected}; found {len(request.class_names)}; correct it")
    if dataset.order_assumed and known != num_classes:
        raise InputRefused(
            f"class folders for the model's {num_classes:,} classes, or names that say which of them the data have",
            f"{known:,} folders ({', '.join(names[:3])}{', ...' if known > 3 else ''}), and no names in the model",
            f"give --class-names with {num_classes:,} names in the model's order, these folders' among them",
        )
    check_labels(dataset, num_classes)
    if known == num_classes:
        return dataset
    if known > num_classes:
        raise InputRefused(
            f"names for the model's {num_classes:,} classes", f"{known:,} names", "give --class-names in its order"
        )
    numbers = names == tuple(map(str, range(known)))
    added = tuple(str(label) if numbers else f"class {label}" for label in range(known, num_classes))
    note = f"The model has {num_classes:,} classes, the data have samples of the first {known:,}."
    return replace(dataset, class_names=names + added, notes=(*dataset.notes, note))


def _class_names(raw: RawData, request: DataRequest) -> tuple[str, ...]:
    needed = max(len(raw.class_names), int(max(raw.train.labels.max(), raw.test.labels.max())) + 1)
    if not raw.class_names:
        return tuple(map(str, range(needed)))
    if len(raw.class_names) < needed:
        whose = "--class-names with" if request.class_names else "class names, at least"
        raise UsageError(
            f"expected {whose} {needed} names, as many as the data; found {len(raw.class_names)}; add them"
        )
    return raw.class_names


def fingerprint(train: Split, test: Split) -> str:
    """SHA-256 over dtype, shape and bytes of the pixels and labels of both splits."""
    digest = hashlib.sha256()
    for tensor in (train.pixels, train.labels, test.pixels, test.labels):
        digest.update(f"{tensor.dtype} {tuple(tensor.shape)} ".encode())
        digest.update(tensor.contiguous().numpy().data)
    return digest.hexdigest()
