"""The contract of each kind of plug-in, as checks to call in the tests of its distribution.

A check tries what is to be registered on small cases and raises ``AssertionError`` with a sentence that says what was
expected, also where the plug-in raises an error of its own: that is its cause. The tool's own model formats, data
sources, generators, characteristics and outputs pass the same checks.
"""

from __future__ import annotations

import datetime
import math
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import is_dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from auditor.boundary.base import BETA, BoundaryInstances, DirectionTask, Generator, generators, on_boundary
from auditor.characteristics.base import (
    Characteristic,
    ClassSamples,
    Evidence,
    Findings,
    PairCharacteristic,
    SampleMargins,
    characteristics,
)
from auditor.datasets.base import DataRequest, DataSource, RawData, Split, data_sources
from auditor.documents.results import Cost, Definition, Document, Measure, Measured, NotMeasured, Results, to_json
from auditor.errors import AuditError
from auditor.models.base import Backend, ModelInput, ModelOpener, ModelOptions
from auditor.models.bind_to_data import bind
from auditor.models.classifier import Classifier, Preprocessing
from auditor.models.model_file import ModelFile
from auditor.models.shape import instance_spec
from auditor.plugin_registry import Registry
from auditor.render.base import OutputOfPlace, outputs

PROFILES = ("quick", "standard", "thorough", "paper")
HOSTILE = ("<script>alert(1)</script>", "=1+1", 'a"b\\c\nd')
"""Class names that no output may take for anything else than names."""


@contextmanager
def _given(what: str) -> Iterator[None]:
    """The block is what a plug-in does with what it is given: an error of its own breaks the contract.

    Raises:
        AssertionError: it raised something else than that.
    """
    try:
        yield
    except AssertionError:
        raise
    except (Exception, SystemExit) as err:
        raise AssertionError(f"expected no error for {what}; found {type(err).__name__}: {err}") from err


@_given("a characteristic")
def check_characteristic(characteristic: Any) -> None:
    """A characteristic answers every id of its definitions, within bounds, and the same for the same seed.

    Args:
        characteristic: class or instance, of a direction or of a pair.
    Raises:
        AssertionError: it breaks a rule; the sentence says which.
    """
    made = _made(characteristic, characteristics)
    for id, definition in made.definitions.items():
        _check_definition(id, definition, "pair" if isinstance(made, PairCharacteristic) else "direction")
    if isinstance(made, PairCharacteristic):
        _check_pair(made)
        return
    whole = example_evidence()
    for case, evidence in _cases(whole):
        with _given(f"the measures of {case}"):
            with _nothing_drawn():
                one, again = (made.measure(evidence, rng=_rng(5)) for _ in range(2))
            _check_measures(made.definitions, one.measures)
            _check_rest(one, evidence)
            _expect(_flat(one) == _flat(again), "equal findings for equal evidence and seed; found others")
    with _given("the measures of a direction without instances and samples"):
        nothing = made.measure(_without_anything(whole), rng=_rng(5)).measures
    _expect(set(nothing) == set(made.definitions), "every id of the definitions in the answer, also without evidence")
    measured = [id for id, one in nothing.items() if not (isinstance(one, NotMeasured) and one.not_measured)]
    _expect(not measured, f"NotMeasured with a reason where there is no evidence; found values of {measured}")


