"""The whole audit, through files, of a model whose boundary is a plane: every number has a closed form."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from auditor.documents.plan import Plan
from auditor.documents.results import Direction, Measure, Results
from auditor.pipeline.run import run
from tests.analytic import HalfSpace, around_the_middle, half_space

INPUTS, SOURCES = 32, 200


def write_onnx(model: HalfSpace, path: Path) -> None:
    """Logits (0, <w, x> + b) as one Gemm."""
    weight = torch.stack([torch.zeros(INPUTS), model.normal]).numpy()
    bias = np.array([0.0, model.offset], dtype=np.float32)
    constants = [numpy_helper.from_array(weight, "w"), numpy_helper.from_array(bias, "b")]
    gemm = helper.make_node("Gemm", ["x", "w", "b"], ["z"], transB=1)
    graph = helper.make_graph(
        [gemm],
        "half_space",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", INPUTS])],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, ["N", 2])],
        constants,
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


def points(model: HalfSpace) -> torch.Tensor:
    """Points on both sides, none so near the plane that a soft-margin SVM would give it up."""
    x = around_the_middle(1500, INPUTS, seed=1)
    return x[model.distance(x).abs() > 0.05]


@cache
def audited() -> tuple[HalfSpace, Results, dict[str, np.ndarray]]:
    model, f = half_space(INPUTS)
    x = points(model)
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_onnx(model, folder / "plane.onnx")
        np.savez(folder / "points.npz", x=x.numpy(), y=f.predict(x).numpy())
        plan = Plan(
            model={"path": str(folder / "plane.onnx")},
            data={"data": str(folder / "points.npz")},
            samples_per_class=SOURCES,
            instances_folder=str(folder / "instances"),
        )
        results, _ = run(plan, lambda *_: None)
        with np.load(folder / "instances" / "0-1.npz") as saved:
            return model, results, dict(saved)


def directions() -> list[Direction]:
    return audited()[1].pairs[0].directions


def value(direction: Direction, name: str) -> float:
    measure = direction.characteristics[name]
    assert isinstance(measure, Measure), measure
    return measure.value


def test_every_source_reaches_the_plane() -> None:
    model, _, saved = audited()
    for direction in directions():
        assert direction.generation.boundary >= 0.99 * direction.generation.requested == 0.99 * SOURCES
        assert len(direction.sources.index) == SOURCES
    x_train = points(model)  # in the order of the file; the split by seed is the audit's own
    assert {tuple(row) for row in saved["x_source"].tolist()} <= {tuple(row) for row in x_train.tolist()}
    assert set(saved["index"].tolist()) <= set(directions()[0].sources.index)
    assert float(model.distance(torch.from_numpy(saved["x_boundary"])).abs().max()) < 1e-3
    assert np.abs(saved["p_boundary"][:, 0] - saved["p_boundary"][:, 1]).max() < 1e-4


def test_the_attacks_margin_is_the_distance_to_the_plane() -> None:
    model, results, _ = audited()
    distance = model.distance(points(model))
    for direction, side in zip(directions(), (distance < 0, distance > 0), strict=True):
        # 64 samples of each split are searched from; the interval of their median must hold the median over the class.
        for id in ("margin_l2_attack", "margin_l2_attack_train"):
            margin = direction.characteristics[id]
            assert isinstance(margin, Measure)
            assert margin.low <= float(distance[side].abs().median()) <= margin.high
        assert value(direction, "already_wrong") == 0.0
        gap = direction.characteristics["margin_l2_attack_gap"]
        assert isinstance(gap, Measure)
        assert gap.low <= 0 <= gap.high
    assert results.summary.ranked_by == "margin_l2_attack"


def test_a_plane_is_not_folded_and_one_cut_separates_it() -> None:
    for direction in directions():
        # Both ends of a segment lie on one side, and so does all that lies between them.
        assert value(direction, "idc") == 0.0
        assert value(direction, "edc_train_accuracy") == 1.0
        assert value(direction, "edc_test_accuracy") == 1.0
        assert value(direction, "third_class_intrusion") == 0.0
        assert value(direction, "diversity") > 0.25


def test_nothing_stands_against_the_numbers() -> None:
    statuses = {check.id: check.status for check in audited()[1].validity}
    assert "fail" not in statuses.values(), statuses
