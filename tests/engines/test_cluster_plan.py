"""The simulation behind the plan for a cluster, held to what can be said without it."""

from __future__ import annotations

import random

import pytest

from benchmarks.cluster_plan import Cluster, Measured, simulated

IDLE = Cluster(nodes=2, cores=2, losses=0, link=float("inf"), handing_out=0, opening=0)
WORK = Measured([10.0], pairs=1, start=5, end=0, shipped=0, part=1)


@pytest.mark.parametrize(("pairs", "seconds"), [(1, 15), (4, 15), (5, 25), (8, 25), (4000, 10_005)])
def test_equal_tasks_come_in_rounds(pairs: int, seconds: float):
    played = simulated(WORK, pairs, IDLE, random.Random(0))
    assert played.seconds == pytest.approx(seconds)
    assert played.again == 0


def test_files_go_to_one_node_after_the_other_and_are_opened_there():
    slow = Cluster(nodes=2, cores=2, losses=0, link=1.0, handing_out=0, opening=3)
    shipped = Measured([10.0], pairs=1, start=5, end=0.5, shipped=7, part=1)
    assert simulated(shipped, 4, slow, random.Random(0)).seconds == pytest.approx(5 + 14 + 3 + 10 + 0.5 * 4)


def test_the_driver_hands_out_one_task_after_the_other():
    busy = Cluster(nodes=10, cores=10, losses=0, link=float("inf"), handing_out=1, opening=0)
    assert simulated(WORK, 100, busy, random.Random(0)).seconds == pytest.approx(5 + 100 + 10, abs=10)


def test_losses_cost_time_and_no_task():
    losing = Cluster(nodes=4, cores=4, losses=2000, link=float("inf"), handing_out=0, opening=1)
    played = [simulated(WORK, 2000, losing, random.Random(seed)) for seed in range(5)]
    whole = simulated(WORK, 2000, Cluster(**{**vars(losing), "losses": 0}), random.Random(0))
    assert all(each.again > 0 and each.seconds > whole.seconds and each.busy < whole.busy for each in played)
