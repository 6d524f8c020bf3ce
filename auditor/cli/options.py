"""The options that several commands have, each declared once."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from auditor.cli.config import apply_config
from auditor.documents.profiles import PROFILES
from auditor.errors import UsageError


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


def output_path(value: str | Path) -> Path:
    """The path of an output; an empty one would be the working folder, which nobody named.

    Raises:
        UsageError: it is empty, or no path.
    """
    if not str(value).strip() or "\0" in str(value):
        raise UsageError("expected a place to write to; found an empty name or a null character; correct --out")
    return Path(value)


Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL", help="Model file (ONNX, TorchScript, .pt2) or Hugging Face folder.", show_default=False
    ),
]
LayoutOption = Annotated[Layout, typer.Option("--layout", help="Axis order of the model's input.")]
Mean = Annotated[
    str | None,
    typer.Option(metavar="X[,X...]", help="Subtracted from pixels in [0, 1], per channel or one for all."),
]
Std = Annotated[str | None, typer.Option(metavar="X[,X...]", help="Pixels are divided by it after --mean.")]
ChannelsOption = Annotated[
    Channels, typer.Option("--channels", help="Order of the colours that the model takes; --mean and --std follow it.")
]
Resize = Annotated[
    str | None,
    typer.Option(metavar="N|HxW", help="Shorter edge of images, or both edges; the model's size otherwise."),
]
Crop = Annotated[str | None, typer.Option(metavar="N|HxW", help="Keep the middle of each image after --resize.")]
InterpolationOption = Annotated[
    str | None,
    typer.Option("--interpolation", metavar="bilinear|bicubic|...", help="How --resize computes pixels; bilinear."),
]
Embedding = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Tensor to use as embedding; found in the graph otherwise."),
]
Output = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Output that holds the class scores; found in the model otherwise."),
]
TrustModel = Annotated[bool, typer.Option("--trust-model", help="Load a model file that can run code of its own.")]
OutputKindOption = Annotated[
    OutputKind | None,
    typer.Option("--output-kind", help="What the model's scores are; detected otherwise."),
]
Sha256 = Annotated[
    str | None,
    typer.Option(metavar="HEX", help="Refuse the model unless its SHA-256 is this."),
]
Device = Annotated[str, typer.Option(metavar="auto|cpu|cuda|cuda:N", help="Where to compute.")]

DATA_HELP = "digits, mnist, fashionmnist, cifar10, cifar100, a folder of images or an .npz file."
Data = Annotated[str, typer.Option(help=DATA_HELP, metavar="DATA", show_default=False)]
OptionalData = Annotated[str | None, typer.Option("--data", help=DATA_HELP, metavar="DATA")]
DataRoot = Annotated[Path, typer.Option(metavar="DIR", help="Where downloaded data sets are kept.")]
Download = Annotated[bool, typer.Option("--download/--no-download", help="Fetch a known data set once.")]
ClassNames = Annotated[
    str | None,
    typer.Option(metavar="A,B,...|FILE", help="Class names in the model's order, or a file with them."),
]
MaxSkip = Annotated[
    float, typer.Option(metavar="SHARE", min=0, max=1, help="Share of unreadable files that is tolerated.")
]

Pairs = Annotated[
    str, typer.Option(metavar="all|auto|A:B,...", help="Class pairs, by index or name; auto chooses those that matter.")
]
MaxPairs = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, help="Refuse more pairs than this (200), or let auto choose so many (60)."),
]
TimeBudget = Annotated[
    str | None,
    typer.Option("--time-budget", metavar="TIME", help="Such as 90s, 10m or 2h: audit as many pairs as fit."),
]
Generator = Annotated[
    str, typer.Option(metavar="deepdig|rpbs|epbs|gradient-free", help="How boundary instances are found.")
]
Profile = Annotated[
    str, typer.Option(metavar="|".join(PROFILES), help="Cost and precision; deepdig-audit list tells them apart.")
]
Samples = Annotated[
    int | None,
    typer.Option("--samples-per-class", metavar="N", min=2, help="Sources of each direction; the profile's otherwise."),
]
Seed = Annotated[int, typer.Option(metavar="N", min=0, max=2**32 - 1, help="Same seed, same numbers.")]

Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="DIR",
        help="Folder to write to, rid of earlier outputs; audit-MODEL otherwise.",
        parser=output_path,
    ),
]
Format = Annotated[str, typer.Option("--format", metavar="A,B,...", help="Outputs to write.")]
PolicyFile = Annotated[
    Path | None,
    typer.Option("--policy", metavar="FILE.toml", help="Decide by these rules; exit code 1 if the gate fails."),
]
NeededPolicy = Annotated[
    Path, typer.Option("--policy", metavar="FILE.toml", help="Rules to decide by.", show_default=False)
]
Baseline = Annotated[
    Path | None,
    typer.Option(metavar="RESULTS.json", help="Results that max_decrease and max_increase of the policy refer to."),
]
ReportPairs = Annotated[
    int, typer.Option(metavar="N", min=0, help="Pairs, the most fragile first, with a page of their own.")
]
Resume = Annotated[
    bool | None,
    typer.Option(
        "--resume/--no-resume",
        help="Go on from what an interrupted run of this user in the same folder finished; in CI only if asked for.",
    ),
]
SaveInstances = Annotated[bool, typer.Option("--save-instances", help="Also write the boundary instances as .npz.")]
Force = Annotated[
    bool, typer.Option("--force", help="Audit although labels or pixels cannot be those of the model's training.")
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
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Errors only.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Tracebacks, and what native libraries print.")]
