"""The shipped checks: what the tool itself brings passes them, and each rule is broken by something that they name."""

from __future__ import annotations

import random
import sys
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch

from auditor.boundary.base import Generator, generators
from auditor.boundary.rpbs import RPBS
from auditor.characteristics.base import Characteristic, Evidence, Findings, PairCharacteristic
from auditor.datasets.base import DataSource, RawData, Split, data_sources
from auditor.documents.results import Cost, Definition, Measure, NotMeasured
from auditor.models.base import model_formats
from auditor.models.model_file import ModelFile
from auditor.render.base import outputs
from auditor.testing import (
    check_characteristic,
    check_data_source,
    check_generator,
    check_model_format,
    check_output,
)
from tests.analytic import EagerBackend, HalfSpace
from tests.render.sample_results import synthetic_results

SAMPLES = Path(__file__).parents[1] / "sample_models"
SMALL = synthetic_results(names=["a", "b", "c"], chosen=[(0, 1)])
DEFINITION = Definition(
    title="Spread", unit="L2", scale="distance", better="higher", reading="higher is wider", bounds=(0.0, 2.0),
    formula="s", text="How wide.", source="a test",
)  # fmt: skip


@pytest.mark.parametrize("name", generators.names())
def test_generators_keep_the_contract(name: str) -> None:
    check_generator(generators[name])


@pytest.mark.parametrize(("name", "file"), [("onnx", "digits_fcn.onnx"), ("torchscript", "digits_fcn.pt")])
def test_model_formats_keep_the_contract(name: str, file: str) -> None:
    check_model_format(model_formats[name], SAMPLES / file, trust_model=True)


def test_data_sources_keep_the_contract(tmp_path: Path) -> None:
    check_data_source(data_sources["digits"], "digits")


@pytest.mark.parametrize("name", sorted(set(outputs.names()) - {"pdf"}))  # whose pages take seconds each
def test_outputs_keep_the_contract(name: str) -> None:
    check_output(outputs[name], SMALL)


@dataclass(frozen=True)
class Spread(Characteristic):
    """A characteristic that keeps the contract: how far sources lie from each other."""

    definitions: ClassVar[dict[str, Definition]] = {"spread": DEFINITION}  # type: ignore[misc]

    def value(self, evidence: Evidence, rng: torch.Generator) -> float:
        x = evidence.instances.x_source
        return float(torch.cdist(x, x).mean())

    def measure(self, evidence: Evidence, *, rng: torch.Generator) -> Findings:
        if not len(evidence.instances):
            return self.not_measured("no instance")
        value = self.value(evidence, rng)
        return Findings({"spread": self.as_measure("spread", value, value, value, len(evidence.instances))})


def spread(**changed: Any) -> type[Spread]:
    return dataclass(frozen=True)(type("Changed", (Spread,), {"__annotations__": {}, **changed}))


def defined(**changed: Any) -> type[Spread]:
    return spread(definitions={"spread": DEFINITION.model_copy(update=changed)})


def measuring(**changed: Any) -> type[Spread]:
    def measure(self: Spread, evidence: Evidence, *, rng: torch.Generator) -> Findings:
        found = Spread.measure(self, evidence, rng=rng).measures["spread"]
        return Findings({"spread": found.model_copy(update=changed) if isinstance(found, Measure) else found})

    return spread(measure=measure)


class Pairwise(PairCharacteristic):
    definitions = {"spread_pair": DEFINITION.model_copy(update={"scope": "pair"})}  # noqa: RUF012

    def compare(self, forth: Any, back: Any) -> Any:
        return {"spread_pair": Measure(value=1, ci_low=1, ci_high=1, n=1, unit="L2", scale="distance")}


BAD_CHARACTERISTICS = {
    "it is no subclass of Characteristic": object,
    "it does not implement measure": type("Half", (Characteristic,), {"definitions": {"a": DEFINITION}}),
    "a frozen dataclass": type("Loose", (Spread,), {"__dataclass_params__": type("P", (), {"frozen": False})}),
    "a repr that is the same": spread(__repr__=lambda self: "<Spread at 0x7f>"),
    "configured to give an instance": spread(configured=classmethod(lambda cls, profile: None)),
    "a definition of spread with its source": defined(source=""),
    "the text of spread in whole sentences": defined(text="How wide"),
    "the scope of spread to be direction": defined(scope="pair"),
    r"measures of \['spread'\]; found \['other'\]": spread(
        measure=lambda self, e, rng: Findings({"other": NotMeasured(not_measured="x")})
    ),
    "spread in its bounds": spread(value=lambda self, e, rng: 7.0),
    "the interval of spread in its bounds": measuring(ci_low=-1.0),
    "spread inside its interval": measuring(ci_low=1.9, ci_high=2.0),
    "of one observation at least": measuring(n=0),
    "in the unit and scale of its definition": measuring(unit="pixels"),
    "equal findings for equal evidence and seed": spread(value=lambda self, e, rng: random.random()),
    "numbers drawn from the generator given": spread(value=lambda self, e, rng: float(torch.rand(()))),
    "rows of the source's training samples": spread(
        measure=lambda self, e, rng: replace(Spread.measure(self, e, rng=rng), flagged={"odd": torch.tensor([999])})
    ),
    "every id of the definitions in the answer, also": spread(
        measure=lambda self, e, rng: Spread.measure(self, e, rng=rng) if len(e.instances) else Findings({})
    ),
    "NotMeasured with a reason where there is no evidence": spread(
        measure=lambda self, e, rng: Findings({"spread": self.as_measure("spread", 0.0, None, None, 1)})
    ),
    "no error for the measures of a direction with 3 boundary instances; found IndexError": spread(
        value=lambda self, e, rng: float(e.instances.steps[5])
    ),
    "no error for the measures of .*; found AttributeError": spread(measure=lambda self, e, rng: None),
    "no error for the measures of a direction without instances and samples; found ZeroDivisionError": spread(
        measure=lambda self, e, rng: (1 / len(e.source.train), Spread.measure(self, e, rng=rng))[1]
    ),
    "no error for configured for each of quick": spread(configured=classmethod(lambda cls, profile: cls.none[profile])),
    "NotMeasured where neither direction": dataclass(frozen=True)(Pairwise),
}


