"""Two sources of data: tables ``label,number,number,...`` in files, and points around a circle by name."""

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


@data_source("ring", "800 points around a circle in 8 classes, two numbers each")
def load_ring(request: DataRequest) -> RawData:
    """Classes are arcs of a circle; the seed moves the points."""
    rng = torch.Generator().manual_seed(request.seed)
    labels = torch.arange(800) // 4 % 8
    angle = (labels + 0.5 + 0.3 * torch.randn(800, generator=rng)) * torch.pi / 4
    return parted(0.5 + 0.4 * torch.stack([angle.cos(), angle.sin()], dim=1), labels)


def parted(x: torch.Tensor, labels: torch.Tensor) -> RawData:
    """Three quarters to train on; numbers stay in [0, 1]."""
    x, test = x.clamp(0, 1), torch.arange(len(x)) % 4 == 0
    return RawData(Split(x[~test], labels[~test]), Split(x[test], labels[test]), class_names=())
