"""Audits of objects: the numbers are those of the same model in a file, and the process is left as it was."""

from __future__ import annotations

import random
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier
from torch import nn

from auditor.datasets.base import DataRequest
from auditor.datasets.in_memory import in_memory
from auditor.datasets.load import as_vectors, load_dataset
from auditor.documents.plan import Plan
from auditor.documents.results import Measure, NotMeasured, Results, from_json, to_json
from auditor.errors import AuditIncomplete, InputRefused, UsageError
from auditor.models.base import ModelOptions
from auditor.models.bind_to_data import bind
from auditor.models.live.opening import class_names_of, open_live
from auditor.pipeline.failures import reason_of
from auditor.pipeline.in_process import run_in_process, undisturbed
from auditor.pipeline.run import run
from auditor.render.view import build

DIGITS = load_digits()
X, Y = (DIGITS.images / 16).astype(np.float32), DIGITS.target


@cache
def network() -> nn.Module:
    """A small network that has learnt the digits, in training mode as training leaves it."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(
            nn.Unflatten(1, (1, 8)), nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Flatten(), nn.Dropout(0.2),
            nn.Linear(6 * 36, 10), nn.Softmax(dim=1),
        )  # fmt: skip
        x, y = torch.from_numpy(X), torch.from_numpy(Y)
        optimiser = torch.optim.Adam(net.parameters(), lr=0.02)
        for _ in range(40):
            optimiser.zero_grad()
            nn.functional.nll_loss(net(x).log(), y).backward()
            optimiser.step()
    return net


def plan(samples: int = 12, **model: Any) -> Plan:
    return Plan(
        model={"path": "network", **model},
        data={"data": "digits of scikit-learn"},
        pairs="3:9",
        profile="quick",
        samples_per_class=samples,
        command="auditor.audit(network, (x, y))",
    )


@cache
def of_module() -> Results:
    return run_in_process(plan(), network(), (X, Y), lambda *_: None)[0]


def measures(results: Results) -> dict[str, float]:
    return {
        f"{d.source} {d.target} {name}": found.value
        for d in results.pairs[0].directions
        for name, found in d.characteristics.items()
        if isinstance(found, Measure)
    }


def check(results: Results, name: str) -> Any:
    return next(v for v in results.validity if v.id == name)


@pytest.mark.parametrize("format", ["torchscript", "onnx"])
def test_a_module_and_its_file_have_the_same_boundary(format: str, tmp_path: Path) -> None:
    net = network().eval()
    if format == "onnx":
        path = tmp_path / "net.onnx"
        batch = {0: torch.export.Dim("batch", min=1)}
        torch.onnx.export(net, (torch.rand(2, 8, 8),), path, dynamo=True, dynamic_shapes=(batch,), verbose=False)
    else:
        path = tmp_path / "net.pt"
        torch.jit.save(torch.jit.trace(net, torch.rand(2, 8, 8)), path)
    np.savez(tmp_path / "data.npz", x=X, y=Y)
    asked = plan()
    model = asked.model.model_copy(update={"path": str(path), "trust_model": True})
    data = asked.data.model_copy(update={"data": str(tmp_path / "data.npz")})
    file = run(asked.model_copy(update={"model": model, "data": data}), lambda *_: None)[0]
    live = of_module()
    assert live.data.fingerprint == file.data.fingerprint
    assert live.data.splits == file.data.splits
    assert live.samples.test.predicted == file.samples.test.predicted
    assert live.performance.confusion == file.performance.confusion
    ours, theirs = measures(live), measures(file)
    assert ours.keys() == theirs.keys()
    margins = [name for name in ours if "margin" in name]
    assert len(margins) > 10
    assert [ours[name] for name in margins] == pytest.approx([theirs[name] for name in margins], abs=2e-2)


def test_the_results_say_what_was_audited_and_how() -> None:
    results = of_module()
    model = results.model
    assert (model.file, model.format) == ("network", "PyTorch module in memory")
    assert (model.reading.layout, model.input_shape, model.embedding.size) == ("nhw", [1, 8, 8], 216)
    assert model.output_kind == "probabilities"
    assert model.parity.max_abs_diff < 1e-5
    assert check(results, "in_process").status == "ok"
    assert "no sandbox" in check(results, "in_process").message
    assert results.settings.parameters["sandbox"] == "none"
    assert results.settings.command == "auditor.audit(network, (x, y))"
    assert from_json(to_json(results)) == results
    assert model.sha256 in [term.text for term in build(results).reproduce.settings]


def test_the_same_audit_gives_the_same_document() -> None:
    again = run_in_process(plan(), network(), (X, Y), lambda *_: None)[0]
    assert to_json(again) == to_json(of_module())


@cache
def perceptron() -> tuple[MLPClassifier, np.ndarray]:
    """An estimator of scikit-learn's and the names that it was trained on."""
    names = np.array(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])[Y]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return MLPClassifier((16,), max_iter=40, random_state=0).fit(X.reshape(-1, 64), names), names


