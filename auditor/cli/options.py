"""The options of the commands, each declared once: how the arguments of jobs are called, read and explained."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from inspect import Parameter, Signature
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from auditor.api.arguments import defaults_of, output_path
from auditor.cli.config import apply_config
from auditor.documents.profiles import PROFILES

Command = TypeVar("Command", bound=Callable[..., Any])


class Layout(StrEnum):
    """Order of the axes in the model's input."""

    auto = "auto"
    nchw = "nchw"
    nhwc = "nhwc"


class Channels(StrEnum):
    """Order of the colours in the model's input."""

    rgb = "rgb"
    bgr = "bgr"


class OutputKind(StrEnum):
    """What the model's scores are."""

    logits = "logits"
    probabilities = "probabilities"
    sigmoid = "sigmoid"


class Engine(StrEnum):
    """Where class pairs are worked on."""

    local = "local"
    ray = "ray"


DATA_HELP = "digits, mnist, fashionmnist, cifar10, cifar100, a folder of images or an .npz file."


def folder(text: str) -> Any:
    """The option for a folder of outputs."""
    return typer.Option("--out", metavar="DIR", help=text, parser=output_path)


OptionalData = Annotated[str | None, typer.Option("--data", help=DATA_HELP, metavar="DATA")]
Format = Annotated[str, typer.Option("--format", metavar="A,B,...", help="Outputs to write.")]
Baseline = Annotated[
    Path | None,
    typer.Option(metavar="RESULTS.json", help="Results that max_decrease and max_increase of the policy refer to."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Errors only.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Tracebacks, and what native libraries print.")]
NeededPolicy = Annotated[
    Path, typer.Option("--policy", metavar="FILE.toml", help="Rules to decide by.", show_default=False)
]
Config = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.toml",
        help="Options from a file, by their long names; the command line wins.",
        callback=apply_config,
        is_eager=True,
    ),
]
ResultsFile = Annotated[Path, typer.Argument(metavar="RESULTS.json", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print a JSON document instead of text.")]
Candidate = Annotated[Path, typer.Argument(metavar="CANDIDATE.json", show_default=False)]
Accepted = Annotated[Path, typer.Argument(metavar="BASELINE.json", show_default=False)]
CandidateModel = Annotated[
    Path | None, typer.Option("--model", metavar="MODEL", help="The candidate's file, to be asked about --instances.")
]
ComparisonFormat = Annotated[
    str, typer.Option("--format", metavar="A,B,...", help="Outputs to write: html, pdf, json, markdown.")
]
OPTIONS: dict[str, Any] = {
    "model": Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help="Model file (ONNX, TorchScript, .pt2) or Hugging Face folder.", show_default=False
        ),
    ],
    "layout": Annotated[Layout, typer.Option("--layout", help="Axis order of the model's input.")],
    "mean": Annotated[
        str | None,
        typer.Option(metavar="X[,X...]", help="Subtracted from pixels in [0, 1], per channel or one for all."),
    ],
    "std": Annotated[str | None, typer.Option(metavar="X[,X...]", help="Pixels are divided by it after --mean.")],
    "channels": Annotated[
        Channels | None,
        typer.Option("--channels", help="Order of the colours that the model takes, rgb; --mean and --std follow it."),
    ],
    "resize": Annotated[
        str | None,
        typer.Option(metavar="N|HxW", help="Shorter edge of images, or both edges; the model's size otherwise."),
    ],
    "crop": Annotated[str | None, typer.Option(metavar="N|HxW", help="Keep the middle of each image after --resize.")],
    "interpolation": Annotated[
        str | None,
        typer.Option("--interpolation", metavar="bilinear|bicubic|...", help="How --resize computes pixels; bilinear."),
    ],
    "embedding": Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Tensor to use as embedding; found in the graph otherwise."),
    ],
    "output": Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Output that holds the class scores; found in the model otherwise."),
    ],
    "trust_model": Annotated[
        bool, typer.Option("--trust-model", help="Load a model file that can run code of its own.")
    ],
    "output_kind": Annotated[
        OutputKind | None,
        typer.Option("--output-kind", help="What the model's scores are; detected otherwise."),
    ],
    "expect_sha256": Annotated[
        str | None,
        typer.Option(metavar="HEX", help="Refuse the model unless its SHA-256 is this."),
    ],
    "device": Annotated[str, typer.Option(metavar="auto|cpu|cuda|cuda:N", help="Where to compute.")],
    "data": Annotated[str, typer.Option(help=DATA_HELP, metavar="DATA", show_default=False)],
    "data_root": Annotated[Path, typer.Option(metavar="DIR", help="Where downloaded data sets are kept.")],
    "download": Annotated[bool, typer.Option("--download/--no-download", help="Fetch a known data set once.")],
    "class_names": Annotated[
        str | None,
        typer.Option(metavar="A,B,...|FILE", help="Class names in the model's order, or a file with them."),
    ],
    "max_skip": Annotated[
        float, typer.Option(metavar="SHARE", min=0, max=1, help="Share of unreadable files that is tolerated.")
    ],
    "pairs": Annotated[
        str,
        typer.Option(metavar="all|auto|A:B,...", help="Class pairs, by index or name; auto chooses those that matter."),
    ],
    "max_pairs": Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Refuse more pairs than this (200), or let auto choose so many (60)."),
    ],
    "time_budget": Annotated[
        str | None,
        typer.Option("--time-budget", metavar="TIME", help="Such as 90s, 10m or 2h: screen all pairs, then go deep."),
    ],
    "jobs": Annotated[
        str,
        typer.Option(
            metavar="N|auto", help="Worker processes; auto takes as many as cores, memory and work allow, one on a GPU."
        ),
    ],
    "engine": Annotated[Engine, typer.Option("--engine", help="Where class pairs are worked on.")],
    "engine_address": Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT|auto", help="Of the cluster; RAY_ADDRESS, or a new one here, otherwise."),
    ],
    "generator": Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="How boundary instances are found (auto: deepdig, or pair-steps for large models); "
            "deepdig-audit list names all.",
        ),
    ],
    "profile": Annotated[
        str, typer.Option(metavar="|".join(PROFILES), help="Cost and precision; deepdig-audit list tells them apart.")
    ],
    "samples_per_class": Annotated[
        int | None,
        typer.Option(
            "--samples-per-class", metavar="N", min=2, help="Sources of each direction; the profile's otherwise."
        ),
    ],
    "seed": Annotated[int, typer.Option(metavar="N", min=0, max=2**32 - 1, help="Same seed, same numbers.")],
    "out": Annotated[Path | None, folder("Folder to write to, rid of earlier outputs; audit-MODEL otherwise.")],
    "format": Format,
    "policy": Annotated[
        Path | None,
        typer.Option("--policy", metavar="FILE.toml", help="Decide by these rules; exit code 1 if the gate fails."),
    ],
    "baseline": Baseline,
    "report_pairs": Annotated[
        int, typer.Option(metavar="N", min=0, help="Pairs, the most fragile first, with a page of their own.")
    ],
    "resume": Annotated[
        bool | None,
        typer.Option(
            "--resume/--no-resume",
            help="Go on from what an interrupted run of this user in the same folder finished; in CI only if "
            "asked for.",
        ),
    ],
    "save_instances": Annotated[
        bool, typer.Option("--save-instances", help="Also write the boundary instances as .npz.")
    ],
    "force": Annotated[
        bool, typer.Option("--force", help="Audit although labels or pixels cannot be those of the model's training.")
    ],
    "allow_different_data": Annotated[
        bool, typer.Option("--allow-different-data", help="Compare audits of different data; the report says so.")
    ],
    "instances": Annotated[
        Path | None, typer.Option(metavar="DIR", help="Boundary instances of the baseline (--save-instances).")
    ],
    "quiet": Quiet,
    "verbose": Verbose,
}
"""How the arguments of jobs stand on the command line, by their names; their defaults are those of the jobs."""


def options_of(job: Callable[..., Any], **own: Any) -> Callable[[Command], Command]:
    """Give a command the arguments of a job, with the same names and defaults.

    Args:
        job: of ``auditor.api.functions``.
        own: options by name that are declared otherwise than in ``OPTIONS``, or that the job has not; with a default in
            a tuple where it is not the job's.
    """

    def declare(command: Command) -> Command:
        parameters = [Parameter("ctx", Parameter.KEYWORD_ONLY, annotation=typer.Context)]
        for name, default in (defaults_of(job) | {n: None for n in own if n not in defaults_of(job)}).items():
            declared = own.get(name, OPTIONS.get(name))
            declared, default = declared if isinstance(declared, tuple) else (declared, default)
            parameters.append(Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=declared))
        command.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
        return command

    return declare
