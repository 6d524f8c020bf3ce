"""What every registered characteristic keeps, whatever it measures."""

from __future__ import annotations

import math
from collections import Counter

import pytest
import torch

from auditor.characteristics.base import (
    Characteristic,
    Evidence,
    Findings,
    PairCharacteristic,
    SampleMargins,
    SplitName,
    characteristics,
    series_values,
)
from auditor.documents.results import (
    NEUTRAL,
    Definition,
    Direction,
    Generation,
    Measure,
    Measured,
    NotMeasured,
    Pair,
    Sources,
    to_json,
)
from tests.analytic import Sectors, classifier
from tests.characteristics.evidence import empty, evidence, instances, of_half_space, rng, sample_margins

DIRECTED = {name: kind() for name, kind in characteristics.items() if issubclass(kind, Characteristic)}
PAIRED = {name: kind() for name, kind in characteristics.items() if issubclass(kind, PairCharacteristic)}
HEADLINES = {"margin_l2_attack", "idc", "edc_boundary_accuracy", "third_class_intrusion", "diversity"}


def of_sectors(source: int = 0, target: int = 1) -> Evidence:
    """Three classes, overlapping embeddings, a third class that intrudes, margins put by hand."""
    f = classifier(Sectors(), (2,), 3)
    train, test = torch.rand(300, 2, generator=rng(1)), torch.rand(150, 2, generator=rng(2))
    x_source = train[f.predict(train) == source][:60]
    boundary = 0.5 + torch.rand(len(x_source), 1, generator=rng(3)) * torch.tensor([-0.43, 0.25])
    found = instances(
        f, x_source, boundary, source=source, target=target, started=len(boundary) + 5, third_class=Counter({2: 5})
    )
    both: dict[SplitName, SampleMargins] = {
        split: sample_margins(torch.arange(30), torch.linspace(0.1, 0.5 + source, 30)) for split in ("test", "train")
    }
    return evidence(f, found, train=train, test=test, margins=both)


def alike() -> Evidence:
    """Every sample and every instance is one and the same."""
    _, ev = of_half_space()
    one = ev.source.train[:1].expand(30, -1)
    return evidence(ev.classifier, instances(ev.classifier, one, one), train=one, test=one)


EVIDENCE = {"half-space": lambda: of_half_space()[1], "sectors": of_sectors, "alike": alike}


def check(definitions: dict[str, Definition], measures: dict[str, Measured]) -> None:
    """Ids agree with the definitions, numbers are finite, ordered, in bounds and in the unit defined."""
    assert set(measures) == set(definitions)
    for name, measure in measures.items():
        if isinstance(measure, NotMeasured):
            assert measure.not_measured
            continue
        low, high = definitions[name].bounds
        assert math.isfinite(measure.value), name
        assert measure.low <= measure.value <= measure.high, name
        assert low is None or measure.ci_low is None or measure.ci_low >= low, name
        assert high is None or measure.ci_high is None or measure.ci_high <= high, name
        assert measure.n >= 1
        assert measure.unit.startswith(definitions[name].unit)
        assert measure.direction == definitions[name].direction


def direction(findings: Findings) -> Direction:
    share = NotMeasured(not_measured="not part of this test")
    counts = Generation(
        requested=0,
        adversarial=0,
        adversarial_of_adversarial=0,
        boundary=0,
        success_rate=share,
        mean_bisection_steps=share,
        max_probability_gap=share,
        third_class={},
        failures={},
    )
    return Direction(
        source=0,
        target=1,
        sources=Sources(split="train", index=[]),
        margins={},
        flagged=[],
        generation=counts,
        baselines={},
        characteristics=dict(findings.measures),
        series=dict(findings.series),
        samples=share,
    )


@pytest.mark.parametrize("kind", EVIDENCE)
@pytest.mark.parametrize("name", DIRECTED)
def test_measures_keep_to_their_definitions(name, kind):
    check(DIRECTED[name].definitions, dict(DIRECTED[name].measure(EVIDENCE[kind](), rng=rng()).measures))