def test_an_estimator_answers_for_images_in_the_order_of_its_classes() -> None:
    mlp, names = perceptron()
    live = open_live(mlp.predict_proba, torch.from_numpy(X[:2, None]), ModelOptions())
    data = as_vectors(load_dataset(DataRequest("arrays", carried=class_names_of(mlp)), None, in_memory((X, names), 0)))
    assert data.class_names == tuple(mlp.classes_)
    classifier = bind(live.backend, data.train.instances(), ModelOptions(layout=live.layout)).classifier
    predicted = [data.class_names[label] for label in classifier.predict(data.test.instances()).tolist()]
    assert predicted == mlp.predict(data.test.pixels.numpy()).tolist()
    right = [data.class_names[label] for label in data.test.labels.tolist()]
    assert np.mean(np.array(predicted) == right) > 0.9


def test_an_estimator_is_audited_by_its_answers() -> None:
    chosen = np.isin(Y, (3, 9))
    quadrants, labels = X[chosen].reshape(-1, 2, 4, 2, 4).mean(axis=(2, 4)).reshape(-1, 4), (Y[chosen] == 9).astype(int)
    mlp = MLPClassifier((4,), solver="lbfgs", alpha=0.01, max_iter=2000, random_state=0).fit(quadrants, labels)
    asked = plan(samples=3).model_copy(update={"pairs": "0:1"})
    results = run_in_process(asked, mlp, (quadrants, labels), lambda *_: None)[0]
    assert (results.model.format, results.model.output_kind) == ("estimator in memory", "probabilities")
    assert isinstance(results.model.gradient, NotMeasured)
    assert results.settings.generator == "gradient-free"
    assert [d.generation.boundary for d in results.pairs[0].directions] == [3, 3]


def test_a_callable_without_parameters_has_no_digest_and_a_report() -> None:
    net = network().eval()
    results = run_in_process(plan(samples=4), lambda x: net(x), (X, Y), lambda *_: None)[0]
    assert isinstance(results.model.sha256, NotMeasured)
    assert results.model.gradient == "torch autograd through the callable"
    assert "none: a callable shows no parameters" in [term.text for term in build(results).reproduce.settings]


def settings() -> list[Any]:
    return [
        torch.get_num_threads(), torch.get_default_dtype(), torch.is_grad_enabled(), torch.is_inference_mode_enabled(),
        torch.is_autocast_enabled("cpu"), torch.get_rng_state().tolist(), random.getstate(),
        np.random.get_state()[1].tolist(), list(warnings.filters),
    ]  # fmt: skip


@pytest.mark.parametrize("error", [None, KeyboardInterrupt, ZeroDivisionError])
def test_the_process_is_left_as_it_was(error: type[BaseException] | None) -> None:
    torch.set_default_dtype(torch.float64)
    try:
        with torch.no_grad(), torch.autocast("cpu"):
            before = settings()
            try:
                with undisturbed():
                    assert torch.get_default_dtype() == torch.float32
                    assert torch.is_grad_enabled() and not torch.is_autocast_enabled("cpu")  # noqa: PT018
                    torch.set_num_threads(before[0] + 1)
                    torch.rand(1), random.random(), np.random.rand(1)
                    warnings.simplefilter("error")
                    if error is not None:
                        raise error
            except (KeyboardInterrupt, ZeroDivisionError):
                assert error is not None
            assert settings() == before
    finally:
        torch.set_default_dtype(torch.float32)


def test_inside_inference_mode_and_another_default_device_the_numbers_are_the_same() -> None:
    expected = of_module()
    with torch.inference_mode(), torch.device("meta"):
        again = run_in_process(plan(), network(), (X, Y), lambda *_: None)[0]
    assert again == expected


def test_an_interrupted_audit_gives_the_module_back() -> None:
    net = network().train()
    before = {name: value.clone() for name, value in net.state_dict().items()}

    def interrupt(stage: str, *_: Any) -> None:
        if stage == "predictions":
            assert not net.training
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_in_process(plan(), net, (X, Y), interrupt)
    assert all(part.training for part in net.modules())
    assert all(p.requires_grad for p in net.parameters())
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_memory_that_runs_out_is_an_error_of_ours() -> None:
    calls = []

    def greedy(x: np.ndarray) -> np.ndarray:
        calls.append(len(x))
        if len(calls) > 3:
            raise MemoryError
        return np.zeros((len(x), 10), dtype=np.float32)

    with pytest.raises((AuditIncomplete, InputRefused)):
        run_in_process(plan(), greedy, (X, Y), lambda *_: None)


def test_audits_in_threads_take_turns() -> None:
    """The same module in both: each would find it swapped by the other's export, and the settings of the other."""
    before, net = list(warnings.filters), network()
    with ThreadPoolExecutor(2) as threads:
        both = [threads.submit(run_in_process, plan(), net, (X, Y), lambda *_: None) for _ in range(2)]
        first, second = (to_json(one.result()[0]) for one in both)
    assert first == second == to_json(of_module())
    assert warnings.filters == before


def test_a_failure_within_says_nothing_on_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    with undisturbed():
        assert reason_of(ValueError("boom")) == "ValueError: boom"
    assert capfd.readouterr().err == ""
    reason_of(ValueError("boom"))  # a worker's, which --verbose shows
    assert "boom" in capfd.readouterr().err


def test_what_only_a_file_has_is_refused() -> None:
    with pytest.raises(UsageError, match="expect_sha256"):
        run_in_process(plan(expect_sha256="0" * 64), network(), (X, Y), lambda *_: None)