@_given("a generator")
def check_generator(generator: Any) -> None:
    """A generator gives verified instances that belong to its sources, accounts for the rest, and repeats itself.

    Args:
        generator: class or instance.
    Raises:
        AssertionError: it breaks a rule; the sentence says which.
    """
    made, f = _made(generator, generators), three_sectors()
    with _given("the cost of 6 directions of 16 samples"):
        cost = made.cost(6, 16)
    _expect(
        isinstance(cost, Cost) and 0 <= cost.backward <= cost.forward,
        "a Cost whose forward passes include those of its backward passes",
    )
    directions = [(0, 1), (1, 0), (1, 2)]
    with _nothing_drawn():
        one, again = (_generated(made, f, _tasks(f, directions)) for _ in range(2))
    for task, found, other in zip(_tasks(f, directions), one, again, strict=True):
        _check_instances(f, task, found)
        _expect(len(found) > 0, f"boundary instances from {task.source} to {task.target} of a smooth model; found none")
        same = torch.equal(found.x_boundary, other.x_boundary) and found.failures == other.failures
        _expect(same, "the same instances for the same tasks and seed; found others")
    none = torch.empty(0, 2)
    for end in ("target", "source"):  # either may be without samples
        (task,) = _tasks(f, [(0, 1)], **{f"x_{end}": none, f"embedding_{end}": none})
        (found,) = _generated(made, f, [task])
        _check_instances(f, task, found)


@_given("a model format")
def check_model_format(opener: ModelOpener, path: str | Path, **options: Any) -> None:
    """A model format opens a file, answers the same for each instance of a batch as alone, and refuses what is none.

    Args:
        opener: the registered function.
        path: of a model of this format whose input has a fixed size.
        options: fields of ``ModelOptions``.
    Raises:
        AssertionError: it breaks a rule; the sentence says which.
    """
    path, chosen = Path(path), ModelOptions(**options)
    backend = _opened(opener, path, chosen)
    _expect(isinstance(backend, Backend), f"a Backend; found {type(backend).__name__}")
    lacking = [name for name in Backend.__annotations__ if not hasattr(backend, name)]
    _expect(not lacking, f"a backend with the attributes {', '.join(lacking)}")
    shape = instance_spec(backend.input, chosen.layout).shape
    _expect(shape is not None, "a model whose file says the size of its input, or an option that does")
    samples = torch.rand(backend.input.fixed_batch or 8, *shape, generator=_rng(1))  # type: ignore[misc]
    try:
        classifier = bind(backend, samples, chosen).classifier
    except AuditError as err:
        raise AssertionError(f"expected a model that the tool accepts: {err}") from err
    x = classifier.preprocessing(samples)
    scores = backend.scores(x)
    _expect(scores.dtype == torch.float32 and scores.ndim == 2, "scores as float32 (N, C)")
    _expect(len(scores) == len(x) and not scores.requires_grad, "a row of scores for each instance, without gradient")
    _expect(torch.equal(backend.scores(x), scores), "the same scores for the same batch; found others")
    if backend.input.fixed_batch is None:
        alone = torch.cat([backend.scores(row[None]) for row in x])
        _expect(torch.allclose(alone, scores, atol=1e-4, rtol=1e-3), "the scores that an instance has alone in a batch")
    if not isinstance(backend.gradient, NotMeasured):
        _check_gradient(backend, classifier, x, samples)
    if not isinstance(backend.embedding, NotMeasured):
        both = backend.embeddings(x), backend.scores_and_embeddings(x)[1]
        good = all(e.dtype == torch.float32 and e.ndim == 2 and len(e) == len(x) and not e.requires_grad for e in both)
        _expect(good, "embeddings as float32 (N, E) without gradient")
    with tempfile.TemporaryDirectory() as folder:
        damaged = Path(folder) / path.name
        damaged.write_bytes(b"\x00\xff no model " * 9)
        try:
            _opened(opener, damaged, chosen)
        except AssertionError:
            return
    raise AssertionError("expected an exception for a file that is no model; found a backend")


