"""torch.export archives against the eager modules they were made from."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from auditor.documents.results import NotMeasured
from auditor.errors import InputRefused, UsageError
from auditor.models.base import ModelOptions
from auditor.models.open import open_file, open_model
from tests.models.torchscript.torchscript_files import Cnn, Convolutional, LogSoftmax, Mlp, Sigmoid, noise, seeded

TRUSTED = ModelOptions(device="cpu", trust_model=True)
MODELS = [
    (Mlp, (16,), "logits"),
    (Cnn, (3, 8, 8), "probabilities"),
    (Sigmoid, (16,), "sigmoid"),
    (Convolutional, (3, 8, 8), "logits"),
    (LogSoftmax, (16,), "logits"),
]


class Several(nn.Module):
    """An embedding, labels and scores under names, as frameworks return them."""

    def __init__(self) -> None:
        super().__init__()
        self.mlp = Mlp()

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        inner = self.mlp.penultimate(x)
        scores = self.mlp.last(inner)
        return {"embedding": inner, "labels": scores.argmax(1), "scores": scores, "wide": 2 * scores}


class Segmenter(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 5, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


def save(module: nn.Module, path: Path, example: Tensor, least: int | None = 1) -> Path:
    """Write an archive with a free batch axis of ``least`` instances or more, or a fixed one for None."""
    sizes: Any = None if least is None else ({0: torch.export.Dim("batch", min=least)},)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(torch.export.export(module, (example,), dynamic_shapes=sizes), path)
    return path


@pytest.mark.parametrize("least", [1, 4, None], ids=["any batch", "4 or more", "batch of 5"])
@pytest.mark.parametrize(("model", "shape", "head"), MODELS, ids=[model.__name__ for model, _, _ in MODELS])
def test_equals_the_eager_module(
    model: type[nn.Module], shape: tuple[int, ...], head: str, least: int | None, tmp_path: Path
) -> None:
    eager = seeded(model())
    backend = open_model(save(eager, tmp_path / "m.pt2", noise(5, *shape), least), TRUSTED)
    assert (backend.head, backend.input.shape) == (head, shape)
    assert backend.input.fixed_batch == (5 if least is None else None)
    for count in (1, 3, 7):
        x = noise(count, *shape)
        with torch.no_grad():
            torch.testing.assert_close(backend.scores(x), eager(x), rtol=1e-5, atol=1e-6)
            torch.testing.assert_close(backend.embeddings(x), eager.penultimate(x), rtol=1e-5, atol=1e-6)
    ours, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
    z, expected = backend.logits(ours), eager.logits(theirs)
    torch.testing.assert_close(z, expected, rtol=1e-5, atol=1e-6)
    weights = torch.linspace(-1, 2, z.shape[1])
    (gradient,) = torch.autograd.grad((z * weights).sum(), ours)
    (truth,) = torch.autograd.grad((expected * weights).sum(), theirs)
    torch.testing.assert_close(gradient, truth, rtol=1e-5, atol=1e-6)


def test_it_is_recognised_and_needs_trust(tmp_path: Path) -> None:
    path = save(seeded(Mlp()), tmp_path / "m.pt", noise(2, 16))
    with open_file(path) as file:
        assert file.format == "pt2"
    with pytest.raises(InputRefused, match="say --trust-model if you trust its source"):
        open_model(path, ModelOptions(device="cpu"))


def test_scores_are_found_among_several_outputs(tmp_path: Path) -> None:
    eager, x = seeded(Several()), noise(3, 16)
    path = save(eager, tmp_path / "m.pt2", noise(2, 16))
    torch.testing.assert_close(open_model(path, TRUSTED).scores(x), eager(x)["scores"])
    for name in ("scores", "embedding"):
        chosen = open_model(path, ModelOptions(device="cpu", trust_model=True, output=name))
        torch.testing.assert_close(chosen.scores(x), eager(x)[name])
    with pytest.raises(UsageError, match="one of embedding, labels, scores, wide; found 'score'"):
        open_model(path, ModelOptions(device="cpu", trust_model=True, output="score"))


def test_a_decomposed_program_and_what_it_says_of_itself(tmp_path: Path) -> None:
    eager, x = seeded(LogSoftmax()), noise(3, 16)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sizes = ({0: torch.export.Dim("batch")},)
        torch.export.save(torch.export.export(eager, (x,), dynamic_shapes=sizes).run_decompositions(), tmp_path / "m")
    backend = open_model(tmp_path / "m", TRUSTED)
    torch.testing.assert_close(backend.embeddings(x), eager.penultimate(x))
    assert backend.head == "logits"
    assert backend.facts.output == "_log_softmax: the only output"
    assert backend.facts.operators["aten::addmm"] == 2


def test_a_decomposed_program_in_training_mode_is_refused(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(Cnn().train(), (noise(2, 3, 8, 8),)).run_decompositions()
        torch.export.save(program, tmp_path / "m.pt2")
    with pytest.raises(InputRefused, match="in training mode"):
        open_model(tmp_path / "m.pt2", TRUSTED)


def test_an_embedding_that_was_asked_for(tmp_path: Path) -> None:
    path = save(seeded(Mlp()), tmp_path / "m.pt2", noise(2, 16))
    backend = open_model(path, ModelOptions(device="cpu", trust_model=True, embedding="linear"))
    assert backend.embeddings(noise(3, 16)).shape == (3, 8)
    with pytest.raises(UsageError, match="--embedding"):
        open_model(path, ModelOptions(device="cpu", trust_model=True, embedding="no such"))


def test_no_last_layer_is_said(tmp_path: Path) -> None:
    class Distances(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return -(x[:, None] - torch.eye(3, 16)).square().sum(2)

    backend = open_model(save(Distances().eval(), tmp_path / "m.pt2", noise(2, 16)), TRUSTED)
    assert isinstance(backend.embedding, NotMeasured)
    assert "no linear layer" in backend.embedding.not_measured


@pytest.mark.parametrize(
    ("module", "example", "words"),
    [
        (Cnn().train(), noise(2, 3, 8, 8), "in training mode"),
        (seeded(Segmenter()), noise(2, 3, 8, 8), r"found .*\(\?, 5, 6, 6\): a segmentation model"),
    ],
    ids=["training mode", "segmenter"],
)
def test_refusals(module: nn.Module, example: Tensor, words: str, tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match=words):
        open_model(save(module, tmp_path / "m.pt2", example), TRUSTED)


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    path = save(seeded(Mlp()), tmp_path / "m.pt2", noise(2, 16))
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b'"graph_module"', b'"graph_moduel"', 1))
    with pytest.raises(InputRefused):
        open_model(path, TRUSTED)


class OneColumn(nn.Module):
    """A column from the pixels themselves."""

    def __init__(self, squash: bool) -> None:
        super().__init__()
        self.squash = squash

    def forward(self, x: Tensor) -> Tensor:
        return (torch.tanh(x) if self.squash else x).mean(1, keepdim=True)


@pytest.mark.parametrize("squash", [False, True])
def test_whether_a_program_shows_what_squashes(squash: bool, tmp_path: Path):
    path = save(OneColumn(squash).eval(), tmp_path / "m.pt2", noise(2, 16))
    assert open_model(path, TRUSTED).bounded_output is squash
