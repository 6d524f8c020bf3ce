"""What every registered characteristic keeps, whatever it measures."""

from __future__ import annotations

import pytest
import torch

from auditor.characteristics.base import (
    Characteristic,
    PairCharacteristic,
    characteristics,
    series_values,
)
from auditor.documents.results import (
    NotMeasured,
)
from auditor.testing import check_characteristic
from tests.characteristics.evidence import of_half_space, rng

DIRECTED = {name: kind() for name, kind in characteristics.items() if issubclass(kind, Characteristic)}
PAIRED = {name: kind() for name, kind in characteristics.items() if issubclass(kind, PairCharacteristic)}
HEADLINES = {"margin_l2_attack", "idc", "edc_boundary_accuracy", "third_class_intrusion", "diversity"}


@pytest.mark.parametrize("name", characteristics.names())
def test_every_characteristic_keeps_the_contract(name):
    check_characteristic(characteristics[name])


@pytest.mark.parametrize("name", DIRECTED)
def test_half_space_leaves_nothing_unmeasured_but_what_cannot_be(name):
    found = DIRECTED[name].measure(of_half_space()[1], rng=rng()).measures
    missing = {id for id, m in found.items() if isinstance(m, NotMeasured)}
    assert all(id.endswith("_misclassified") for id in missing)


def test_definitions_are_distinct():
    everything = [(name, d) for c in (*DIRECTED.values(), *PAIRED.values()) for name, d in c.definitions.items()]
    assert len({name for name, _ in everything}) == len(everything)
    assert len({d.title for _, d in everything}) == len(everything)
    assert {name for name, d in everything if d.headline} == HEADLINES


def test_settings_are_the_provenance_line():
    assert repr(DIRECTED["idc"]) == (
        "InputSpaceComplexity(partners=50, points=50, in_full=False, least=100, tolerance=0.3, exhausted=0.4, "
        "one_sided=True)"
    )


def test_series_values_have_four_digits():
    assert series_values(torch.tensor([[0.123456, 12345.678], [0.0, 1e-9]])) == [0.1235, 12350.0, 0.0, 1e-9]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"bounds": (1.0, 0.0)}, "x takes a lower bound below the upper; found 1 and 0"),
        ({"better": "near", "ideal": 1e20}, "x.ideal takes of a size below 1e+15; found 1e+20"),
        ({"scope": "pair"}, "it takes the scope of x to be direction"),
    ],
)
def test_a_definition_that_no_results_may_hold_is_refused_when_it_is_registered(change, said):
    x = next(iter(DIRECTED["idc"].definitions.values())).model_copy(update=change)
    kind = type("Kind", (type(DIRECTED["idc"]),), {"definitions": {"x": x}})
    assert characteristics.why_not(kind) == said
