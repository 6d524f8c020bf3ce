"""The main job, as a user runs it, on a real model and real data."""

from __future__ import annotations

import json
import shutil
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import onnxruntime
import pytest

from tests.cli.command import DIGITS_CNN, SMALL, Done, run

Audit = tuple[Path, Done]


@pytest.fixture(scope="module")
def out(audit: Audit) -> Path:
    return audit[0] / "audit-digits_cnn"


@pytest.fixture(scope="module")
def results(out: Path) -> Any:
    return json.loads((out / "results.json").read_bytes())


def test_it_ends_well_and_says_so_on_standard_error_alone(audit: Audit):
    done = audit[1]
    assert done.status == 0, done.stderr
    assert done.stdout == ""
    assert "deepdig-audit: wrote audit-digits_cnn/results.json" in done.stderr
    assert "Traceback" not in done.stderr
    assert all(line.startswith("deepdig-audit: ") for line in done.stderr.splitlines())


def test_every_file_is_there_and_nothing_else(out: Path):
    assert sorted(path.name for path in out.iterdir()) == [
        "instances", "report.html", "report.pdf", "results.json", "run.json", "samples.csv",
    ]  # fmt: skip
    assert sorted(path.name for path in (out / "instances").iterdir()) == ["3-8.npz", "4-9.npz", "8-3.npz", "9-4.npz"]
    assert (out / "report.pdf").read_bytes().startswith(b"%PDF-")
    assert (out / "report.html").read_bytes().lower().startswith(b"<!doctype html>")


def test_results_fit_the_shipped_schema(results: Any):
    schema = json.loads(resources.files("auditor.documents").joinpath("results.schema.json").read_text("utf-8"))
    jsonschema.validate(results, schema)


def test_results_hold_no_number_that_json_lacks(out: Path):
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    json.loads((out / "results.json").read_bytes(), parse_constant=refuse)


def test_what_was_audited_is_named(results: Any):
    import hashlib

    assert results["model"]["file"] == "digits_cnn.onnx"
    assert results["model"]["sha256"] == hashlib.sha256(DIGITS_CNN.read_bytes()).hexdigest()
    assert (results["model"]["num_classes"], results["model"]["input_shape"]) == (10, [1, 8, 8])
    assert results["data"]["class_names"] == [str(digit) for digit in range(10)]
    assert results["settings"]["command"] == f"deepdig-audit digits_cnn.onnx --data digits {' '.join(SMALL)}"
    assert {"generator", "rpbs", "epbs", "minimal-norm attack", "profile"} < set(results["settings"]["parameters"])
    assert results["environment"]["torch"]
    assert results["provenance"]["plugins"] == []  # the tool's own operators, generators and measures are none


def test_both_directions_of_the_pairs_asked_for(results: Any):
    assert [pair["classes"] for pair in results["pairs"]] == [[3, 8], [4, 9]]
    for pair in results["pairs"]:
        a, b = pair["classes"]
        assert [(d["source"], d["target"]) for d in pair["directions"]] == [(a, b), (b, a)]


def test_counts_add_up(results: Any):
    for direction in (d for pair in results["pairs"] for d in pair["directions"]):
        for counts in (direction["generation"], *(b["generation"] for b in direction["baselines"].values())):
            assert counts["requested"] == len(direction["sources"]["index"]) <= 16
            assert counts["boundary"] + sum(counts["failures"].values()) == counts["requested"]
            assert counts["success_rate"]["value"] == counts["boundary"] / counts["requested"]


def test_every_definition_has_a_measure_and_every_measure_a_definition(results: Any):
    scopes = {"direction": set(), "pair": set()}
    for id, definition in results["definitions"].items():
        scopes[definition["scope"]].add(id)
    for pair in results["pairs"]:
        assert set(pair["characteristics"]) == scopes["pair"]
        for direction in pair["directions"]:
            assert set(direction["characteristics"]) == scopes["direction"]
            assert set(direction["baselines"]) == {"rpbs", "epbs"}
    assert set(results["summary"]["characteristics"]) == set(results["definitions"])


def test_most_measures_are_measured_with_an_interval(results: Any):
    measures = [m for pair in results["pairs"] for d in pair["directions"] for m in d["characteristics"].values()]
    measured = [m for m in measures if "value" in m]
    assert len(measured) > 0.8 * len(measures)
    low, high = (
        [m["value"] if m[end] is None else m[end] for m in measured] for end in ("ci_low", "ci_high")
    )  # an open end holds everything
    assert all(a <= m["value"] <= b and m["n"] > 0 for a, m, b in zip(low, measured, high, strict=True))


def test_the_ranking_is_by_the_nearer_direction(results: Any):
    by = results["summary"]["ranked_by"]
    nearest = {
        tuple(pair["classes"]): min(d["characteristics"][by]["value"] for d in pair["directions"])
        for pair in results["pairs"]
    }
    assert [tuple(pair) for pair in results["summary"]["ranking"]] == sorted(nearest, key=nearest.__getitem__)