def test_a_good_characteristic_passes() -> None:
    check_characteristic(Spread)
    check_characteristic(Spread())


@pytest.mark.parametrize("said", BAD_CHARACTERISTICS)
def test_a_bad_characteristic_is_told_what_was_expected(said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check_characteristic(BAD_CHARACTERISTICS[said])


def generator(**changed: Any) -> type[Generator]:
    """RPBS with something changed."""
    return dataclass(frozen=True)(type("Changed", (RPBS,), {"__annotations__": {}, **changed}))


def changing(change: Any) -> type[Generator]:
    """RPBS whose answers are changed."""
    return generator(_run=lambda self, f, tasks, progress: [change(one) for one in RPBS._run(self, f, tasks, progress)])


def dropped(found: Any) -> Any:
    """No instance is left and none is counted as lost."""
    return found.keep(torch.zeros(len(found), dtype=torch.bool))


BAD_GENERATORS = {
    "it is no subclass of Generator": Spread,
    "it has no definition": generator(definition="nearest"),
    "a Cost whose forward passes": generator(cost=lambda self, d, s: Cost(forward=0, backward=1)),
    "no error for the cost of 6 directions .*; found KeyError: 'a'": generator(cost=lambda self, d, s: {}["a"]),
    "an answer for each task": generator(_run=lambda self, f, tasks, p: RPBS._run(self, f, tasks[::-1], p)),
    "instances and failures that add up": changing(dropped),
    "counts that only fall": changing(lambda one: replace(one, adversarial=one.requested + 1)),
    "instances that can be verified; found IndexError": changing(
        lambda one: replace(one, steps=torch.zeros(len(one) + 1))
    ),
    "no negative number of bisection steps": changing(lambda one: replace(one, steps=one.steps - 99)),
    "each x_source to be the source that origin names": changing(lambda one: replace(one, origin=one.origin.flip(0))),
    "each x_adversarial predicted the target": changing(lambda one: replace(one, x_adversarial=one.x_source)),
    "numbers drawn from the generator given": changing(lambda one: (torch.rand(1), one)[1]),
    "boundary instances from 0 to 1 of a smooth model; found none": changing(
        lambda one: replace(dropped(one), failures=Counter({"lost": one.requested}))
    ),
    "the same instances for the same tasks and seed": generator(
        _run=lambda self, f, tasks, p: RPBS._run(
            self, f, [replace(t, rng=torch.Generator().manual_seed(random.getrandbits(30))) for t in tasks], p
        )
    ),
}


@pytest.mark.parametrize("said", BAD_GENERATORS)
def test_a_bad_generator_is_told_what_was_expected(said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check_generator(BAD_GENERATORS[said])


class Plane(EagerBackend):
    """A half-space of 4 inputs as a model file."""

    unsized = False

    def __init__(self) -> None:
        super().__init__(HalfSpace(torch.tensor([3.0, -1.0, 2.0, -2.0]), -0.5))
        self.input = replace(self.input, shape=None if self.unsized else (4,))


def opening(**changed: Any) -> Any:
    """An opener of half-spaces whose backend has something changed."""
    kind = type("Changed", (Plane,), changed)

    def opener(file: ModelFile, options: Any) -> Any:
        if file.reader().read() != b"a plane":
            raise ValueError("no plane")
        return kind()

    return opener


def noisy(self: Plane, x: torch.Tensor) -> torch.Tensor:
    return self.logits(x) + torch.rand(len(x), 2)


BAD_FORMATS = {
    "a Backend; found str": lambda file, options: "model",
    "a row of scores for each instance, without gradient": opening(
        scores=lambda self, x: torch.nn.Parameter(self.logits(x))
    ),
    "no error for opening m.plane; found SystemExit: 3": lambda file, options: sys.exit(3),
    "scores as float32": opening(scores=lambda self, x: self.logits(x).double()),
    "the same scores for the same batch": opening(scores=noisy),
    "the scores that an instance has alone": opening(scores=lambda self, x: self.logits(x) - self.logits(x).mean(0)),
    "logits that are led by the class that leads the scores": opening(
        logits=lambda self, x: -self.module(x), scores=lambda self, x: self.module(x)
    ),
    "logits that depend on the input": opening(
        logits=lambda self, x: 0 * self.module(x), scores=lambda self, x: self.module(x)
    ),
    "embeddings as float32": opening(embeddings=lambda self, x: x.flatten(1).double()),
    "an exception for a file that is no model": lambda file, options: Plane(),
    "a model whose file says the size of its input": opening(unsized=True),
}


@pytest.fixture
def plane(tmp_path: Path) -> Path:
    (tmp_path / "m.plane").write_bytes(b"a plane")
    return tmp_path / "m.plane"


def test_a_good_model_format_passes(plane: Path) -> None:
    check_model_format(opening(), plane)


@pytest.mark.filterwarnings("ignore:Converting a tensor with requires_grad")
@pytest.mark.parametrize("said", BAD_FORMATS)
def test_a_bad_model_format_is_told_what_was_expected(said: str, plane: Path) -> None:
    with pytest.raises(AssertionError, match=said):
        check_model_format(BAD_FORMATS[said], plane)


def raw(pixels: Any = None, labels: Any = None, names: Any = ("a", "b"), **more: Any) -> RawData:
    x = torch.linspace(0, 1, 8).view(4, 2) if pixels is None else pixels
    one = Split(x, torch.tensor([0, 1, 0, 1]) if labels is None else labels, **more)
    return RawData(one, one, names)


def source(load: Any, accepts: Any = lambda request: request.data == "four") -> DataSource:
    return DataSource(accepts, load, "four points")


BAD_SOURCES = {
    "a source that accepts 'four'": source(lambda r: raw(), lambda r: False),
    "a source that accepts nothing else": source(lambda r: raw(), lambda r: True),
    "a RawData; found tuple": source(lambda r: ()),
    "no error for loading 'four'; found KeyError": source(lambda r: {}["x"]),
    "no error for a data source; found AttributeError": source(lambda r: raw(), lambda r: r.name),
    "the same samples each time": source(lambda r: raw(torch.rand(4, 2))),
    "a label for each sample": source(lambda r: raw(labels=torch.tensor([0, 1]))),
    r"samples as \(N, D\) or \(N, C, H, W\)": source(lambda r: raw(torch.zeros(4, 2, 2))),
    r"float32 in \[0, 1\]": source(lambda r: raw(torch.full((4, 2), 255.0))),
    "labels as int64, none negative": source(lambda r: raw(labels=torch.tensor([0, -1, 0, 1]))),
    "a file for each sample": source(lambda r: raw(files=("a.png",))),
    "class names that differ": source(lambda r: raw(names=("a", "a"))),
    "a name for each of 2 classes": source(lambda r: raw(names=("a",))),
}


def test_a_good_data_source_passes() -> None:
    check_data_source(source(lambda request: raw()), "four")


@pytest.mark.parametrize("said", BAD_SOURCES)
def test_a_bad_data_source_is_told_what_was_expected(said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check_data_source(BAD_SOURCES[said], "four")


@dataclass(frozen=True)
class Names:
    """An output that keeps the contract."""

    file_name: str = "names.html"
    summary: str = "names"

    def render(self, results: Any, created: Any = None) -> bytes:
        return ascii([len(name) for name in results.data.class_names]).encode()


def rendering(render: Any) -> Any:
    return dataclass(frozen=True)(type("Changed", (Names,), {"__annotations__": {}, "render": render}))()


BAD_OUTPUTS = {
    "it has no file_name and summary": object(),
    "no plain name": Names("../names.html"),
    "no error for results without class pairs, to render with created=None; found IndexError": rendering(
        lambda self, results, created=None: results.pairs[0].names[0][:0].encode()
    ),
    r"no error for results with class names such as <script>.*; found ValueError": rendering(
        lambda self, results, created=None: (
            int(results.data.class_names[0]) and b"" if "<" in str(results.data) else b""
        )
    ),
    "no error for the document, to render with created=2026-01-02; found AttributeError": rendering(
        lambda self, results, created=None: b"" if created is None else created.hour
    ),
    "bytes; found str": rendering(lambda self, results, created=None: "text"),
    "equal bytes for equal input": rendering(lambda self, results, created=None: str(random.random()).encode()),
    "markup in which the class name": rendering(
        lambda self, results, created=None: "".join(results.data.class_names).encode()
    ),
    "a document that rendering leaves as it is": rendering(
        lambda self, results, created=None: (results.pairs.append(results.pairs[0]) if results.pairs else None, b"")[1]
    ),
}


def test_a_good_output_passes() -> None:
    check_output(Names(), SMALL)


@pytest.mark.parametrize("said", BAD_OUTPUTS)
def test_a_bad_output_is_told_what_was_expected(said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check_output(BAD_OUTPUTS[said], synthetic_results(names=["a", "b", "c"], chosen=[(0, 1)]))
