"""The plan: all that the worker needs to know, as one document that crosses the process boundary."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from auditor.documents.profiles import Profile, profile_named
from auditor.documents.results import Document

Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"]
DOWNLOADED = frozenset({"mnist", "fashionmnist", "cifar10", "cifar100"})
"""Data sets that a network may be needed for."""
AUTO_GENERATOR = "auto"
"""Leaves the generator to the size of the model."""


class ModelPlan(Document):
    """Which model, and what the user said about it; the fields of ``auditor.models.base.ModelOptions``."""

    path: str
    device: str = "auto"
    layout: Literal["auto", "nchw", "nhwc", "flat"] = "auto"
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    channels: Literal["rgb", "bgr"] = "rgb"
    embedding: str | None = None
    output: str | None = None
    output_kind: Literal["logits", "probabilities", "sigmoid"] | None = None
    trust_model: bool = False
    expect_sha256: str | None = None


class DataPlan(Document):
    """Which data, and how to read them; the fields of ``auditor.datasets.base.DataRequest``.

    ``carried_names`` are those that a file beside the model gives to its classes; ``notes`` go into the report.
    """

    data: str
    root: str = ".cache/data"
    download: bool = True
    class_names: tuple[str, ...] | None = None
    carried_names: tuple[str, ...] | None = None
    resize: int | tuple[int, int] | None = None
    crop: tuple[int, int] | None = None
    interpolation: Interpolation = "bilinear"
    max_skip: float = Field(0.01, ge=0, le=1)
    notes: tuple[str, ...] = ()


class Plan(Document):
    """One audit.

    ``data`` may be missing only when the model is merely inspected. ``samples_per_class`` overrides the
    profile's; ``time_budget`` bounds the seconds of the whole audit;
    ``force`` audits although labels or pixels cannot be those of the model's training;
    ``instances_folder`` asks for the boundary instances as files; ``command`` is quoted in the
    report so that a reader can repeat the audit.
    """

    model: ModelPlan
    data: DataPlan | None = None
    pairs: str = "all"
    max_pairs: int | None = Field(None, ge=1)
    time_budget: float | None = Field(None, gt=0)
    generator: str = AUTO_GENERATOR
    profile: str = "standard"
    samples_per_class: int | None = Field(None, ge=2)
    seed: int = Field(0, ge=0, lt=2**32)
    report_pairs: int = Field(10, ge=0)
    instances_folder: str | None = None
    force: bool = False
    command: str = ""

    @property
    def settings(self) -> Profile:
        """The profile with the plan's own number of samples, if it has one."""
        return profile_named(self.profile).with_samples(self.samples_per_class)

    @property
    def downloads(self) -> bool:
        """Whether the network may be needed, for a known data set."""
        return self.data is not None and self.data.download and self.data.data in DOWNLOADED
