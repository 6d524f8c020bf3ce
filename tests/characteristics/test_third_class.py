"""Third-class intrusion: counts and Wilson's interval."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
import torch
from scipy.stats import binomtest

from auditor.boundary.base import generators
from auditor.characteristics.third_class import ThirdClassIntrusion
from auditor.documents.results import NotMeasured
from tests.analytic import Sectors, classifier, task
from tests.characteristics.evidence import evidence, instances, of_half_space, rng


def test_share_of_bisections_started():
    _, ev = of_half_space()
    x = ev.instances.x_source[:30]
    lost = instances(ev.classifier, x, x, started=50, third_class=Counter({2: 12, 7: 3}))
    found = ThirdClassIntrusion().measure(replace(ev, instances=lost), rng=rng()).measures["third_class_intrusion"]
    interval = binomtest(15, 50).proportion_ci(method="wilson")
    assert (found.value, found.n) == (0.3, 50)
    assert (found.ci_low, found.ci_high) == pytest.approx((interval.low, interval.high))


def test_nothing_started_is_not_measured():
    _, ev = of_half_space()
    none = instances(ev.classifier, ev.instances.x_source[:0], ev.instances.x_boundary[:0])
    found = ThirdClassIntrusion().measure(replace(ev, instances=none), rng=rng())
    assert found.measures["third_class_intrusion"] == NotMeasured(not_measured="no bisection was started")


def test_sectors_intrude_where_they_lie_between():
    # Segments between two sectors that pass the third one's side of the centre are lost to it.
    f = classifier(Sectors(), (2,), 3)
    x = torch.rand(3000, 2, generator=rng(1))
    found = generators["rpbs"]()(f, [task(f, x, 1, 2)])[0]
    measure = (
        ThirdClassIntrusion().measure(evidence(f, found, train=x, test=x), rng=rng()).measures["third_class_intrusion"]
    )
    lost = found.adversarial_of_adversarial - len(found)
    assert lost > 0
    assert measure.value == pytest.approx(lost / found.adversarial_of_adversarial, abs=0.01)


def test_the_share_of_each_generator():
    _, ev = of_half_space()
    x = ev.instances.x_source[:30]
    found = replace(instances(ev.classifier, x, x, started=50), third_by_part={0: (20, 5), 1: (30, 3)})
    assert ThirdClassIntrusion().by_generator(replace(ev, instances=found)) == {"third_class_intrusion": [0.25, 0.1]}
    alone = replace(found, third_by_part={0: (50, 8)})
    assert ThirdClassIntrusion().by_generator(replace(ev, instances=alone)) == {}
