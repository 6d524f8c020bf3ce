"""TorchScript files against the eager modules they were made from."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
import torchvision
from torch import Tensor, nn

from auditor.documents.results import NotMeasured
from auditor.errors import InputRefused, UsageError
from auditor.models.base import ModelOptions, torch_device
from auditor.models.open import open_model
from tests.models.torchscript.torchscript_files import (
    Branching,
    Cnn,
    Convolutional,
    Functional,
    LogSoftmax,
    Mlp,
    Sigmoid,
    noise,
    save,
    seeded,
)

CPU = ModelOptions(device="cpu")
MODELS = [
    (Mlp, (16,), "logits"),
    (Cnn, (3, 8, 8), "probabilities"),
    (Functional, (1, 4, 4), "probabilities"),
    (Sigmoid, (16,), "sigmoid"),
    (Convolutional, (3, 8, 8), "logits"),
    (LogSoftmax, (16,), "logits"),
    (Branching, (16,), "probabilities"),
]


@pytest.mark.parametrize("how", ["script", "trace", "frozen"])
@pytest.mark.parametrize(("model", "shape", "head"), MODELS, ids=[model.__name__ for model, _, _ in MODELS])
def test_equals_the_eager_module(model: type[nn.Module], shape: tuple[int, ...], head: str, how: str, tmp_path: Path):
    eager = seeded(model())
    backend = open_model(save(eager, tmp_path / "m.pt", how, noise(2, *shape)), CPU)
    x = noise(5, *shape)
    assert backend.head == head
    # Freezing folds batch normalisation into the convolution, so frozen files differ in the last bits.
    close = {"rtol": 0.0, "atol": 0.0} if how != "frozen" else {"rtol": 1e-5, "atol": 1e-6}
    with torch.no_grad():
        torch.testing.assert_close(backend.scores(x), eager(x), **close)
        torch.testing.assert_close(backend.embeddings(x), eager.penultimate(x), rtol=1e-5, atol=1e-6)
    ours, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
    z, expected = backend.logits(ours), eager.logits(theirs)
    torch.testing.assert_close(z, expected, rtol=1e-5, atol=1e-6)
    weights = torch.linspace(-1, 2, z.shape[1])
    (gradient,) = torch.autograd.grad((z * weights).sum(), ours)
    (truth,) = torch.autograd.grad((expected * weights).sum(), theirs)
    torch.testing.assert_close(gradient, truth, rtol=1e-5, atol=1e-6)
    assert gradient.abs().max() > 0


@pytest.mark.parametrize("how", ["script", "trace"])
def test_resnet18(how: str, tmp_path: Path):
    eager = seeded(torchvision.models.resnet18(num_classes=5))
    features = nn.Sequential(*list(eager.children())[:-1], nn.Flatten())
    backend = open_model(save(eager, tmp_path / "m.pt", how, noise(1, 3, 32, 32)), CPU)
    x = noise(3, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(backend.scores(x), eager(x))
        torch.testing.assert_close(backend.embeddings(x), features(x))
    assert backend.embeddings(x).shape == (3, 512)
    assert backend.head == "logits"


def test_a_saturated_softmax_keeps_its_gradient(tmp_path: Path):
    eager = seeded(Functional())
    with torch.no_grad():
        eager.w2.mul_(1e4)
    backend = open_model(save(eager, tmp_path / "m.pt", "trace", noise(2, 1, 4, 4)), CPU)
    x = noise(4, 1, 4, 4)
    assert (backend.scores(x).amax(dim=1) == 1).all()
    x.requires_grad_()
    (gradient,) = torch.autograd.grad(backend.logits(x)[:, 0].sum(), x)
    assert (gradient.flatten(1).abs().amax(dim=1) > 0).all()


def test_several_sigmoids_lead_to_their_share_of_the_sum(tmp_path: Path):
    eager = seeded(Sigmoid(outputs=4))
    backend = open_model(save(eager, tmp_path / "m.pt", "script", noise(2, 16)), CPU)
    p = eager(noise(6, 16)).detach()
    torch.testing.assert_close(torch.softmax(backend.logits(noise(6, 16)), dim=1), p / p.sum(dim=1, keepdim=True))
    assert backend.head == "sigmoid"


def test_saved_in_training_mode_runs_in_evaluation_mode(tmp_path: Path):
    eager = seeded(Cnn())
    path = save(eager.train(), tmp_path / "m.pt", "script", noise(2, 3, 8, 8))
    x = noise(4, 3, 8, 8)
    backend = open_model(path, CPU)
    assert torch.equal(backend.scores(x), eager.eval()(x).detach())
    assert torch.equal(backend.scores(x), backend.scores(x))


def test_a_vector_model_without_layers_has_no_embedding(tmp_path: Path):
    class Distances(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.centres = nn.Parameter(torch.eye(3, 4))

        def forward(self, x: Tensor) -> Tensor:
            return -torch.cdist(x, self.centres)

    backend = open_model(save(Distances().eval(), tmp_path / "m.pt", "trace", noise(2, 4)), CPU)
    assert isinstance(backend.embedding, NotMeasured)
    assert "no linear layer before aten::" in backend.embedding.not_measured
    assert backend.head is None
    torch.testing.assert_close(backend.logits(noise(3, 4)), -torch.cdist(noise(3, 4), torch.eye(3, 4)))


def test_a_lone_linear_layer_has_its_input_as_embedding(tmp_path: Path):
    backend = open_model(save(seeded(nn.Linear(9, 3)), tmp_path / "m.pt", "script", noise(2, 9)), CPU)
    assert torch.equal(backend.embeddings(noise(4, 9)), noise(4, 9))


def test_attention_is_not_taken_for_a_linear_layer(tmp_path: Path):
    class Attention(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return (x @ x.transpose(1, 2)).sum(dim=2)

    backend = open_model(save(Attention().eval(), tmp_path / "m.pt", "script", noise(2, 4, 4)), CPU)
    assert isinstance(backend.embedding, NotMeasured)


class TestOutputs:
    def test_the_first_of_several_outputs_counts(self, tmp_path: Path):
        class Auxiliary(Mlp):
            def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
                h = torch.relu(self.hidden(x))
                return self.last(h), h

        eager = seeded(Auxiliary())
        backend = open_model(save(eager, tmp_path / "m.pt", "script", noise(2, 16)), CPU)
        x = noise(4, 16)
        assert torch.equal(backend.scores(x), eager.logits(x).detach())
        assert torch.equal(backend.logits(x), eager.logits(x))
        assert torch.equal(backend.embeddings(x), eager.penultimate(x).detach())

    def test_single_axes_at_the_end_are_dropped(self, tmp_path: Path):
        eager = seeded(nn.Sequential(nn.Conv2d(3, 4, 1), nn.AdaptiveAvgPool2d(1)))
        backend = open_model(save(eager, tmp_path / "m.pt", "trace", noise(2, 3, 8, 8)), CPU)
        assert backend.scores(noise(5, 3, 8, 8)).shape == (5, 4)

    def test_labels_are_refused(self, tmp_path: Path):
        class Label(Mlp):
            def forward(self, x: Tensor) -> Tensor:
                return self.last(torch.relu(self.hidden(x))).argmax(dim=1)

        backend = open_model(save(seeded(Label()), tmp_path / "m.pt", "script", noise(2, 16)), CPU)
        with pytest.raises(InputRefused, match="floating-point scores; found int64 output"):
            backend.scores(noise(2, 16))


class TestArguments:
    def test_further_arguments_with_defaults_keep_them(self, tmp_path: Path):
        class Scaled(Mlp):
            def forward(self, x: Tensor, scale: float = 3.0) -> Tensor:
                return torch.softmax(self.last(torch.relu(self.hidden(x))) * scale, dim=1)

        eager = seeded(Scaled())
        backend = open_model(save(eager, tmp_path / "m.pt", "script", noise(2, 16)), CPU)
        torch.testing.assert_close(backend.logits(noise(4, 16)), eager.logits(noise(4, 16)) * 3)
        assert torch.equal(backend.embeddings(noise(4, 16)), eager.penultimate(noise(4, 16)).detach())

    def test_two_inputs_are_refused(self, tmp_path: Path):
        class Two(nn.Module):
            def forward(self, x: Tensor, mask: Tensor) -> Tensor:
                return x * mask

        with pytest.raises(InputRefused, match=r"a model of one input; found forward\(x, mask\)"):
            open_model(save(Two(), tmp_path / "m.pt", "script", noise(1)), CPU)

    def test_input_that_is_no_tensor_is_refused(self, tmp_path: Path):
        class Text(nn.Module):
            def forward(self, x: list[str]) -> Tensor:
                return torch.zeros(len(x), 2)

        with pytest.raises(InputRefused, match=r"expected forward\(Tensor\) -> Tensor"):
            open_model(save(Text(), tmp_path / "m.pt", "script", noise(1)), CPU)

    def test_a_module_without_forward_is_refused(self, tmp_path: Path):
        class Silent(nn.Module):
            @torch.jit.export
            def classify(self, x: Tensor) -> Tensor:
                return x

        with pytest.raises(InputRefused, match="a module with a forward method"):
            open_model(save(Silent(), tmp_path / "m.pt", "script", noise(1)), CPU)


class TestNamedEmbedding:
    def test_by_name(self, tmp_path: Path):
        eager = seeded(Convolutional())
        path = save(eager, tmp_path / "m.pt", "script", noise(2, 3, 8, 8))
        with pytest.raises(UsageError) as caught:
            open_model(path, ModelOptions(embedding="nowhere"))
        assert "found 'nowhere'; use one such as" in str(caught.value)
        names = str(caught.value).partition("such as ")[2].split(", ")
        assert len(names) == 2  # inputs of the two convolutions, the last one first
        last = open_model(path, ModelOptions(embedding=names[0]))
        first = open_model(path, ModelOptions(embedding=names[1]))
        x = noise(4, 3, 8, 8)
        torch.testing.assert_close(last.embeddings(x), eager.penultimate(x).detach())
        torch.testing.assert_close(first.embeddings(x), x.mean(dim=(2, 3)))
        assert last.embedding == names[0]

    def test_weights_are_no_embedding(self, tmp_path: Path):
        path = save(seeded(Mlp()), tmp_path / "m.pt", "script", noise(2, 16))
        with pytest.raises(UsageError, match="expected --embedding"):
            open_model(path, ModelOptions(embedding="weight.1"))


class TestInput:
    def test_a_traced_file_declares_its_example(self, tmp_path: Path):
        backend = open_model(save(seeded(Cnn()), tmp_path / "m.pt", "trace", noise(2, 3, 8, 8)), CPU)
        assert backend.input.shape == (3, 8, 8)
        assert backend.input.fixed_batch is None

    @pytest.mark.parametrize(
        ("model", "shape"),
        [(Cnn, (3, None, None)), (Mlp, (16,)), (Functional, None)],
    )
    def test_a_scripted_file_declares_what_its_first_layer_fixes(self, model: type[nn.Module], shape, tmp_path: Path):
        for how in ("script", "frozen"):
            path = save(seeded(model()), tmp_path / f"{how}.pt", how, noise(1))
            assert open_model(path, CPU).input.shape == shape

    def test_channels_last_is_seen_through_the_permutation(self, tmp_path: Path):
        class ChannelsLast(Cnn):
            def forward(self, x: Tensor) -> Tensor:
                x = ((x - 0.5) / 0.25).permute(0, 3, 1, 2)
                return self.last(torch.relu(self.norm(self.convolution(x))).mean(dim=(2, 3)))

        path = save(seeded(ChannelsLast()), tmp_path / "m.pt", "script", noise(1))
        assert open_model(path, CPU).input.shape == (None, None, 3)

    def test_groups_count_in_the_channels(self, tmp_path: Path):
        path = save(seeded(nn.Conv2d(6, 4, 3, groups=2)), tmp_path / "m.pt", "script", noise(1))
        assert open_model(path, CPU).input.shape == (6, None, None)

    def test_a_batch_size_fixed_by_the_trace(self, tmp_path: Path):
        class Fixed(Mlp):
            def forward(self, x: Tensor) -> Tensor:
                return self.last(torch.relu(self.hidden(x.reshape(4, 16))))

        eager = seeded(Fixed())
        backend = open_model(save(eager, tmp_path / "m.pt", "trace", noise(4, 16)), CPU)
        assert backend.input.fixed_batch == 4
        x = noise(6, 16)
        torch.testing.assert_close(backend.scores(x), eager.logits(x).detach())
        torch.testing.assert_close(backend.embeddings(x), eager.penultimate(x).detach())
        x.requires_grad_()
        (gradient,) = torch.autograd.grad(backend.logits(x)[:, 1].sum(), x)
        (truth,) = torch.autograd.grad(eager.logits(x)[:, 1].sum(), x)
        torch.testing.assert_close(gradient, truth)

    @pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
    @pytest.mark.parametrize("how", ["script", "trace", "frozen"])
    def test_other_precisions(self, dtype: torch.dtype, how: str, tmp_path: Path):
        eager = seeded(Mlp()).to(dtype)
        backend = open_model(save(eager, tmp_path / "m.pt", how, noise(2, 16).to(dtype)), CPU)
        assert backend.input.dtype == dtype
        x = noise(4, 16)
        assert torch.equal(backend.scores(x), eager(x.to(dtype)).detach().float())
        assert backend.logits(x).dtype == backend.embeddings(x).dtype == torch.float32

    def test_whole_numbers_as_input_are_refused(self, tmp_path: Path):
        class Bytes(Mlp):
            def forward(self, x: Tensor) -> Tensor:
                return self.last(torch.relu(self.hidden(x / 255)))

        example = torch.zeros(2, 16, dtype=torch.int64)
        with pytest.raises(InputRefused, match="or uint8 input; found one traced with a LongStorage"):
            open_model(save(seeded(Bytes()), tmp_path / "m.pt", "trace", example), CPU)

    def test_work_in_place_leaves_the_data_alone(self, tmp_path: Path):
        class InPlace(Mlp):
            def forward(self, x: Tensor) -> Tensor:
                x -= 0.5
                return self.last(torch.relu(self.hidden(x)))

        backend = open_model(save(seeded(InPlace()), tmp_path / "m.pt", "script", noise(2, 16)), CPU)
        x = noise(4, 16).requires_grad_()
        (gradient,) = torch.autograd.grad(backend.logits(x).sum(), x)
        backend.scores(x)
        assert torch.equal(x, noise(4, 16))
        assert gradient.shape == x.shape


def test_files_optimised_for_inference(tmp_path: Path):
    eager = seeded(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.optimize_for_inference(torch.jit.script(eager)).save(str(tmp_path / "m.pt"))
    with pytest.raises(InputRefused, match="without optimize_for_inference"):
        open_model(tmp_path / "m.pt", CPU)


def test_quantised_files_have_no_gradient(tmp_path: Path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantised = torch.ao.quantization.quantize_dynamic(seeded(Mlp()), {nn.Linear})
    backend = open_model(save(quantised, tmp_path / "m.pt", "script", noise(2, 16)), CPU)
    assert isinstance(backend.gradient, NotMeasured)
    assert "quantized::linear_dynamic" in backend.gradient.not_measured


def test_opening_is_silent_and_sets_the_threads(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    paths = [save(seeded(Cnn()), tmp_path / f"{how}.pt", how, noise(2, 3, 8, 8)) for how in ("script", "trace")]
    capfd.readouterr()
    before = torch.get_num_threads()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for path in paths:
                backend = open_model(path, ModelOptions(device="cpu", threads=2))
                backend.logits(backend.embeddings(noise(1, 3, 8, 8)).new_zeros(1, 3, 8, 8))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert capfd.readouterr() == ("", "")
    assert backend.runtime.startswith("TorchScript, torch 2.")
    assert backend.runtime.endswith(", cpu")


@pytest.mark.parametrize("name", ["cuda:99", "gpu", "meta"])
def test_a_device_that_is_not_there(name: str):
    with pytest.raises(UsageError, match="expected --device to be auto or one of cpu"):
        torch_device(name)


class Named(nn.Module):
    """Labels before scores, under names."""

    def __init__(self) -> None:
        super().__init__()
        self.mlp = Mlp()

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        scores = self.mlp(x)
        return {"labels": scores.argmax(1), "probs": torch.softmax(scores, 1), "twice": 2 * scores}


class Nested(nn.Module):
    """A tuple with a list in it."""

    def __init__(self) -> None:
        super().__init__()
        self.mlp = Mlp()

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        scores = self.mlp(x)
        return scores.argmax(1), [scores, 2 * scores]


@pytest.mark.parametrize("how", ["script", "frozen"])
@pytest.mark.parametrize(
    ("model", "output", "expected"),
    [
        (Named, None, lambda z: torch.softmax(z, 1)),
        (Named, "twice", lambda z: 2 * z),
        (Nested, "1.0", lambda z: z),
        (Nested, "1.1", lambda z: 2 * z),
    ],
)
def test_scores_among_several_outputs(model, output, expected, how: str, tmp_path: Path):
    eager, x = seeded(model()), noise(3, 16)
    path = save(eager, tmp_path / "m.pt", how, noise(2, 16))
    backend = open_model(path, ModelOptions(device="cpu", output=output))
    torch.testing.assert_close(backend.scores(x), expected(eager.mlp(x)))
    torch.testing.assert_close(backend.embeddings(x), eager.mlp.penultimate(x))
    assert backend.head == ("logits" if output else "probabilities")


def test_an_output_that_is_not_there(tmp_path: Path):
    path = save(seeded(Named()), tmp_path / "m.pt", "script", noise(2, 16))
    with pytest.raises(UsageError, match="one of labels, probs, twice; found 'probabilities'"):
        open_model(path, ModelOptions(device="cpu", output="probabilities")).scores(noise(2, 16))
    with pytest.raises(InputRefused, match="floating-point scores"):
        open_model(path, ModelOptions(device="cpu", output="labels")).scores(noise(2, 16))


class Fields(NamedTuple):
    features: Tensor
    logits: Tensor


class Returning(nn.Module):
    """Features beside scores, in the form asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.mlp = Mlp()

    def parts(self, x: Tensor) -> tuple[Tensor, Tensor]:
        inner = self.mlp.penultimate(x)
        return inner, self.mlp.last(inner)


