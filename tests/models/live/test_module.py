"""Modules in memory: what is seen of them is what a file of them shows, and they come back as they were."""

from __future__ import annotations

import copy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from auditor.documents.results import NotMeasured
from auditor.errors import InputRefused, UsageError
from auditor.models.base import ModelOptions
from auditor.models.live.module import digest, lent
from auditor.models.live.opening import LiveModel, class_names_of, open_live
from auditor.models.open import open_model

X = torch.rand(8, 1, 8, 8, generator=torch.Generator().manual_seed(0))


class Convolutions(nn.Module):
    """A small network with what differs between training and evaluation."""

    def __init__(self, end: nn.Module | None = None) -> None:
        super().__init__()
        self.first, self.norm, self.drop = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5)
        self.last, self.end = nn.Linear(4 * 36, 3), end or nn.Identity()

    def forward(self, x: Tensor) -> Any:
        return self.end(self.last(self.drop(torch.relu(self.norm(self.first(x)))).flatten(1)))


class Wandering(Convolutions):
    """Its course depends on its data, which no export follows."""

    def forward(self, x: Tensor) -> Any:
        return super().forward(x if float(x.sum()) > 0 else -x)


class Tokens(nn.Module):
    """Takes vectors only."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.last = nn.Linear(64, 5), nn.Linear(5, 3)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        assert x.dim() == 2, "vectors only"
        e = torch.relu(self.hidden(x))
        return {"features": e, "logits": self.last(e)}


class Wakeful(Convolutions):
    """Drops numbers in evaluation too."""

    def forward(self, x: Tensor) -> Any:
        return super().forward(nn.functional.dropout(x))


def opened(module: nn.Module, x: Tensor = X, **options: Any) -> LiveModel:
    return open_live(module, x, ModelOptions(**options))


@pytest.mark.parametrize("end", [None, nn.Softmax(1), nn.Sigmoid(), nn.LogSoftmax(1)])
def test_a_module_is_what_its_file_is(end: nn.Module | None, tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = Convolutions(end)
    with lent(module):
        torch.jit.save(torch.jit.trace(module, X), tmp_path / "net.pt")
        live, file = opened(module).backend, open_model(tmp_path / "net.pt", ModelOptions())
        assert (live.head, live.bounded_output) == (file.head, file.bounded_output)
        assert live.input.shape == (1, 8, 8)
        torch.testing.assert_close(live.scores(X), file.scores(X))
        torch.testing.assert_close(live.embeddings(X), file.embeddings(X))
        x, y = X.clone().requires_grad_(), X.clone().requires_grad_()
        torch.testing.assert_close(live.logits(x), file.logits(y))
        ours, theirs = (torch.autograd.grad(b.logits(z)[:, 1].sum(), z)[0] for b, z in ((live, x), (file, y)))
        torch.testing.assert_close(ours, theirs)


def test_a_module_that_cannot_be_followed_has_its_embedding_by_a_hook() -> None:
    module = Wandering(nn.Softmax(1))
    with lent(module):
        backend = opened(module).backend
        assert (backend.embedding, backend.head) == ("input of last", None)
        e = backend.embeddings(X)
        torch.testing.assert_close(torch.softmax(module.last(e), 1), backend.scores(X))
    assert not any(part._forward_pre_hooks for part in module.modules())


def test_without_a_linear_layer_there_is_no_embedding() -> None:
    class Sums(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.stack([x.sum((1, 2, 3)), -x.sum((1, 2, 3))], 1) * (1 if float(x.sum()) > 0 else 2)

    live = opened(Sums())
    assert isinstance(live.backend.embedding, NotMeasured)
    assert "cannot be followed" in live.backend.embedding.not_measured
    assert isinstance(live.sha256, NotMeasured)


def test_the_layout_is_learnt_and_the_scores_are_found_among_outputs() -> None:
    live = opened(Tokens())
    assert (live.layout, live.backend.input.shape) == ("flat", (64,))
    assert live.backend.scores(X.flatten(1)).shape == (8, 3)
    assert live.backend.embeddings(X.flatten(1)).shape == (8, 5)
    assert opened(Tokens(), output="features").backend.scores(X.flatten(1)).shape == (8, 5)


def state_of(module: nn.Module) -> list[Any]:
    return [
        [
            (name, part.training, dict(part._forward_hooks), dict(part._forward_pre_hooks))
            for name, part in module.named_modules()
        ],
        [(name, p.requires_grad, p.grad is None, id(p)) for name, p in module.named_parameters()],
        [(name, id(b)) for name, b in module.named_buffers()],
    ]


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("kind", [Convolutions, Wandering])
def test_a_module_comes_back_as_it_was(kind: type[nn.Module], error: type[BaseException] | None) -> None:
    module = kind()
    module.norm.eval()  # as in fine-tuning
    module.first.weight.requires_grad_(False)
    module.register_buffer("calls", torch.zeros(1))
    before, weights = state_of(module), copy.deepcopy(module.state_dict())
    try:
        with lent(module):
            assert not any(part.training for part in module.modules())
            backend = opened(module).backend
            backend.embeddings(X)
            module.calls += 1  # what a forward may do
            module.norm.running_mean = module.norm.running_mean + 1
            if error is not None:
                raise error
    except (ValueError, KeyboardInterrupt):
        assert error is not None
    assert state_of(module) == before
    assert all(torch.equal(value, weights[name]) for name, value in module.state_dict().items())


def test_the_digest_is_that_of_the_parameters() -> None:
    module = Convolutions()
    (before, size), again = digest(module), digest(copy.deepcopy(module))
    assert (before, size) == again
    assert size == sum(v.nbytes for v in module.state_dict().values())
    with torch.no_grad():
        module.last.bias[0] += 1e-3
    assert digest(module)[0] != before


def test_names_of_a_configuration() -> None:
    module = Convolutions()
    assert class_names_of(module) is None
    module.config = SimpleNamespace(id2label={0: "LABEL_0", 1: "LABEL_1"})  # type: ignore[assignment]
    assert class_names_of(module) is None
    module.config = SimpleNamespace(id2label={1: "dog", 0: "cat"})  # type: ignore[assignment]
    names = class_names_of(module)
    assert names is not None
    assert names.names == ("cat", "dog")


@torch.inference_mode()
def of_inference() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 3))


@pytest.mark.parametrize(
    ("make", "options", "error", "said"),
    [
        (lambda: nn.Sequential(nn.Flatten(), nn.LazyLinear(3)), {}, InputRefused, "has no content yet"),
        (of_inference, {}, InputRefused, "1.weight, which was made under torch.inference_mode"),
        (lambda: nn.Sequential(nn.Flatten(), nn.Linear(10, 3)), {}, InputRefused, "multiplied (8x64 and 10x3)"),
        (lambda: nn.Conv2d(1, 3, 3), {}, InputRefused, "output of shape (8, 3, 6, 6)"),
        (Convolutions, {"device": "meta"}, UsageError, "expected a module on meta; found it on cpu"),
        (Convolutions, {"embedding": "nothing"}, UsageError, "--embedding"),
        (Wandering, {"embedding": "last"}, UsageError, "torch.export can follow"),
        (Wakeful, {}, InputRefused, "in training mode (dropout); look at the module's forward"),
        (Tokens, {"output": "nothing"}, UsageError, "--output to be one of features, logits"),
    ],
)  # fmt: skip
def test_refusals_of_modules(make: Any, options: dict[str, Any], error: type[Exception], said: str) -> None:
    module = make()
    with pytest.raises(error) as refusal, lent(module):
        opened(module, **options)
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_what_is_a_files_content_is_better_given_as_a_file() -> None:
    with pytest.raises(InputRefused, match="give the path"):
        opened(torch.jit.trace(Convolutions().eval(), X))
