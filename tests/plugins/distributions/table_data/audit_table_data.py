"""Two sources of data: tables ``label,number,number,...`` in files, and points near eight corners by name."""

import csv
from pathlib import Path

import torch

from auditor.datasets.base import DataRequest, RawData, Split, data_source, path_source


def is_table(path: Path) -> bool:
    """Whether a path given as ``--data`` is a table."""
    return path.suffix == ".table"


@path_source("table", "a file .table: for each sample a line with its label and numbers in [0, 1]", is_table)
def load_table(request: DataRequest) -> RawData:
    """Every fourth line is a test sample."""
    with Path(request.data).open(encoding="utf-8", newline="") as file:
        rows = [[float(cell) for cell in row] for row in csv.reader(file)]
    return parted(torch.tensor([row[1:] for row in rows]), torch.tensor([int(row[0]) for row in rows]))


@data_source("corners", "800 points near eight corners of a cube in eight dimensions, a class for each")
def load_corners(request: DataRequest) -> RawData:
    """Class c is around 0.2 everywhere but in dimension c, where it is around 0.8; the seed moves the points."""
    rng = torch.Generator().manual_seed(request.seed)
    labels = torch.arange(800) // 4 % 8
    return parted(0.2 + 0.6 * torch.eye(8)[labels] + 0.15 * torch.randn(800, 8, generator=rng), labels)


def parted(x: torch.Tensor, labels: torch.Tensor) -> RawData:
    """Three quarters to train on; numbers stay in [0, 1]."""
    x, test = x.clamp(0, 1), torch.arange(len(x)) % 4 == 0
    return RawData(Split(x[~test], labels[~test]), Split(x[test], labels[test]), class_names=())