@_given("a data source")
def check_data_source(source: DataSource | Callable[[DataRequest], RawData], data: str | Path) -> None:
    """A data source accepts its own name or path alone, and loads the same well-formed splits each time.

    Args:
        source: the registered source, or its function.
        data: a name or path that it accepts.
    Raises:
        AssertionError: it breaks a rule; the sentence says which.
    """
    known = [one for _, one in data_sources.items() if source in (one, one.load)]
    _expect(isinstance(source, DataSource) or bool(known), "a registered data source")
    chosen = source if isinstance(source, DataSource) else known[0]
    request = DataRequest(str(data))
    _expect(bool(chosen.accepts(request)), f"a source that accepts {str(data)!r}")
    others = [other for other in ("", "a name that nobody has") if chosen.accepts(DataRequest(other))]
    _expect(not others, f"a source that accepts nothing else; found that it accepts {others}")
    with _given(f"loading {str(data)!r}"):
        one, again = chosen.load(request), chosen.load(request)
    _expect(isinstance(one, RawData), f"a RawData; found {type(one).__name__}")
    for split, other in ((one.train, again.train), (one.test, again.test)):
        _check_split(split)
        same = torch.equal(split.pixels, other.pixels) and torch.equal(split.labels, other.labels)
        _expect(same, "the same samples each time; found others")
    _expect(one.train.pixels.shape[1:] == one.test.pixels.shape[1:], "samples of one shape in both splits")
    names, most = one.class_names, int(max(one.train.labels.max(), one.test.labels.max()))
    _expect(len(set(names)) == len(names), "class names that differ")
    _expect(not names or len(names) > most, f"a name for each of {most + 1} classes, or none; found {len(names)}")


def check_output(output: Any, document: Document | str | Path) -> None:
    """An output gives equal bytes for equal input and leaves its input as it is, whatever the classes are called.

    It meets the document itself and, of an audit, the same with class names that hold markup, quotes, a backslash, a
    formula and a line break (``HOSTILE``), and the same without any class pair, as an audit is whose time was over
    before the first: ``results.pairs`` and ``results.summary.ranking`` are empty then. Each is rendered with a date and
    without; a ``created`` of None prints none.

    Args:
        output: the registered object, for audits or for comparisons.
        document: ``Results`` or ``Comparison``, or the path of a results.json.
    Raises:
        AssertionError: it breaks a rule; the sentence says which.
    """
    if isinstance(document, str | Path):
        document = Results.model_validate_json(Path(document).read_bytes())
    reason = outputs.why_not(output)
    _expect(reason is None, f"an output; found that {reason}")
    cases: list[tuple[str, Any]] = [("the document", document)]
    if isinstance(document, Results):
        names = [HOSTILE[i % 3] + str(i) for i in range(len(document.data.class_names))]
        data = document.data.model_copy(update={"class_names": names})
        summary = document.summary.model_copy(update={"ranking": []})
        cases += [
            (f"results with class names such as {HOSTILE[0]}", document.model_copy(update={"data": data})),
            ("results without class pairs", document.model_copy(update={"pairs": [], "summary": summary})),
        ]
    with _given("the place models/m.onnx"):
        placed = [output.placed("models/m.onnx")] if isinstance(output, OutputOfPlace) else []
    for what, case in cases:
        before = to_json(case)
        for created in (None, datetime.date(2026, 1, 2)):
            with _given(f"{what}, to render with created={created}"):
                one, again = output.render(case, created), output.render(case, created)
            _expect(isinstance(one, bytes), f"bytes; found {type(one).__name__}")
            _expect(one == again, "equal bytes for equal input; found others")
            markup = output.file_name.endswith((".html", ".svg", ".xml")) and HOSTILE[0].encode() in one
            _expect(not markup, f"markup in which the class name {HOSTILE[0]} is text")
        _expect(to_json(case) == before, "a document that rendering leaves as it is")
        for other in placed:
            with _given(f"{what}, to render with the place of the model file"):
                _expect(isinstance(other.render(case), bytes), "bytes also with the place of the model file")


def three_sectors() -> Classifier:
    """A model of the plane: three classes parted by rays from (0.5, 0.5) at 120 degrees; its embedding is the input."""
    return Classifier(_Sectors(), Preprocessing(), (2,), 3, "logits", 2)


