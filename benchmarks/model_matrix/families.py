"""All families of the matrix and their cases."""

from __future__ import annotations

from benchmarks.model_matrix import (
    archives,
    light_models,
    other_exporters,
    quantised,
    refused,
    sample_nets,
    scikit,
    timm_nets,
    torchvision_nets,
    variants,
)
from benchmarks.model_matrix.case import Case

FAMILIES = (
    torchvision_nets, sample_nets, light_models, scikit, other_exporters, variants, archives, quantised, refused,
    timm_nets,
)  # fmt: skip


def all_cases() -> list[Case]:
    """Every case, families in order; names are unique."""
    cases = [case for family in FAMILIES for case in family.cases()]
    assert len({case.name for case in cases}) == len(cases), "two cases have one name"
    return cases


def case_named(name: str) -> Case:
    """The case of a name."""
    return next(case for case in all_cases() if case.name == name)