class EmbeddingFirst(Returning):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.parts(x)


class NormalisedFirst(Returning):
    def forward(self, x: Tensor) -> list[Tensor]:
        inner, scores = self.parts(x)
        return [nn.functional.normalize(inner), scores]


class LabelsFirst(Returning):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        scores = self.parts(x)[1]
        return scores.argmax(1), scores


class OtherNames(Returning):
    def forward(self, x: Tensor) -> dict[str, Tensor]:
        inner, scores = self.parts(x)
        return {"inner": inner, "cls": scores}


class InFields(Returning):
    def forward(self, x: Tensor) -> Fields:
        inner, scores = self.parts(x)
        return Fields(inner, scores)


class Detector(Returning):
    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"boxes": x.view(-1, 4, 4), "scores": x.view(-1, 4, 4).sum(2)}


@pytest.mark.parametrize("how", ["script", "frozen"])
@pytest.mark.parametrize(
    ("model", "chosen"),
    [(EmbeddingFirst, "1"), (NormalisedFirst, "1"), (LabelsFirst, "1"), (OtherNames, "cls"), (InFields, "logits")],
)
def test_what_stands_beside_the_scores_is_not_taken_for_them(model, chosen: str, how: str, tmp_path: Path):
    eager, x = seeded(model()), noise(3, 16)
    backend = open_model(save(eager, tmp_path / "m.pt", how, noise(2, 16)), CPU)
    torch.testing.assert_close(backend.scores(x), eager.mlp(x))
    torch.testing.assert_close(backend.embeddings(x), eager.mlp.penultimate(x))
    assert backend.facts.output.startswith(f"{chosen}: ")
    assert backend.facts.output.endswith("passed over")


