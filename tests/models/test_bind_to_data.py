"""What is measured on data, each fact on a model that has it."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from auditor.documents.results import NotMeasured, Parity
from auditor.errors import InputRefused, UsageError
from auditor.models.base import ModelOptions
from auditor.models.bind_to_data import Bound, bind
from auditor.models.open import open_model
from tests.models.torchscript.torchscript_files import Cnn, Functional, Mlp, Sigmoid, noise, save, seeded

IDS = ["output_finite", "output_kind", "parity", "batch_consistency", "softmax_saturated", "gradient", "determinism"]


def bound(
    eager: nn.Module, path: Path, samples: Tensor, how: str = "script", example: Any = None, **options: Any
) -> Bound:
    """The eager module through a file and bound to samples."""
    file = save(eager, path / "m.pt", how, samples[:2] if example is None else example)
    chosen = ModelOptions(device="cpu", **options)
    return bind(open_model(file, chosen), samples, chosen)


def status(result: Bound) -> dict[str, str]:
    return {check.id: check.status for check in result.checks}


def message(result: Bound, check: str) -> str:
    return next(item.message for item in result.checks if item.id == check)


class TestFacts:
    def test_logits(self, tmp_path: Path):
        eager, x = seeded(Mlp()), noise(50, 16)
        result = bound(eager, tmp_path, x)
        f = result.classifier
        assert (f.num_classes, f.output_kind, f.embedding_size, f.instance_shape) == (3, "logits", 8, (16,))
        assert result.parity == Parity(max_abs_diff=0.0, agreement=1.0, n=50)
        assert [check.id for check in result.checks] == IDS
        assert set(status(result).values()) == {"ok"}
        torch.testing.assert_close(f.probabilities(x), torch.softmax(eager(x), dim=1).detach())

    def test_probabilities_with_normalisation(self, tmp_path: Path):
        eager, x = seeded(Cnn()), noise(20, 3, 8, 8)
        mean, std = (0.5, 0.4, 0.3), (0.2,)
        result = bound(eager, tmp_path, x, mean=mean, std=std)
        normalised = (x - torch.tensor(mean).view(1, 3, 1, 1)) / 0.2
        f = result.classifier
        assert (f.num_classes, f.output_kind, f.embedding_size) == (4, "probabilities", 6)
        torch.testing.assert_close(f.probabilities(x), eager(normalised).detach())
        torch.testing.assert_close(f.logits(x), eager.logits(normalised))
        assert status(result)["output_kind"] == "ok"
        assert isinstance(result.parity, Parity)
        assert result.parity.max_abs_diff < 1e-6

    def test_one_sigmoid_is_two_classes(self, tmp_path: Path):
        eager, x = seeded(Sigmoid()), noise(20, 16)
        f = bound(eager, tmp_path, x).classifier
        p = eager(x).detach()
        assert (f.num_classes, f.output_kind, f.columns) == (2, "sigmoid", 1)
        torch.testing.assert_close(f.probabilities(x), torch.cat([1 - p, p], dim=1))
        torch.testing.assert_close(torch.softmax(f.logits(x), dim=1).detach(), torch.cat([1 - p, p], dim=1))

    def test_one_logit_is_two_classes(self, tmp_path: Path):
        eager, x = seeded(nn.Linear(16, 1)), noise(20, 16)
        result = bound(eager, tmp_path, x, output_kind="logits")
        f = result.classifier
        assert (f.num_classes, f.output_kind, f.columns) == (2, "logits", 1)
        torch.testing.assert_close(f.probabilities(x)[:, 1:], torch.sigmoid(eager(x)).detach())
        assert status(result)["parity"] == "ok"

    def test_several_sigmoids_are_divided_by_their_sum_and_say_so(self, tmp_path: Path):
        eager, x = seeded(Sigmoid(outputs=4)), noise(20, 16)
        result = bound(eager, tmp_path, x)
        p = eager(x).detach()
        torch.testing.assert_close(result.classifier.probabilities(x), p / p.sum(dim=1, keepdim=True))
        assert result.classifier.num_classes == 4
        assert status(result) | {"output_kind": "ok"} == dict.fromkeys(IDS, "ok")
        assert "4 independent sigmoids" in message(result, "output_kind")

    def test_probabilities_that_the_graph_does_not_show(self, tmp_path: Path):
        class ByHand(Functional):
            def forward(self, x: Tensor) -> Tensor:
                e = torch.exp((torch.tanh(x.flatten(1) @ self.w1 + self.b1) @ self.w2 + self.b2) / 4.0)
                e = e * e
                return e / e.sum(dim=1, keepdim=True)

        eager, x = seeded(ByHand()), noise(20, 1, 4, 4)
        result = bound(eager, tmp_path, x)
        f = result.classifier
        assert (f.backend.head, f.output_kind) == (None, "probabilities")
        assert isinstance(f.embedding_size, NotMeasured)
        x.requires_grad_()
        (gradient,) = torch.autograd.grad(torch.log_softmax(f.logits(x), dim=1)[:, 0].sum(), x)
        (truth,) = torch.autograd.grad(torch.log_softmax(eager.logits(x), dim=1)[:, 0].sum(), x)
        torch.testing.assert_close(gradient, truth)
        assert set(status(result).values()) == {"ok"}

    def test_onnx(self, tmp_path: Path):
        rng = np.random.default_rng(0)
        w1, w2 = rng.normal(size=(16, 8)).astype(np.float32), rng.normal(size=(8, 3)).astype(np.float32)
        nodes = [
            helper.make_node("MatMul", ["x", "w1"], ["a"]),
            helper.make_node("Relu", ["a"], ["h"]),
            helper.make_node("MatMul", ["h", "w2"], ["z"]),
            helper.make_node("Softmax", ["z"], ["p"], axis=1),
        ]
        graph = helper.make_graph(
            nodes,
            "mlp",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 16])],
            [helper.make_tensor_value_info("p", TensorProto.FLOAT, ["N", 3])],
            [numpy_helper.from_array(w1, "w1"), numpy_helper.from_array(w2, "w2")],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.save(model, str(tmp_path / "m.onnx"))
        options = ModelOptions(device="cpu")
        x = noise(30, 16)
        result = bind(open_model(tmp_path / "m.onnx", options), x, options)
        f = result.classifier
        z = torch.relu(x @ torch.from_numpy(w1)) @ torch.from_numpy(w2)
        assert (f.num_classes, f.output_kind, f.embedding_size) == (3, "probabilities", 8)
        torch.testing.assert_close(f.probabilities(x), torch.softmax(z, dim=1), rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(f.logits(x), z, rtol=1e-5, atol=1e-5)
        assert status(result) | {"softmax_saturated": "ok"} == dict.fromkeys(IDS, "ok")


class TestLayouts:
    def test_channels_last(self, tmp_path: Path):
        class Last(Cnn):
            def forward(self, x: Tensor) -> Tensor:
                h = torch.relu(self.norm(self.convolution(x.permute(0, 3, 1, 2)))).mean(dim=(2, 3))
                return self.last(h)

        eager, x = seeded(Last()), noise(10, 3, 8, 8)
        example = x.permute(0, 2, 3, 1)
        for layout in ("auto", "nhwc"):
            f = bound(eager, tmp_path, x, "trace", example, layout=layout).classifier
            torch.testing.assert_close(f.scores(x), eager.logits(x).detach())
            assert f.instance_shape == (3, 8, 8)

    def test_grey_images_without_a_channel_axis(self, tmp_path: Path):
        eager, x = seeded(nn.Sequential(nn.Flatten(), nn.Linear(16, 3))), noise(10, 1, 4, 4)
        f = bound(eager, tmp_path, x, "trace", noise(2, 4, 4), mean=(0.5,)).classifier
        torch.testing.assert_close(f.scores(x), eager(x - 0.5).detach())

    def test_vectors(self, tmp_path: Path):
        eager, x = seeded(nn.Linear(16, 3)), noise(10, 16)
        f = bound(eager, tmp_path, x, "script", layout="flat").classifier
        torch.testing.assert_close(f.scores(x), eager(x).detach())


class TestChecks:
    def test_some_scores_are_not_finite(self, tmp_path: Path):
        class Sometimes(Mlp):
            def forward(self, x: Tensor) -> Tensor:
                return self.last(torch.relu(self.hidden(x))) + torch.log(0.9 - x[:, :1])

        x = noise(40, 16)
        bad = int((x[:, 0] > 0.9).sum())
        assert 0 < bad < 40
        result = bound(seeded(Sometimes()), tmp_path, x)
        assert status(result)["output_finite"] == "fail"
        assert f"{bad} of 40 samples" in message(result, "output_finite")
        assert isinstance(result.parity, Parity)
        assert result.parity.n == 40 - bad

    def test_no_score_is_finite(self, tmp_path: Path):
        class Never(Mlp):
            def forward(self, x: Tensor) -> Tensor:
                return self.last(torch.relu(self.hidden(x))) / torch.zeros(1)

        with pytest.raises(InputRefused, match="found NaN or infinity for all 5 samples"):
            bound(seeded(Never()), tmp_path, noise(5, 16))

    def test_samples_that_depend_on_their_neighbours(self, tmp_path: Path):
        class Relative(Mlp):
            def forward(self, x: Tensor) -> Tensor:
                return self.last(torch.relu(self.hidden(50 * (x - x.mean(dim=0)))))

        result = bound(seeded(Relative()), tmp_path, noise(40, 16))
        assert status(result)["batch_consistency"] == "fail"
        assert "change class" in message(result, "batch_consistency")

    def test_a_random_model(self, tmp_path: Path):
        class Noisy(Mlp):
            def forward(self, x: Tensor) -> Tensor:
                return self.last(nn.functional.dropout(torch.relu(self.hidden(x)), 0.5, training=True))

        result = bound(seeded(Noisy()), tmp_path, noise(40, 16))
        assert status(result)["batch_consistency"] == "fail"
        assert "the model is random" in message(result, "batch_consistency")

    def test_a_saturated_softmax(self, tmp_path: Path):
        eager, x = seeded(Functional()), noise(40, 1, 4, 4)
        assert status(bound(eager, tmp_path, x))["softmax_saturated"] == "ok"
        with torch.no_grad():
            eager.w2.mul_(1e4)
        result = bound(eager, tmp_path, x)
        assert status(result)["softmax_saturated"] == "warn"
        assert message(result, "softmax_saturated").startswith("100.0% of 40 samples")
        assert status(result)["gradient"] == "ok"

    def test_large_logits_are_no_saturation(self, tmp_path: Path):
        eager = seeded(Mlp())
        with torch.no_grad():
            eager.last.weight.mul_(1e4)
        result = bound(eager, tmp_path, noise(40, 16))
        assert status(result)["softmax_saturated"] == "ok"
        assert "scores are logits" in message(result, "softmax_saturated")

    def test_a_gradient_that_is_zero_for_some(self, tmp_path: Path):
        class HalfDead(Mlp):
            def forward(self, x: Tensor) -> Tensor:
                return self.last(torch.relu(self.hidden(x)) * (x[:, :1] > 0.5))

        x = noise(16, 16)
        result = bound(seeded(HalfDead()), tmp_path, x)
        dead = int((x[:, 0] <= 0.5).sum())
        assert 0 < dead < 16
        assert status(result)["gradient"] == "warn"
        assert f"for {dead} of 16 samples" in message(result, "gradient")

    def test_a_gradient_route_that_disagrees(self, tmp_path: Path):
        """The backend's logits come from a copy of the file whose weights were changed."""
        options = ModelOptions(device="cpu")
        right, wrong = seeded(Mlp()), seeded(Mlp(), seed=5)
        backend = open_model(save(right, tmp_path / "a.pt", "script", noise(1)), options)
        other = open_model(save(wrong, tmp_path / "b.pt", "script", noise(1)), options)
        backend.logits = other.logits  # type: ignore[method-assign]
        x = noise(40, 16)
        result = bind(backend, x, options)
        with torch.no_grad():
            a, b = right(x), wrong(x)
        assert isinstance(result.parity, Parity)
        apart = a - b  # a shift of all logits of a row changes no probability
        expected = float((apart - apart.mean(dim=1, keepdim=True)).abs().max())
        assert result.parity.max_abs_diff == pytest.approx(expected, rel=1e-5)
        assert result.parity.agreement == pytest.approx(float((a.argmax(1) == b.argmax(1)).float().mean()))
        assert status(result)["parity"] == "fail"


