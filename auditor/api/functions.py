"""The functions of the public API. What they need is imported when they are called: importing them loads nothing heavy.

Their keyword arguments are the options of the command, of the same names, meanings and defaults: the command line is
made from these signatures.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditor.api.arguments import File, Numbers, defaults_of
from auditor.api.from_python import GENERATOR, WHOLE, from_python, reworded

if TYPE_CHECKING:
    from auditor.api.audit_objects import Audit
    from auditor.api.gates import PolicySource
    from auditor.boundary.base import BoundaryInstances, Generator
    from auditor.documents.inspection import Inspection
    from auditor.documents.results import Results
    from auditor.models.classifier import Classifier


@from_python()
def audit(
    model: object,
    data: object,
    *,
    data_root: File = Path(".cache/data"),
    download: bool = True,
    class_names: Sequence[str] | File | None = None,
    max_skip: float = 0.01,
    layout: str = "auto",
    mean: Numbers | None = None,
    std: Numbers | None = None,
    channels: str | None = None,
    resize: int | tuple[int, int] | str | None = None,
    crop: int | tuple[int, int] | str | None = None,
    interpolation: str | None = None,
    output: str | None = None,
    output_kind: str | None = None,
    embedding: str | None = None,
    expect_sha256: str | None = None,
    trust_model: bool = False,
    device: str = "auto",
    pairs: str | Sequence[str | tuple[str | int, str | int]] = "all",
    max_pairs: int | None = None,
    time_budget: float | str | None = None,
    jobs: int | str = "auto",
    engine: str = "local",
    engine_address: str | None = None,
    generator: str = "auto",
    profile: str = "standard",
    samples_per_class: int | None = None,
    seed: int = 0,
    out: File | None = None,
    format: str | Sequence[str] = "html,pdf,json,csv",
    policy: PolicySource | None = None,
    baseline: File | Results | Audit | None = None,
    report_pairs: int = 10,
    resume: bool | None = None,
    save_instances: bool = False,
    force: bool = False,
    quiet: bool = True,
    verbose: bool = False,
) -> Audit:
    """Audit the decision boundary of a trained classifier.

    A model file is opened by a sandboxed worker process, as by the command. A model that is an object of this process
    (a torch module, a function from samples to scores, a MAITE model) is audited here, and the results say so.

    Args:
        model: a file (ONNX, TorchScript, .pt2), a Hugging Face folder, or an object.
        data: a known name, a folder of images, an .npz file, arrays ``(x, y)`` or ``(x_train, y_train, x_test,
            y_test)``, or a data set of torch, Hugging Face or MAITE.
        out: folder for results.json, run.json and the outputs of ``format``, rid of earlier ones; an interrupted audit
            goes on from what it has there. None writes nothing.
        policy, baseline: decide by these; ``results.gate`` has the outcome. Files, or what they hold.
        quiet: no progress, no warnings on standard error.
        verbose: what native libraries print.
    All others are the options of the command, see ``deepdig-audit --help``: lists and tuples where it has commas,
    seconds or a text for ``time_budget``, pairs also as ``[("3", "9"), (0, 1)]``.

    Returns:
        the audit. ``problem`` is the error with which the command ends when pairs are missing or a check failed.
    Raises:
        UsageError: an argument is bad.
        InputRefused: this model or these data cannot be audited.
        AuditIncomplete: the worker died, or a file could not be written.

    >>> import auditor
    >>> a = auditor.audit("sample_models/digits_fcn.onnx", "digits", pairs="3:9", profile="quick")
    >>> a
    <Audit of digits_fcn.onnx on digits: 1 pair>
    >>> a.measure("margin_l2_attack", "3", "9").n
    24
    """
    asked = dict(locals())
    from auditor.api.run_audit import run_audit

    done = run_audit(asked, defaults_of(audit))
    if done.problem is not None:
        reworded(done.problem)
    return done


@from_python()
def inspect(
    model: File,
    data: object = None,
    *,
    data_root: File = Path(".cache/data"),
    download: bool = True,
    class_names: Sequence[str] | File | None = None,
    max_skip: float = 0.01,
    layout: str = "auto",
    mean: Numbers | None = None,
    std: Numbers | None = None,
    channels: str | None = None,
    resize: int | tuple[int, int] | str | None = None,
    crop: int | tuple[int, int] | str | None = None,
    interpolation: str | None = None,
    output: str | None = None,
    output_kind: str | None = None,
    embedding: str | None = None,
    expect_sha256: str | None = None,
    trust_model: bool = False,
    device: str = "auto",
    seed: int = 0,
    verbose: bool = False,
) -> Inspection:
    """What the tool sees in a model file, how it fits the data if they are given, and what an audit would cost.

    Args:
        model: a file or a Hugging Face folder; it is opened by a sandboxed worker process.
        data: as in ``audit``; None looks at the model alone.
    All others are those of ``audit``.

    Raises:
        AuditError: as ``audit``.

    >>> import auditor
    >>> auditor.inspect("sample_models/digits_fcn.onnx").format
    'onnx'
    """
    asked = dict(locals())
    from auditor.api.run_audit import run_inspection

    return run_inspection(asked, defaults_of(inspect))


def available() -> dict[str, dict[str, str]]:
    """What there is to choose from, plug-ins among it: by kind and name, in words, as ``deepdig-audit list`` shows it.

    >>> import auditor
    >>> "digits" in auditor.available()["data_sets"]
    True
    """
    from auditor.api.early_checks import need_model_packages

    need_model_packages("list")
    from auditor.api.available import everything

    return everything()


@from_python()
def open_model(
    path: File,
    samples: Any = None,
    *,
    layout: str = "auto",
    mean: Numbers | None = None,
    std: Numbers | None = None,
    channels: str = "rgb",
    output: str | None = None,
    output_kind: str | None = None,
    embedding: str | None = None,
    expect_sha256: str | None = None,
    trust_model: bool = False,
    device: str = "auto",
) -> Classifier:
    """A model file as a function from pixels to probabilities, opened in this process: no sandbox is around it.

    Args:
        path: ONNX, TorchScript or .pt2; what can run code of its own takes ``trust_model``.
        samples: some hundred real instances, ``(N, C, H, W)`` or ``(N, D)``, uint8 or float32 in [0, 1], on which it is
            measured whether scores are probabilities and gradients can be trusted. None takes noise of the shape that
            the file declares.
    All others are those of ``audit``.

    Returns:
        with ``probabilities``, ``predict``, ``logits`` and ``embeddings`` of float32 tensors in [0, 1].
    Raises:
        InputRefused: it is no classifier that can be read, or ``samples`` are missing where its shape is not declared.
        UsageError: an option contradicts the model.

    >>> import auditor, torch
    >>> model = auditor.open_model("sample_models/digits_fcn.onnx")
    >>> model.probabilities(torch.zeros(1, 64)).shape
    torch.Size([1, 10])
    """
    asked = dict(locals())
    from auditor.api.building_blocks import opened

    return opened(asked)


@from_python(source=WHOLE, target=WHOLE, generator=GENERATOR)
def boundary_instances(
    classifier: Classifier,
    x_source: Any,
    x_target: Any,
    *,
    source: int,
    target: int,
    generator: str | Generator = "deepdig",
    profile: str = "standard",
    seed: int = 0,
) -> BoundaryInstances:
    """Instances on the boundary from one class to another, each verified by the classifier itself.

    Args:
        classifier: from ``open_model``.
        x_source, x_target: samples of the two classes, ``(N, *shape)``, uint8 or float in [0, 1]; used are those that
            the classifier puts there.
        source, target: the classes, by index.
        generator: a known one, with the settings of ``profile``, or one made by hand.
        seed: same seed, same instances.
    Raises:
        InputRefused: the classifier puts none of the samples in their class, or lacks what the generator needs.

    >>> import auditor
    >>> from sklearn.datasets import load_digits
    >>> x, y = load_digits(return_X_y=True)
    >>> x = x / 16
    >>> model = auditor.open_model("sample_models/digits_fcn.onnx", x[:256])
    >>> found = auditor.boundary_instances(model, x[y == 3][:8], x[y == 9], source=3, target=9, profile="quick")
    >>> bool(((found.p_boundary[:, 3] - found.p_boundary[:, 9]).abs() < 1e-4).all())
    True
    """
    from auditor.api.building_blocks import generated

    return generated(classifier, (x_source, x_target), (source, target), generator, profile, seed)