def test_a_field_that_was_asked_for(tmp_path: Path):
    eager, x = seeded(InFields()), noise(3, 16)
    path = save(eager, tmp_path / "m.pt", "script", noise(2, 16))
    for name in ("logits", "1"):
        backend = open_model(path, ModelOptions(device="cpu", output=name))
        torch.testing.assert_close(backend.embeddings(x), eager.mlp.penultimate(x))


def test_a_detector_is_refused(tmp_path: Path):
    path = save(seeded(Detector()), tmp_path / "m.pt", "script", noise(2, 16))
    with pytest.raises(InputRefused, match="found outputs boxes, scores: a detector; audit a classifier"):
        open_model(path, CPU)


class OneColumn(nn.Module):
    """A column from the pixels themselves, with something before it."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def forward(self, x: Tensor) -> Tensor:
        if self.how == "tanh":
            x = torch.tanh(x)
        elif self.how == "branch" and bool(x.sum() > 0):
            x = x * 2
        return x.mean(1, keepdim=True)


@pytest.mark.parametrize(("how", "seen"), [("plain", False), ("tanh", True)])
def test_whether_a_graph_shows_what_squashes(how: str, seen: bool, tmp_path: Path):
    path = save(OneColumn(how).eval(), tmp_path / "m.pt", "trace", noise(2, 16))
    assert open_model(path, ModelOptions(device="cpu")).bounded_output is seen


def test_a_branch_hides_what_squashes(tmp_path: Path):
    path = save(OneColumn("branch").eval(), tmp_path / "m.pt", "script", noise(2, 16))
    assert open_model(path, ModelOptions(device="cpu")).bounded_output is not False
