"""The commands. Each reads its options, hands over to the part that does the work, and says how it went."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from auditor import __version__
from auditor.cli import options as o
from auditor.cli.group import MAIN, MainJobGroup

app = typer.Typer(cls=MainJobGroup, add_completion=False, rich_markup_mode=None)


def _show_version(asked: bool) -> None:
    if asked:
        print(f"deepdig-audit {__version__}")
        raise typer.Exit


@app.callback()
def group(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Audit the decision boundary of a trained classifier and report on it."""


@app.command(MAIN, hidden=True)
def audit(
    ctx: typer.Context,
    model: o.Model,
    data: o.Data,
    data_root: o.DataRoot = Path(".cache/data"),
    download: o.Download = True,
    class_names: o.ClassNames = None,
    max_skip: o.MaxSkip = 0.01,
    layout: o.LayoutOption = o.Layout.auto,
    mean: o.Mean = None,
    std: o.Std = None,
    output: o.Output = None,
    output_kind: o.OutputKindOption = None,
    embedding: o.Embedding = None,
    expect_sha256: o.Sha256 = None,
    trust_model: o.TrustModel = False,
    device: o.Device = "auto",
    pairs: o.Pairs = "all",
    max_pairs: o.MaxPairs = None,
    time_budget: o.TimeBudget = None,
    generator: o.Generator = "deepdig",
    profile: o.Profile = "standard",
    samples_per_class: o.Samples = None,
    seed: o.Seed = 0,
    out: o.Out = None,
    formats: o.Format = "html,pdf,json",
    report_pairs: o.ReportPairs = 10,
    save_instances: o.SaveInstances = False,
    config: o.Config = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """Audit the decision boundary of a trained classifier: load, generate, characterise, report."""
    from auditor.cli.audit_job import run_audit
    from auditor.cli.planning import plan_from

    ctx.obj["verbose"] = verbose
    folder = out or Path(f"audit-{Path(model).stem}")
    run_audit(plan_from(ctx, folder), folder, formats, quiet=quiet, verbose=verbose)


@app.command()
def inspect(
    ctx: typer.Context,
    model: o.Model,
    data: o.OptionalData = None,
    data_root: o.DataRoot = Path(".cache/data"),
    download: o.Download = True,
    class_names: o.ClassNames = None,
    layout: o.LayoutOption = o.Layout.auto,
    mean: o.Mean = None,
    std: o.Std = None,
    output: o.Output = None,
    output_kind: o.OutputKindOption = None,
    embedding: o.Embedding = None,
    expect_sha256: o.Sha256 = None,
    trust_model: o.TrustModel = False,
    device: o.Device = "auto",
    seed: o.Seed = 0,
    as_json: o.Json = False,
    verbose: o.Verbose = False,
) -> None:
    """Show what the tool sees in a model, and how it fits the data if they are given."""
    from auditor.cli.inspect_job import show_inspection
    from auditor.cli.planning import plan_from

    ctx.obj["verbose"] = verbose
    show_inspection(plan_from(ctx), as_json=as_json, verbose=verbose)


@app.command()
def render(
    ctx: typer.Context,
    results: Annotated[Path, typer.Argument(metavar="RESULTS.json", show_default=False)],
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder to write to; that of the results otherwise.")
    ] = None,
    formats: o.Format = "html,pdf",
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """Make the report again from results alone: no model, no GPU."""
    from auditor.cli.render_job import render_again

    ctx.obj["verbose"] = verbose
    render_again(results, out or results.parent, formats, quiet=quiet)


@app.command("list")
def list_known() -> None:
    """Show the known data sets, generators, characteristics, outputs and profiles."""
    from auditor.cli.listing import print_known

    print_known()
