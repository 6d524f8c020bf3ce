"""Saved boundary instances: they come back, and what is none is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from auditor.errors import InputRefused
from auditor.pipeline.pairs.instance_files import read_instances, save_instances
from tests.analytic import half_space
from tests.characteristics.evidence import instances


def write(folder: Path, **arrays: object) -> None:
    good = {"x_boundary": np.full((3, 2), 0.5, np.float32), "p_boundary": np.full((3, 2), 0.5, np.float32)}
    np.savez(folder / "0-1.npz", **{**good, **arrays})  # type: ignore[arg-type]


def test_what_was_written_comes_back(tmp_path: Path) -> None:
    x = torch.rand(3, 8, generator=torch.Generator().manual_seed(0))
    made = replace(instances(half_space(8)[1], x, x), source=3, target=8, p_boundary=torch.eye(3, 9))
    save_instances(tmp_path / "instances", made, "train", torch.tensor([2, 0, 5]), ["a", "b", "c", "d", "e", "f"])
    with np.load(tmp_path / "instances" / "3-8.npz", allow_pickle=False) as back:
        assert back["x_boundary"].tolist() == x.tolist()
        assert (back["split"], back["index"].tolist()) == ("train", [2, 0, 5])
        assert back["file"].tolist() == ["c", "a", "f"]
    (found,) = read_instances(tmp_path / "instances")
    assert (found.source, found.target, found.x.shape) == (3, 8, (3, 8))
    assert found.gap.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    "arrays",
    [
        {"x_boundary": np.full((3, 2), 1.5, np.float32)},
        {"x_boundary": np.full((3, 2), np.nan, np.float32)},
        {"x_boundary": np.zeros((2, 2), np.float32)},
        {"p_boundary": np.zeros((3, 1), np.float32)},
        {"x_boundary": np.array([{}] * 3, dtype=object)},
        {"x_boundary": np.zeros((3, 2), np.float64)},
    ],
)
def test_other_arrays_are_refused(tmp_path: Path, arrays: dict[str, object]) -> None:
    write(tmp_path, **arrays)
    with pytest.raises(InputRefused, match=r"--save-instances wrote; found 0-1\.npz"):
        read_instances(tmp_path)


def test_no_folder_and_an_empty_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="no file such as"):
        read_instances(tmp_path)
    with pytest.raises(InputRefused, match="No such file"):
        read_instances(tmp_path / "none")
    (tmp_path / "0-1.npz").write_bytes(b"PK")
    with pytest.raises(InputRefused, match="damaged"):
        read_instances(tmp_path)
