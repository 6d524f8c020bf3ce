"""The sections of the page: each measures and returns its rows as Markdown."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
import torch

from benchmarks.speed import reference
from benchmarks.speed.audit_once import Cost, measured
from benchmarks.speed.subjects import Subject, digits, hundred, mnist, resnet18

Lines = Iterator[str]
AUTHORS_L2 = 3.2


def against_the_loop() -> Lines:
    """(a) One pair of MNIST against the published algorithm, in one run."""
    from auditor.models.base import ModelOptions
    from auditor.models.open import open_model

    torch.set_num_threads(1)
    subject = mnist()
    with np.load(subject.data) as saved:
        x, y = torch.from_numpy(saved["x_train"]).float() / 255, torch.from_numpy(saved["y_train"])
    f = open_model(subject.model, ModelOptions(threads=1)).logits
    of_s, of_t = (x[y == label][:400].view(-1, 1, 28, 28) for label in (4, 9))
    ours = [measured(subject.model, subject.data, pairs="4:9")]
    loop = reference.stages(f, of_s, of_t, (4, 9))
    ours.append(measured(subject.model, subject.data, pairs="4:9"))
    total, cpu = sum(stage.seconds for stage in loop), sum(cost.cpu for cost in ours) / 2
    yield "| stage of the loop | measured on | CPU seconds, scaled |"
    yield "|---|---|---|"
    yield from (f"| {stage.name} | {stage.part} | {stage.seconds:.0f} |" for stage in loop)
    yield f"| together | | {total:.0f} |"
    yield ""
    yield f"An audit of the same pair, RPBS, EPBS, the attack and every characteristic included: {cpu:.1f} CPU seconds"
    yield f"(before and after the loop: {ours[0].cpu:.1f} and {ours[1].cpu:.1f}), **{total / cpu:.0f} times less**."
    yield ""
    yield "| direction | boundary / sources | median L2 (authors: 3.2) | NN ratio | IDC | half-width |"
    yield "|---|---|---|---|---|---|"
    for d in ours[0].results["pairs"][0]["directions"]:
        c, g = d["characteristics"], d["generation"]
        idc = c["idc"]
        yield (
            f"| {d['source']} to {d['target']} | {g['boundary']} / {g['requested']} | {c['margin_l2']['value']:.2f} "
            f"| {c['diversity']['value']:.2f} | {idc['value']:.4f} | {(idc['ci_high'] - idc['ci_low']) / 2:.4f} |"
        )


def all_pairs() -> Lines:
    """(c, e) Time and memory as the number of pairs grows."""
    yield "| model | pairs | CPU s | per pair | times one pair | whole process, times one pair | peak MB | results MB |"
    yield "|---|---|---|---|---|---|---|---|"
    for subject, counts in ((mnist(), (1, 5, 15, 45)), (digits(), (1, 15, 45))):
        one: Cost | None = None
        for count in counts:
            cost = measured(subject.model, subject.data, pairs=_first_pairs(count))
            one = one or cost
            yield (
                f"| {subject.name} | {count} | {cost.cpu:.1f} | {cost.cpu / count:.2f} | {cost.cpu / one.cpu:.1f} "
                f"| {cost.process_cpu / one.process_cpu:.1f} | {cost.peak_mb:.0f} | {cost.results_mb:.1f} |"
            )


def _first_pairs(count: int) -> str:
    """4:9 first, then the others in order."""
    pairs = [(4, 9), *((a, b) for a in range(10) for b in range(a + 1, 10) if (a, b) != (4, 9))]
    return ",".join(f"{a}:{b}" for a, b in pairs[:count])


def overhead() -> Lines:
    """(b) Wall time over the model's own passes at the best batch size."""
    yield "| model | pairs | profile | seconds | forward | backward | us forward | us both | overhead ratio |"
    yield "|---|---|---|---|---|---|---|---|---|"
    cases: list[tuple[Subject, str, str, int, int | None]] = [
        (mnist(), "all", "standard", 1, None),
        (mnist(), "4:9", "standard", 1, None),
        (digits(), "all", "standard", 1, None),
        (resnet18(64), "4:9", "quick", 1, 16),
    ]
    for subject, pairs, profile, threads, samples in cases:
        cost = measured(
            subject.model, subject.data, threads=threads, pairs=pairs, profile=profile, samples_per_class=samples
        )
        yield (
            f"| {subject.name} | {pairs} | {profile} | {cost.wall:.1f} | {cost.forward:,} | {cost.backward:,} "
            f"| {1e6 * cost.t_forward:.1f} | {1e6 * cost.t_both:.1f} | {cost.overhead:.2f} |"
        )


def growth() -> Lines:
    """(c) Growth with samples, image size and classes."""
    yield "| what grows | value | CPU s | forward | backward | peak MB |"
    yield "|---|---|---|---|---|---|"
    subject = mnist()
    for samples in (50, 100, 200, 400):
        cost = measured(subject.model, subject.data, pairs="4:9", samples_per_class=samples)
        yield _grown("sources a class, mnist_cnn", samples, cost)
    for size in (32, 64):
        large = resnet18(size)
        cost = measured(large.model, large.data, pairs="4:9", profile="quick", samples_per_class=16)
        yield _grown("image size, resnet18, quick, 16 sources", size, cost)
    for name, some in (("10", digits()), ("100", hundred())):
        cost = measured(some.model, some.data, pairs="auto", max_pairs=10, samples_per_class=64)
        yield _grown("classes, 10 pairs, 64 sources", name, cost)


def _grown(what: str, value: object, cost: Cost) -> str:
    return f"| {what} | {value} | {cost.cpu:.1f} | {cost.forward:,} | {cost.backward:,} | {cost.peak_mb:.0f} |"


def many_classes() -> Lines:
    """(f) A hundred classes within five minutes."""
    subject = hundred()
    begin = time.perf_counter()
    cost = measured(subject.model, subject.data, pairs="auto", max_pairs=4950, time_budget=300)
    seconds = time.perf_counter() - begin
    coverage = next(check for check in cost.results["validity"] if check["id"] == "coverage")
    yield f"`--pairs auto --max-pairs 4950 --time-budget 5m` on {subject.name}: the worker ended after {seconds:.0f} s"
    yield f"with {cost.peak_mb:.0f} MB at most. It says: {coverage['message']}"


def attacks() -> Lines:
    """(d) The minimal-norm attack beside foolbox's DeepFool and DDN: distance for CPU time."""
    from benchmarks.speed.against_foolbox import rows

    subject = mnist()
    yield "| attack, 4 to 9 and 9 to 4 | found | median L2 | CPU ms a sample |"
    yield "|---|---|---|---|"
    yield from rows(subject)


SECTIONS: dict[str, tuple[str, Callable[[], Lines]]] = {
    "loop": ("One pair against the published algorithm", against_the_loop),
    "pairs": ("As the number of pairs grows", all_pairs),
    "overhead": ("Against the model itself", overhead),
    "growth": ("As other things grow", growth),
    "classes": ("A hundred classes in five minutes", many_classes),
    "attacks": ("Distance for time, beside foolbox", attacks),
}