@pytest.mark.parametrize("name", DIRECTED)
def test_half_space_leaves_nothing_unmeasured_but_what_cannot_be(name):
    found = DIRECTED[name].measure(of_half_space()[1], rng=rng()).measures
    missing = {id for id, m in found.items() if isinstance(m, NotMeasured)}
    assert all(id.endswith("_misclassified") for id in missing)


@pytest.mark.parametrize("kind", EVIDENCE)
@pytest.mark.parametrize("name", DIRECTED)
def test_same_seed_same_findings(name, kind):
    global_state = torch.get_rng_state()
    one, other = (direction(DIRECTED[name].measure(EVIDENCE[kind](), rng=rng(5))) for _ in range(2))
    assert one == other
    assert torch.equal(torch.get_rng_state(), global_state)


@pytest.mark.parametrize("kind", EVIDENCE)
@pytest.mark.parametrize("name", DIRECTED)
def test_findings_survive_the_results_document(name, kind):
    document = direction(DIRECTED[name].measure(EVIDENCE[kind](), rng=rng()))
    assert Direction.model_validate_json(to_json(document)) == document


@pytest.mark.parametrize("name", DIRECTED)
def test_empty_evidence_is_not_measured(name):
    _, ev = of_half_space()
    found = DIRECTED[name].measure(empty(ev.classifier), rng=rng()).measures
    assert set(found) == set(DIRECTED[name].definitions)
    assert all(isinstance(m, NotMeasured) and m.not_measured for m in found.values())


@pytest.mark.parametrize("count", [0, 1, 2, 3])
@pytest.mark.parametrize("name", DIRECTED)
def test_few_instances_are_measured_or_refused_with_a_reason(name, count):
    _, ev = of_half_space()
    few = instances(ev.classifier, ev.instances.x_source[:count], ev.instances.x_boundary[:count])
    scarce = Evidence(ev.classifier, ev.source, ev.target, few)
    check(DIRECTED[name].definitions, dict(DIRECTED[name].measure(scarce, rng=rng()).measures))


@pytest.mark.parametrize("name", PAIRED)
def test_pair_measures_keep_to_their_definitions(name):
    # The sectors have no margins; those of a half-space stand in.
    directions = [
        {
            id: m
            for name, c in DIRECTED.items()
            for id, m in c.measure(
                of_half_space()[1] if name == "margin_attack" else of_sectors(source, target), rng=rng()
            ).measures.items()
        }
        for source, target in ((0, 1), (1, 0))
    ]
    found = dict(PAIRED[name].compare(*directions))
    assert any(isinstance(m, Measure) for m in found.values())
    check(PAIRED[name].definitions, found)
    pair = Pair(classes=(0, 1), names=("a", "b"), directions=[], characteristics=found)
    assert Pair.model_validate_json(to_json(pair)) == pair


@pytest.mark.parametrize("name", PAIRED)
def test_pair_without_measures_is_not_measured(name):
    found = PAIRED[name].compare({}, {})
    assert set(found) == set(PAIRED[name].definitions)
    assert all(isinstance(m, NotMeasured) for m in found.values())


def test_definitions_are_whole_and_distinct():
    everything = [(name, d) for c in (*DIRECTED.values(), *PAIRED.values()) for name, d in c.definitions.items()]
    assert len({name for name, _ in everything}) == len(everything)
    assert len({d.title for _, d in everything}) == len(everything)
    assert {name for name, d in everything if d.headline} == HEADLINES
    for name, d in everything:
        assert all((d.title, d.unit, d.formula, d.source)), name
        assert d.text.endswith("."), name
        assert d.direction == NEUTRAL or d.direction.split()[0] in {"lower", "higher", "near"}, name
        assert d.scope == ("pair" if any(name in c.definitions for c in PAIRED.values()) else "direction")


def test_settings_are_the_provenance_line():
    assert (
        repr(DIRECTED["idc"])
        == "InputSpaceComplexity(partners=50, points=50, least=50, tolerance=0.3, exhausted=0.4, one_sided=True)"
    )


def test_series_values_have_four_digits():
    assert series_values(torch.tensor([[0.123456, 12345.678], [0.0, 1e-9]])) == [0.1235, 12350.0, 0.0, 1e-9]