def example_evidence(source: int = 0, target: int = 1) -> Evidence:
    """Evidence of one direction of ``three_sectors``: instances on the true boundary, five lost to the third class."""
    f, third = three_sectors(), 3 - source - target
    train, test = torch.rand(300, 2, generator=_rng(1)), torch.rand(150, 2, generator=_rng(2))
    x = train[f.predict(train) == source][:60]
    boundary = 0.5 - (0.05 + 0.35 * torch.rand(len(x), 1, generator=_rng(3))) * _Sectors.directions[third]
    n = len(x)
    found = BoundaryInstances(
        source=source, target=target, x_source=x, x_adversarial=boundary, x_adversarial_of_adversarial=x,
        x_boundary=boundary, p_boundary=f.probabilities(boundary), steps=torch.ones(n, dtype=torch.int64),
        requested=n + 5, adversarial=n + 5, adversarial_of_adversarial=n + 5, origin=torch.arange(n),
        part=torch.zeros(n, dtype=torch.int64), third_class=Counter({third: 5}),
    )  # fmt: skip
    margin = SampleMargins(
        torch.arange(30), torch.linspace(0.1, 0.5, 30), torch.linspace(0.1, 0.4, 30), torch.full((30,), 9.0),
        torch.full((30,), 9.0), "by hand",
    )  # fmt: skip
    of = [
        ClassSamples(label, *(rows := [split[f.predict(split) == label] for split in (train, test)]), *rows)
        for label in (source, target)
    ]
    return Evidence(f, of[0], of[1], found, margins={"test": margin, "train": margin})


class _Sectors(Backend):
    """Logits 20 <u_j, x - (0.5, 0.5)> with u_0, u_1, u_2 at 120 degrees."""

    input, runtime, gradient, embedding, head = ModelInput((2,)), "torch", "torch", "input", "logits"
    device = torch.device("cpu")
    directions = torch.tensor([[math.cos(a), math.sin(a)] for a in (math.radians(d) for d in (90, 210, 330))])

    def scores(self, x: Tensor) -> Tensor:
        return self.logits(x).detach()

    def logits(self, x: Tensor) -> Tensor:
        return 20 * (x - 0.5) @ self.directions.T

    def embeddings(self, x: Tensor) -> Tensor:
        return x.detach()


def _expect(holds: bool, sentence: str) -> None:
    if not holds:
        raise AssertionError(f"expected {sentence}")


