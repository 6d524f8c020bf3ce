"""Files that go to nodes by their content: which of an audit's do, and how a node keeps them.

A model goes as a file with the files of its weights, data as a file where they are one. A folder of images does not go:
every node has to see it at the same place. On a node files lie below a folder that is its user's alone, by SHA-256, so
that every content is written once.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath

from auditor.documents.plan import Plan
from auditor.engines.orders import Parcel
from auditor.errors import AuditIncomplete, InputRefused
from auditor.models.onnx.external_data_files import weights_file, weights_names


def parcels_of(plan: Plan) -> list[tuple[Parcel, Path]]:
    """The files of a plan that nodes may lack, and where they lie here; of each purpose the file itself first.

    Raises:
        InputRefused: one of them cannot be read.
    """
    model = Path(plan.model.path)
    files = [("model", model.name, model), *(("model", name, file) for name, file in _weights(model))]
    if plan.data is not None and os.path.isfile(plan.data.data):
        files.append(("data", os.path.basename(os.path.abspath(plan.data.data)), Path(plan.data.data)))
    return [(Parcel(purpose=purpose, name=name, sha256=digest(file)), file) for purpose, name, file in files]


def _weights(model: Path) -> list[tuple[str, Path]]:
    """Names and places of the files that an ONNX graph has its weights in."""
    try:
        with model.open("rb") as file:
            names = weights_names(file)
    except (OSError, ValueError):
        return []
    found = [(name, weights_file(model, name)) for name in names]
    return [(name, file) for name, file in found if file is not None and is_plain(name)]


def is_plain(name: str) -> bool:
    """Whether a name leads to a file below the folder that it is put in."""
    parts = PurePosixPath(name).parts
    return bool(parts) and not PurePosixPath(name).is_absolute() and ".." not in parts and "\\" not in name


def digest(file: Path) -> str:
    """SHA-256 of a file.

    Raises:
        InputRefused: it cannot be read.
    """
    try:
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as err:
        raise InputRefused(
            "a file that can be read", f"{file}: {err.strerror}", "correct the path or its rights"
        ) from err


def for_nodes(plan: Plan) -> Plan:
    """The plan with paths that mean the same whatever the working folder."""
    model = plan.model.model_copy(update={"path": os.path.abspath(plan.model.path)})
    if plan.data is None:
        return plan.model_copy(update={"model": model})
    paths = {"root": os.path.abspath(plan.data.root)}
    if os.path.lexists(plan.data.data):
        paths["data"] = os.path.abspath(plan.data.data)
    return plan.model_copy(update={"model": model, "data": plan.data.model_copy(update=paths)})


def unpacked(parcels: Iterable[Parcel], content: Callable[[Parcel], bytes], folder: Path) -> dict[str, Path]:
    """Write the files that are not there yet into the folder of the audit on this node.

    Args:
        content: gets the bytes of one.
        folder: of this audit on this node.
    Returns:
        the place of the first of each purpose.
    Raises:
        AuditIncomplete: a content has another digest, or cannot be written.
    """
    places: dict[str, Path] = {}
    for parcel in parcels:
        first = places.setdefault(parcel.purpose, folder / parcel.sha256 / parcel.name)
        put(first.parent / parcel.name, parcel, content)
    return places


def on_node(plan: Plan, places: Mapping[str, Path], instances: Path) -> Plan:
    """The plan with the places of a node.

    Args:
        places: of model and data, where they went along.
        instances: where boundary instances are saved, if they are wanted.
    """
    update: dict[str, object] = {"model": plan.model.model_copy(update={"path": str(places["model"])})}
    if "data" in places and plan.data is not None:
        update["data"] = plan.data.model_copy(update={"data": str(places["data"])})
    if plan.instances_folder is not None:
        update["instances_folder"] = str(instances)
    return plan.model_copy(update=update)


def put(file: Path, parcel: Parcel, content: Callable[[Parcel], bytes]) -> None:
    """Write a file whole where it is not there yet; other processes on this node may do the same at the same time.

    Raises:
        AuditIncomplete: the content has another digest, or cannot be written.
    """
    if file.exists():
        return
    data = content(parcel)
    if hashlib.sha256(data).hexdigest() != parcel.sha256:
        raise AuditIncomplete(
            f"expected {parcel.name} as it was when the audit began; found another content; leave files alone while an"
            " audit reads them, and begin again"
        )
    temporary = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(data)
        temporary.replace(file)
    except OSError as err:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise AuditIncomplete(
            f"expected room for {parcel.name} on the node; found {err.filename}: {err.strerror}; free space there"
        ) from err
