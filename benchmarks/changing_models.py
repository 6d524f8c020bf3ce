"""Models that change their answers during an audit: each ends as not valid, or with the unchanged model's numbers.

    python -m benchmarks.changing_models > benchmarks/changing_models.md
    python -m benchmarks.changing_models --cost

The sample model, wrapped in programs that count their calls and in others that change otherwise, is audited on twelve
pairs of digits (quick, 16 samples of a class, some 2,800 calls of the model), as TorchScript and as a torch.export
archive.
"""

from __future__ import annotations

import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

from torch import nn

from auditor.documents.plan import DataPlan, ModelPlan, Plan
from auditor.documents.results import Results
from auditor.errors import AuditError
from auditor.models.determinism import watched
from auditor.pipeline.model_and_data import Subject, open_subject
from auditor.pipeline.run import run
from auditor.policy.believable import unusable
from tests.models.changing import (
    HOWS,
    ByAttribute,
    ByBatch,
    Changing,
    DropoutLeftOn,
    Noisy,
    Remembering,
    WhereGradients,
    program,
    sample,
    script,
)

PAIRS = "0:1,0:6,1:7,1:8,2:3,2:7,3:5,3:8,4:7,4:9,5:6,5:8"
HEAD = """# Models that change their answers

Made by `python -m benchmarks.changing_models > benchmarks/changing_models.md`: the sample model in programs that change
its answers, audited on {pairs} pairs of digits (quick, 16 samples of a class). 3: refused before anything was measured;
4: the audit ended as not valid; "0, equal": it ended well, and the margins, the counts of generation, IDC and the
accuracy are those of the unchanged model."""
CALLS = (30, 100, 400, 2000)
OTHERS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "rolled after a million calls, which the audit does not make": lambda model: Changing(model, 10**6, "rolled"),
    "rolled from call 60 to call 300": lambda model: Changing(model, 60, "rolled", last=300),
    "rolled from call 1,200 to call 1,500": lambda model: Changing(model, 1200, "rolled", last=1500),
    "rolled at every second call from 400 on": lambda model: Changing(model, 400, "rolled", every=2),
    "rolled from call 400 on, counted by an attribute": lambda model: ByAttribute(model, 401),
    "rolled from call 100 on, but not for what was asked before": lambda model: Remembering(model, 101),
    "rolled in batches of more than 20": ByBatch,
    "rolled where gradients are asked for": WhereGradients,
    "dropout of the pixels left on": DropoutLeftOn,
    "noise of 1 on the logits": lambda model: Noisy(model, 1.0),
    "noise of 0.0001 on the logits": lambda model: Noisy(model, 1e-4),
}


def main() -> None:
    """Print the page, or what asking again costs."""
    warnings.simplefilter("ignore")
    if "--cost" in sys.argv[1:]:
        _print_cost()
        return
    print(f"{HEAD.format(pairs=PAIRS.count(',') + 1)}\n")
    print("| model | file | ends with | what is said |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        truth = {kind: _audited(_file(sample(), folder, kind)) for kind in ("TorchScript", ".pt2")}
        bad, longest = 0, 0.0
        for title, model, kind in _models():
            begin = time.perf_counter()
            code, said = _ending(_file(model, folder, kind), truth[kind])
            longest = max(longest, time.perf_counter() - begin)
            bad += code == "0, other numbers"
            print(f"| {title} | {kind} | {code} | {said} |", flush=True)
    print(f"\nModels that ended well with other numbers than the unchanged one's: {bad}. Longest row: {longest:.0f} s.")


def _print_cost() -> None:
    """Rows asked again, of all rows asked of a model that does not change."""
    opened = list[Subject]()

    def opening(*given: object) -> Subject:
        opened.append(open_subject(*given))  # type: ignore[arg-type]
        return opened[-1]

    with tempfile.TemporaryDirectory() as name:
        for pairs in ("3:8", PAIRS):
            _audited(script(sample(), Path(name)), pairs, opening)
            watch = watched(opened[-1].classifier.backend)
            assert watch is not None
            share = watch.rows_again / watch.rows
            print(f"{pairs.count(',') + 1} pairs: {watch.rows_again:,} of {watch.rows:,} rows again, {share:.2%}")


def _models() -> Iterator[tuple[str, nn.Module, str]]:
    for calls in CALLS:
        for how in HOWS:
            for kind in ("TorchScript", ".pt2"):
                yield f"{how} after {calls:,} calls", Changing(sample(), calls + 1, how), kind
    for title, make in OTHERS.items():
        yield title, make(sample()), "TorchScript"


def _file(model: nn.Module, folder: Path, kind: str) -> Path:
    return script(model, folder) if kind == "TorchScript" else program(model, folder, 1, 8, 8)


def _audited(path: Path, pairs: str = PAIRS, opened: Callable[..., Subject] = open_subject) -> Results:
    plan = Plan(
        model=ModelPlan(path=str(path), trust_model=True, device="cpu"), data=DataPlan(data="digits"), pairs=pairs,
        profile="quick", samples_per_class=16,
    )  # fmt: skip
    return run(plan, lambda *_: None, opened=opened)[0]


def _ending(path: Path, truth: Results) -> tuple[str, str]:
    """Exit code, as the command derives it, and why."""
    try:
        results = _audited(path)
    except AuditError as err:
        return str(err.exit_code), str(err).partition("; found ")[2].partition("; audit a model")[0].partition(
            "; export"
        )[0]
    if (problem := unusable(results)) is not None:
        return "4", str(problem).partition("; found ")[2].partition("; look at")[0]
    (check,) = [check for check in results.validity if check.id == "determinism"]
    equal = _numbers(results) == _numbers(truth)
    return ("0, equal" if equal else "0, other numbers"), f"{check.status}: {check.message}"


def _numbers(results: Results) -> list[object]:
    found: list[object] = [results.performance.accuracy]
    for pair in results.pairs:
        for direction in pair.directions:
            found += [direction.margins, direction.generation, direction.characteristics.get("idc")]
    return found


if __name__ == "__main__":
    main()