def test_saved_instances_lie_on_the_boundary_by_the_models_own_runtime(out: Path, results: Any):
    session = onnxruntime.InferenceSession(DIGITS_CNN.read_bytes(), providers=["CPUExecutionProvider"])
    for direction in (d for pair in results["pairs"] for d in pair["directions"]):
        s, t = direction["source"], direction["target"]
        with np.load(out / "instances" / f"{s}-{t}.npz") as saved:
            instances = dict(saved)
        x = instances["x_boundary"]
        assert x.shape == (direction["generation"]["boundary"], 1, 8, 8)
        assert instances.pop("split") == "train"
        assert {name: len(array) for name, array in instances.items()} == dict.fromkeys(instances, len(x))
        z = session.run(None, {session.get_inputs()[0].name: x})[0].astype(np.float64)
        p = np.exp(z - z.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        assert (np.abs(p[:, s] - p[:, t]) < 1.01e-4).all()
        assert (np.delete(p, [s, t], axis=1).max(axis=1) <= np.minimum(p[:, s], p[:, t]) + 1e-6).all()
        np.testing.assert_allclose(instances["p_boundary"], p, atol=1e-5)


def test_each_instance_names_the_sample_that_it_was_made_from(out: Path, results: Any):
    from auditor.datasets.base import DataRequest
    from auditor.datasets.load import load_dataset

    train = load_dataset(DataRequest("digits")).train
    for direction in (d for pair in results["pairs"] for d in pair["directions"]):
        with np.load(out / "instances" / f"{direction['source']}-{direction['target']}.npz") as saved:
            place, source = saved["index"], saved["x_source"]
        assert set(place.tolist()) <= set(direction["sources"]["index"])
        np.testing.assert_array_equal(train.instances()[place].numpy(), source)


def test_the_table_of_samples_leads_from_a_flag_to_the_images(out: Path, results: Any):
    import csv

    from auditor.datasets.base import DataRequest
    from auditor.datasets.load import load_dataset

    data = load_dataset(DataRequest("digits"))
    with (out / "samples.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["index"]) for row in rows if row["split"] == "test"] == list(range(len(data.test)))
    session = onnxruntime.InferenceSession(str(DIGITS_CNN))
    wrong = [row for row in rows if "misclassified" in row["flags"].split("; ")]
    assert wrong
    for row in wrong:
        split = getattr(data, row["split"])
        pixels = split.instances()[int(row["index"])][None].numpy()
        said = int(session.run(None, {session.get_inputs()[0].name: pixels})[0].argmax())
        assert (said, int(split.labels[int(row["index"])])) == (int(row["predicted"]), int(row["label"]))
        assert said != int(row["label"])
    margins = {d["source"]: d["margins"]["test"] for pair in results["pairs"] for d in pair["directions"]}
    row = next(r for r in rows if r["split"] == "test" and r["margin_l2"] and not r["flags"])
    assert int(row["index"]) in margins[int(row["label"])]["index"]


def test_sample_images_are_the_instances(out: Path, results: Any):
    import base64
    import io

    from PIL import Image

    direction = results["pairs"][0]["directions"][0]
    with np.load(out / "instances" / "3-8.npz") as saved:
        images = {name: np.round(saved[f"x_{name}"] * 255) for name in ("source", "boundary")}
    for row in direction["samples"]["rows"]:
        shown = {c["role"]: np.asarray(Image.open(io.BytesIO(base64.b64decode(c["png"])))) for c in row["cells"]}
        matches = {role: (images[role][:, 0] == shown[role]).all(axis=(1, 2)) for role in images}
        assert (matches["source"] & matches["boundary"]).any()
        assert len(shown) == 5


def test_run_json_holds_what_varies(out: Path):
    run_facts = json.loads((out / "run.json").read_bytes())
    assert run_facts["command"] == f"deepdig-audit {DIGITS_CNN} --data digits {' '.join(SMALL)} --save-instances"
    assert run_facts["duration_seconds"] > 0
    assert set(run_facts["stages"]) > {"model and data", "predictions", "DeepDIG", "Characteristics"}
    assert run_facts["cost"]["forward"] > run_facts["cost"]["backward"] > 0


def test_the_same_audit_from_anywhere_to_anywhere_gives_the_same_bytes(audit: Audit, tmp_path: Path):
    (tmp_path / "working").mkdir()
    shutil.copy(DIGITS_CNN, tmp_path)
    again = run(["../digits_cnn.onnx", "--data", "digits", *SMALL, "--save-instances", "--out", "a/b", "--no-resume"],
                tmp_path / "working")  # fmt: skip
    assert again.status == 0, again.stderr
    for name in ("results.json", "report.html", "report.pdf", "samples.csv", "instances/3-8.npz"):
        one, other = audit[0] / "audit-digits_cnn" / name, tmp_path / "working" / "a" / "b" / name
        assert one.read_bytes() == other.read_bytes(), name
