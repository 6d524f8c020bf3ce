"""Whole audits of models without gradients: the route is found by itself, stated everywhere, and complete."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import onnx
import onnxruntime
import torch
from sklearn.ensemble import RandomForestClassifier

from auditor.datasets.base import DataRequest
from auditor.datasets.load import load_dataset
from auditor.documents.plan import Plan
from auditor.documents.results import Measure, NotMeasured, Results, from_json, to_json
from auditor.pipeline.model_facts.validity import jumps, route
from auditor.pipeline.run import run
from auditor.render.view import build
from tests.analytic import half_space
from tests.forests import write_forest


@cache
def forest() -> RandomForestClassifier:
    data = load_dataset(DataRequest("digits"), (64,))
    return RandomForestClassifier(20, random_state=0).fit(data.train.instances().numpy(), data.train.labels.numpy())


@cache
def audited(generator: str = "deepdig") -> Results:
    with TemporaryDirectory() as name:
        path = write_forest(forest(), Path(name) / "forest.onnx", zipmap=True)
        plan = Plan(
            model={"path": str(path)},
            data={"data": "digits"},
            pairs="3:8",
            profile="quick",
            samples_per_class=30,
            generator=generator,
        )
        return run(plan, lambda *_: None)[0]


def flag(results: Results, name: str):
    return next((v for v in results.validity if v.id == name), None)


def test_the_file_computes_what_the_forest_does(tmp_path: Path) -> None:
    x = load_dataset(DataRequest("digits"), (64,)).test.instances()
    path = write_forest(forest(), tmp_path / "forest.onnx")
    onnx.checker.check_model(onnx.load(path))
    session = onnxruntime.InferenceSession(str(path))
    ours = torch.from_numpy(session.run(["probabilities"], {"x": x.numpy()})[0])
    torch.testing.assert_close(ours, torch.from_numpy(forest().predict_proba(x.numpy())).float(), atol=1e-5, rtol=0)


def test_the_gradient_free_generator_takes_over_and_says_so() -> None:
    results = audited()
    assert results.settings.generator == "gradient-free"
    assert results.settings.parameters["generator asked for"] == "deepdig"
    assert results.settings.parameters["generator"].startswith("GradientFree(")
    assert results.settings.parameters["decision-based search, then by decisions"].startswith("RefinedSearch(")
    assert isinstance(results.model.gradient, NotMeasured)
    assert isinstance(results.model.parity, NotMeasured)
    said = flag(results, "gradient")
    assert said.status == "warn"
    assert "TreeEnsembleClassifier" in said.message
    assert "by gradient-free instead of deepdig" in said.message
    assert results.cost.backward == 0


def test_every_number_that_needs_no_embedding_is_there() -> None:
    for direction in audited().pairs[0].directions:
        assert direction.generation.boundary > 0.8 * direction.generation.requested
        measured = {name for name, value in direction.characteristics.items() if isinstance(value, Measure)}
        assert {"idc", "margin_l2", "margin_l2_attack", "margin_linf_attack", "diversity"} <= measured
        missing = {name: v for name, v in direction.characteristics.items() if isinstance(v, NotMeasured)}
        assert all(name.startswith("edc") for name in missing)
        attack, generated = (direction.characteristics[name] for name in ("margin_l2_attack", "margin_l2"))
        assert attack.value <= generated.ci_high
        groups = [group.label for group in direction.series["margins_l2"].groups]
        assert groups == [
            "test samples", "training samples", "boundary instances",
        ]  # fmt: skip
        assert {m.method for m in direction.margins.values()} == {"decision-based search, then by decisions"}


def test_jumps_are_counted_and_flagged() -> None:
    results = audited()
    generations = [direction.generation for direction in results.pairs[0].directions]
    assert all(0 < g.jumps <= g.boundary for g in generations)
    assert flag(results, "jumps").status == "warn"
    assert f"At {sum(g.jumps for g in generations)} of" in flag(results, "jumps").message
    assert jumps([]).status == "ok"


def test_the_report_tells_the_route_and_the_jumps() -> None:
    results = audited()
    page = build(from_json(to_json(results)))
    text = " ".join(page.method.paragraphs)
    assert "gradient-free search" in text
    assert "The audit was to use DeepDIG" in text
    assert "Component I" not in text
    assert "probabilities of this model move in steps" in text
    assert any("at a jump" in cell.note for pair in page.pairs for row in pair.counts.rows for cell in row)


def test_asked_for_by_name_it_is_no_surprise() -> None:
    results = audited("gradient-free")
    assert "generator asked for" not in results.settings.parameters
    assert "instead of" not in flag(results, "gradient").message
    first, second = (r.pairs[0].directions[0].generation for r in (results, audited()))
    assert first == second


def test_no_word_where_the_generator_asked_for_was_used() -> None:
    _, f = half_space()
    assert route(f, "deepdig", "deepdig") == []
    assert "instead of deepdig" in route(f, "deepdig", "gradient-free")[0].message