class TestRefusals:
    def test_another_shape_than_declared(self, tmp_path: Path):
        path = save(seeded(Cnn()), tmp_path / "m.pt", "trace", noise(2, 3, 8, 8))
        options = ModelOptions(device="cpu")
        with pytest.raises(InputRefused) as caught:
            bind(open_model(path, options), noise(4, 1, 8, 8), options)
        assert str(caught.value) == (
            "expected inputs of shape (N, 3, 8, 8) as the model declares; found samples of (N, 1, 8, 8); "
            "pass --layout or other data"
        )
        with pytest.raises(InputRefused, match=r"found samples of \(N, 192\)"):
            bind(open_model(path, options), noise(4, 192), options)

    def test_another_shape_than_the_model_can_take(self, tmp_path: Path):
        with pytest.raises(InputRefused) as caught:
            bound(seeded(Functional()), tmp_path, noise(4, 1, 5, 5))
        assert caught.value.found.startswith("samples of (N, 1, 5, 5), on which it fails: ")
        assert "mat1 and mat2 shapes cannot be multiplied" in caught.value.found

    def test_a_batch_size_of_its_own(self, tmp_path: Path):
        class One(Mlp):
            def forward(self, x: Tensor) -> Tensor:
                return self.last(torch.relu(self.hidden(x.reshape(1, 16))))

        with pytest.raises(InputRefused, match="found one that fails on 4 samples: shape"):
            bound(seeded(One()), tmp_path, noise(4, 16))

    def test_fewer_rows_than_samples(self, tmp_path: Path):
        class Pairs(Mlp):
            def forward(self, x: Tensor) -> Tensor:
                return self.last(torch.relu(self.hidden(x.reshape(-1, 2, 16).mean(dim=1))))

        with pytest.raises(InputRefused, match="found 2 rows for 4 samples"):
            bound(seeded(Pairs()), tmp_path, noise(4, 16))

    def test_maps_of_scores(self, tmp_path: Path):
        with pytest.raises(
            InputRefused, match=r"class scores of shape .* of shape \(N, 4, 6, 6\): a segmentation model"
        ):
            bound(seeded(nn.Conv2d(3, 4, 3)), tmp_path, noise(4, 3, 8, 8))

    @pytest.mark.parametrize("kind", ["no_grad", "detach", "whole"])
    def test_no_gradient_is_a_warning_with_its_reason(self, kind: str, tmp_path: Path):
        class Detached(Mlp):
            def forward(self, x: Tensor) -> Tensor:
                return self.last(torch.relu(self.hidden(x.detach())))

        class Whole(Mlp):
            def forward(self, x: Tensor) -> Tensor:
                return self.last(torch.relu(self.hidden((x * 9).long().float())))

        class NoGrad(Mlp):
            def forward(self, x: Tensor) -> Tensor:
                with torch.no_grad():
                    return self.last(torch.relu(self.hidden(x)))

        eager, x = seeded({"no_grad": NoGrad, "detach": Detached, "whole": Whole}[kind]()), noise(4, 16)
        result = bound(eager, tmp_path, x)
        torch.testing.assert_close(result.classifier.scores(x), eager(x).detach())
        self.is_without_gradient(result)

    def test_no_gradient_by_the_file(self, tmp_path: Path):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            quantised = torch.ao.quantization.quantize_dynamic(seeded(Mlp()), {nn.Linear})
        result = bound(quantised, tmp_path, noise(4, 16))
        self.is_without_gradient(result)
        assert "the file holds operators without a gradient: quantized::" in message(result, "gradient")

    @staticmethod
    def is_without_gradient(result: Bound) -> None:
        assert isinstance(result.classifier.gradient, NotMeasured)
        assert isinstance(result.parity, NotMeasured)
        assert status(result)["gradient"] == "warn"
        assert "parity" not in status(result)
        assert result.classifier.gradient.not_measured in message(result, "gradient")

    def test_output_kinds_that_contradict(self, tmp_path: Path):
        with pytest.raises(UsageError, match="expected --output-kind probabilities, as the model's graph ends"):
            bound(seeded(Functional()), tmp_path, noise(4, 1, 4, 4), output_kind="logits")

    def test_an_embedding_that_is_none(self, tmp_path: Path):
        class Summed(Mlp):
            def forward(self, x: Tensor) -> Tensor:
                total = x.sum()
                return self.last(torch.relu(self.hidden(x))) + total

        with pytest.raises(UsageError, match=r"expected --embedding to name features of each instance; total\.1: it"):
            bound(seeded(Summed()), tmp_path, noise(4, 16), embedding="total.1")

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"mean": (0.1, 0.2)}, "expected 1 or 3 values for --mean; found 2"),
            ({"std": (0.1, 0.2, 0.3, 0.4)}, "expected 1 or 3 values for --std; found 4"),
            ({"std": (0.0,)}, "expected positive numbers for --std; found 0.0"),
            ({"mean": (float("nan"),)}, "expected finite numbers for --mean"),
            ({"mean": (123.7,)}, "found 123.7; divide it by 255"),
            ({"layout": "flat"}, "expected --layout auto, nchw or nhwc"),
        ],
    )
    def test_options_that_do_not_fit(self, options: dict[str, Any], message: str, tmp_path: Path):
        with pytest.raises(UsageError, match=message):
            bound(seeded(Cnn()), tmp_path, noise(4, 3, 8, 8), "trace", **options)