def _rng(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _made(given: Any, registry: Registry[Any]) -> Any:
    """An instance of a class, or the instance given, that could be registered and whose repr is its settings."""
    kind = given if isinstance(given, type) else type(given)
    reason = registry.why_not(kind)
    _expect(reason is None, f"a {registry.kind}; found that {reason}")
    frozen = is_dataclass(kind) and kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
    _expect(frozen, "a frozen dataclass whose fields are its settings")
    configured: Any = kind.configured  # type: ignore[attr-defined]
    with _given(f"configured for each of {', '.join(PROFILES)}"):
        made = [configured(profile) for profile in PROFILES]
    _expect(all(isinstance(one, kind) for one in made), "configured to give an instance for every profile")
    chosen = made[0] if isinstance(given, type) else given
    _expect(" at 0x" not in repr(chosen), f"a repr that is the same in every run; found {chosen!r}")
    return chosen


@contextmanager
def _nothing_drawn() -> Iterator[None]:
    """The block draws no number of torch's own generator."""
    before = torch.get_rng_state()
    yield
    _expect(torch.equal(torch.get_rng_state(), before), "numbers drawn from the generator given, and from no other")


def _check_definition(id: str, definition: Definition, scope: str) -> None:
    empty = [name for name in ("title", "unit", "formula", "text", "source") if not getattr(definition, name)]
    _expect(not empty, f"a definition of {id} with its {', '.join(empty)}")
    _expect(definition.text.endswith("."), f"the text of {id} in whole sentences")
    _expect(definition.scope == scope, f"the scope of {id} to be {scope}; found {definition.scope}")


def _check_measures(definitions: Mapping[str, Definition], measures: Mapping[str, Measured]) -> None:
    _expect(set(measures) == set(definitions), f"measures of {sorted(definitions)}; found {sorted(measures)}")
    for id, one in measures.items():
        d = definitions[id]
        _expect(type(one).model_validate_json(to_json(one)) == one, f"{id} to survive the results document")
        if isinstance(one, NotMeasured):
            _expect(bool(one.not_measured), f"a reason why {id} was not measured")
            continue
        low, high = (end if end is not None else sign * math.inf for end, sign in zip(d.bounds, (-1, 1), strict=True))
        _expect(math.isfinite(one.value), f"a finite {id}; found {one.value}")
        _expect(one.low <= one.value <= one.high, f"{id} inside its interval; found {one.value}")
        _expect(low <= one.value <= high, f"{id} in its bounds {d.bounds}; found {one.value}")
        ends = [end for end in (one.ci_low, one.ci_high) if end is not None]
        _expect(all(low <= end <= high for end in ends), f"the interval of {id} in its bounds {d.bounds}; found {ends}")
        _expect(one.n >= 1, f"{id} of one observation at least; found {one.n}")
        _expect((one.unit, one.scale) == (d.unit, d.scale), f"{id} in the unit and scale of its definition")


def _check_rest(findings: Findings, evidence: Evidence) -> None:
    for name, series in findings.series.items():
        same = type(series).model_validate_json(to_json(series)) == series
        _expect(same, f"the series {name} to survive the results document")
    for flag, rows in findings.flagged.items():
        inside = rows.dtype == torch.int64 and bool(((rows >= 0) & (rows < len(evidence.source.train))).all())
        _expect(inside, f"rows of the source's training samples flagged as {flag}")


def _flat(findings: Findings) -> object:
    flagged = {flag: rows.tolist() for flag, rows in findings.flagged.items()}
    return dict(findings.measures), dict(findings.series), flagged, dict(findings.by_generator)


def _cases(whole: Evidence) -> Iterator[tuple[str, Evidence]]:
    """The whole evidence, few instances, only equal ones, and what a model without embedding and margins has."""
    rows = torch.arange(len(whole.instances))
    for count in (len(rows), 3, 2, 1):
        yield f"a direction with {count} boundary instance{'s' * (count > 1)}", whole.keep(rows < count)
    x, boundary = (x[:1].expand(len(rows), -1) for x in (whole.instances.x_source, whole.instances.x_boundary))
    equal = replace(whole.instances, x_source=x, x_boundary=boundary)
    yield "a direction whose boundary instances are all equal", replace(whole, instances=equal)
    f, none = Classifier(_Sectors(), Preprocessing(), (2,), 3, "logits", NotMeasured(not_measured="none")), (None, None)
    of = [ClassSamples(one.label, one.train, one.test, *none) for one in (whole.source, whole.target)]
    yield "a model without embedding and margins", Evidence(f, of[0], of[1], whole.instances)


def _without_anything(evidence: Evidence) -> Evidence:
    none = torch.empty(0, 2)
    nobody = [ClassSamples(one.label, none, none, none, none) for one in (evidence.source, evidence.target)]
    kept = evidence.instances.keep(torch.zeros(len(evidence.instances), dtype=torch.bool))
    found = replace(kept, requested=0, adversarial=0, adversarial_of_adversarial=0, third_class=Counter())
    return Evidence(evidence.classifier, nobody[0], nobody[1], found)


def _check_pair(made: PairCharacteristic) -> None:
    forth, back = (
        {
            id: one
            for _, kind in characteristics.items()
            if issubclass(kind, Characteristic)
            for id, one in kind.configured("quick").measure(example_evidence(*classes), rng=_rng(0)).measures.items()
        }
        for classes in ((0, 1), (1, 0))
    )
    _check_measures(made.definitions, made.compare(forth, back))
    _expect(made.compare(forth, back) == made.compare(forth, back), "equal measures for equal directions")
    nothing = made.compare({}, {})
    _check_measures(made.definitions, nothing)
    measured = [id for id, one in nothing.items() if isinstance(one, Measure)]
    _expect(not measured, f"NotMeasured where neither direction has a measure; found values of {measured}")


def _tasks(f: Classifier, directions: list[tuple[int, int]], **others: Any) -> list[DirectionTask]:
    x = torch.rand(90, 2, generator=_rng(4))
    by_class = [x[f.predict(x) == label][:16] for label in range(3)]
    return [
        DirectionTask(**{
            "source": s, "target": t, "x_source": by_class[s], "x_target": by_class[t],
            "embedding_source": by_class[s], "embedding_target": by_class[t], "rng": _rng(10 * s + t), **others,
        })
        for s, t in directions
    ]  # fmt: skip


def _generated(made: Generator, f: Classifier, tasks: list[DirectionTask]) -> list[BoundaryInstances]:
    by_class = {task.source: task.x_source for task in tasks} | {task.target: task.x_target for task in tasks}
    crossings = [(task.source, task.target) for task in tasks]
    try:
        found = made.prepared(f, crossings, lambda _: by_class, rng=_rng(7))(f, tasks)
    except Exception as err:
        raise AssertionError(f"expected instances that can be verified; found {type(err).__name__}: {err}") from err
    answered = [(one.source, one.target) for one in found]
    _expect(answered == crossings, f"an answer for each task, in their order {crossings}; found {answered}")
    return found


def _check_instances(f: Classifier, task: DirectionTask, found: BoundaryInstances) -> None:
    lost, n = sum(found.failures.values()), len(found)
    _expect(
        n + lost == found.requested <= len(task.x_source),
        f"instances and failures that add up to the sources asked for; found {n} and {lost} of {found.requested}",
    )
    order = found.requested >= found.adversarial >= found.adversarial_of_adversarial >= n
    _expect(order, "counts that only fall from component to component")
    _expect(bool((found.steps >= 0).all()), "no negative number of bisection steps")
    _expect(
        torch.equal(found.x_source, task.x_source[found.origin]), "each x_source to be the source that origin names"
    )
    tied = on_boundary(f.probabilities(found.x_boundary), task.source, task.target, BETA) | found.jump
    _expect(bool(tied.all()), "instances in which both classes tie and lead")
    _expect(bool((f.predict(found.x_adversarial) == task.target).all()), "each x_adversarial predicted the target")


def _opened(opener: ModelOpener, path: Path, options: ModelOptions) -> Backend:
    with path.open("rb") as content, _given(f"opening {path.name}"):
        return opener(ModelFile(path, path.suffix[1:], content), options)


def _check_gradient(backend: Backend, classifier: Classifier, x: Tensor, samples: Tensor) -> None:
    x = x.detach().requires_grad_()
    logits = backend.logits(x)
    _expect(logits.shape == backend.scores(x.detach()).shape, "logits in the shape of the scores")
    weights = torch.arange(1.0, logits.shape[1] + 1, device=logits.device)
    (gradient,) = torch.autograd.grad((logits * weights).sum(), x)
    _expect(bool(gradient.isfinite().all()), "finite gradients of the logits")
    _expect(bool(gradient.abs().sum() > 0), "logits that depend on the input")
    leads = classifier.logits(samples).argmax(dim=1) == classifier.probabilities(samples).argmax(dim=1)
    _expect(bool(leads.float().mean() > 0.9), "logits that are led by the class that leads the scores")


def _check_split(split: Split) -> None:
    x, labels = split.pixels, split.labels
    _expect(len(x) == len(labels) > 0, f"a label for each sample; found {len(labels)} for {len(x)}")
    _expect(x.ndim in (2, 4), f"samples as (N, D) or (N, C, H, W); found {tuple(x.shape)}")
    inside = x.dtype == torch.uint8 or (x.dtype == torch.float32 and bool(((x >= 0) & (x <= 1)).all()))
    _expect(inside, f"pixels as uint8, or as float32 in [0, 1]; found {x.dtype}")
    _expect(labels.dtype == torch.int64 and int(labels.min()) >= 0, "labels as int64, none negative")
    _expect(len(split.files) in (0, len(x)), "a file for each sample, or none")
