"""Pickles that run a program when loaded, in every container that torch has had; and archives of torch.export."""

from __future__ import annotations

import io
import os
import pickle
import tarfile
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from benchmarks.hostile.case import ACCEPTED, REFUSED, Case
from benchmarks.hostile.torch_archives import Records, records, zipped
from benchmarks.hostile.torchscript_code import OUTSIDE


class Payload:
    """What a pickle runs when it is loaded: writes a file outside."""

    def __init__(self, target: str) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (f"touch {self.target}",)


def _pickled(name: str, folder: Path, protocol: int = 2) -> bytes:
    return pickle.dumps(Payload(str(folder.parent / OUTSIDE / name)), protocol)


def _with_payload(part: str) -> Callable[[Path], Path]:
    def build(folder: Path) -> Path:
        content = records()
        for name in [name for name in content if name.endswith(part)]:
            content[name] = _pickled("dropped", folder)
        return zipped(content, folder / "model.pt")

    return build


def _tar(folder: Path) -> Path:
    with tarfile.open(folder / "model.pt", "w") as archive:
        for name in ("sys_info", "pickle", "storages", "tensors"):
            data = _pickled("dropped", folder)
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return folder / "model.pt"


def _legacy(folder: Path) -> Path:
    torch.save(torch.nn.Linear(2, 2), folder / "model.pt", _use_new_zipfile_serialization=False)
    return folder / "model.pt"


def _saved(make: Callable[[Path], Any]) -> Callable[[Path], Path]:
    def build(folder: Path) -> Path:
        torch.save(make(folder), folder / "model.pt")
        return folder / "model.pt"

    return build


def _pt2(change: Callable[[Records, Path], object] | None) -> Callable[[Path], Path]:
    """An archive of torch.export, changed."""

    def build(folder: Path) -> Path:
        net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10)).eval()
        shapes: Any = ({0: torch.export.Dim("n")},)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.export.save(
                torch.export.export(net, (torch.zeros(2, 1, 8, 8),), dynamic_shapes=shapes), folder / "plain.pt2"
            )
        with zipfile.ZipFile(folder / "plain.pt2") as archive:
            content = {name: archive.read(name) for name in archive.namelist()}
        if change is not None:
            change(content, folder)
        return zipped(content, folder / "model.pt2")

    return build


def _pt2_payload(content: Records, folder: Path) -> None:
    for name in content:
        if "weights" in name or "constants" in name or name.endswith(".pt"):
            content[name] = _pickled("dropped", folder)


def _pt2_cut(content: Records, folder: Path) -> None:
    name = next(name for name in content if name.endswith(".json"))
    content[name] = content[name][: len(content[name]) // 2]


def _pt2_empty(content: Records, folder: Path) -> None:
    for name in content:
        if name.endswith(".json"):
            content[name] = b"{}"


def cases() -> Iterator[Case]:
    """Payloads in archives, plain pickles, archives of torch.export."""
    for part in ("data.pkl", "constants.pkl", ".debug_pkl"):
        codes = (REFUSED, ACCEPTED) if part == ".debug_pkl" else (REFUSED,)
        yield Case(
            f"torchscript/payload/in-{part.strip('.')}", _with_payload(part), codes, "a pickle that runs a program"
        )
    yield Case(
        "pickle/module", _saved(lambda f: torch.nn.Linear(64, 10)), (REFUSED,), "a pickled module holds no graph"
    )
    yield Case(
        "pickle/state-dict",
        _saved(lambda f: torch.nn.Linear(64, 10).state_dict()),
        (REFUSED,),
        "weights without a graph",
    )
    yield Case("pickle/tensor", _saved(lambda f: torch.zeros(3)), (REFUSED,), "a tensor is no model")
    yield Case(
        "pickle/payload-in-a-checkpoint",
        _saved(lambda f: Payload(str(f.parent / OUTSIDE / "dropped"))),
        (REFUSED,),
        "never unpickled",
    )
    yield Case("pickle/legacy", _legacy, (REFUSED,), "the old format is a pickle")
    yield Case("pickle/legacy-tar", _tar, (REFUSED,), "the oldest format is a tar of pickles")
    for protocol in range(6):
        build = _raw(protocol)
        yield Case(f"pickle/raw-protocol-{protocol}", build, (REFUSED,), "never unpickled")
    for name, change in {"sound": None, "payload": _pt2_payload, "cut": _pt2_cut, "empty-programs": _pt2_empty}.items():
        yield Case(f"pt2/untrusted/{name}", _pt2(change), (REFUSED,), "its loader runs pickles, so it takes trust")
        codes = (ACCEPTED,) if name == "sound" else (REFUSED, ACCEPTED) if name == "payload" else (REFUSED,)
        why = "trusted, it may run what it holds, inside the sandbox"
        yield Case(f"pt2/trusted/{name}", _pt2(change), codes, why, options=("--trust-model",), seconds=150.0)


def _raw(protocol: int) -> Callable[[Path], Path]:
    def build(folder: Path) -> Path:
        (folder / "model.pt").write_bytes(_pickled("dropped", folder, protocol))
        return folder / "model.pt"

    return build
