"""The commands. Each reads its options, hands over to the part that does the work, and says how it went."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from auditor import __version__
from auditor.cli import options as o
from auditor.cli.group import MAIN, MainJobGroup
from auditor.cli.installed import need_model_packages
from auditor.errors import UsageError

app = typer.Typer(cls=MainJobGroup, rich_markup_mode=None)


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
    channels: o.ChannelsOption = o.Channels.rgb,
    resize: o.Resize = None,
    crop: o.Crop = None,
    interpolation: o.InterpolationOption = None,
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
    formats: o.Format = "html,pdf,json,csv",
    policy: o.PolicyFile = None,
    baseline: o.Baseline = None,
    report_pairs: o.ReportPairs = 10,
    resume: o.Resume = None,
    save_instances: o.SaveInstances = False,
    force: o.Force = False,
    config: o.Config = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> int:
    """Audit the decision boundary of a trained classifier: load, generate, characterise, decide, report."""
    from auditor.cli.audit_job import own_folder, run_audit
    from auditor.cli.planning import as_given, plan_from

    ctx.obj["verbose"] = verbose
    need_model_packages("an audit")
    reads = {"MODEL": model, "--data": data, "--policy": policy, "--baseline": baseline, "--config": config,
             "--class-names": class_names}  # fmt: skip
    with own_folder(
        out or Path(f"audit-{Path(model).name if os.path.isdir(model) else Path(model).stem}"), reads
    ) as folder:
        return run_audit(
            plan_from(ctx, folder.path), folder, formats, policy, baseline,
            command=as_given(ctx), resume=resume, quiet=quiet, verbose=verbose,
        )  # fmt: skip


@app.command()
def inspect(
    ctx: typer.Context,
    model: o.Model,
    data: o.OptionalData = None,
    data_root: o.DataRoot = Path(".cache/data"),
    download: o.Download = True,
    class_names: o.ClassNames = None,
    max_skip: o.MaxSkip = 0.01,
    layout: o.LayoutOption = o.Layout.auto,
    mean: o.Mean = None,
    std: o.Std = None,
    channels: o.ChannelsOption = o.Channels.rgb,
    resize: o.Resize = None,
    crop: o.Crop = None,
    interpolation: o.InterpolationOption = None,
    output: o.Output = None,
    output_kind: o.OutputKindOption = None,
    embedding: o.Embedding = None,
    expect_sha256: o.Sha256 = None,
    trust_model: o.TrustModel = False,
    device: o.Device = "auto",
    seed: o.Seed = 0,
    config: o.Config = None,
    as_json: o.Json = False,
    verbose: o.Verbose = False,
) -> None:
    """Show what the tool sees in a model, and how it fits the data if they are given."""
    from auditor.cli.inspect_job import show_inspection
    from auditor.cli.planning import plan_from

    ctx.obj["verbose"] = verbose
    need_model_packages("inspect")
    show_inspection(plan_from(ctx), as_json=as_json, verbose=verbose)


@app.command()
def render(
    ctx: typer.Context,
    results: o.ResultsFile,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="Folder to write to; that of the results otherwise.", parser=o.output_path
        ),
    ] = None,
    formats: o.Format = "html,pdf",
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """Make the report again from results alone: no model, no GPU."""
    from auditor.cli.render_job import render_again

    ctx.obj["verbose"] = verbose
    render_again(results, out or results.parent, formats, quiet=quiet)


@app.command()
def gate(
    ctx: typer.Context,
    results: o.ResultsFile,
    policy: o.NeededPolicy,
    baseline: o.Baseline = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Also write results.json with the new gate, and --format, there.",
            parser=o.output_path,
        ),
    ] = None,
    formats: o.Format = "json",
    as_json: o.Json = False,
    verbose: o.Verbose = False,
) -> int:
    """Decide again from results alone: exit code 0 if the gate passes, 1 if it fails."""
    from auditor.cli.gate_job import gate_again

    ctx.obj["verbose"] = verbose
    return gate_again(results, policy, baseline, out, formats, as_json=as_json)


@app.command("init-policy")
def init_policy(
    ctx: typer.Context,
    results: o.ResultsFile,
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE.toml", help="File to write.", parser=o.output_path)
    ] = Path("policy.toml"),
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """Write a first policy from an accepted audit, with limits that leave room for other seeds."""
    from auditor.cli.init_policy_job import write_first_policy
    from auditor.cli.output_folder import same_file

    ctx.obj["verbose"] = verbose
    if same_file(results, out):
        raise UsageError(f"expected another file than the results; found {out}; name another with --out")
    write_first_policy(results, out, force=force, quiet=quiet)


@app.command()
def compare(
    ctx: typer.Context,
    candidate: Annotated[Path, typer.Argument(metavar="CANDIDATE.json", show_default=False)],
    baseline: Annotated[Path, typer.Argument(metavar="BASELINE.json", show_default=False)],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write to.", parser=o.output_path)] = Path(
        "compare"
    ),
    formats: Annotated[
        str, typer.Option("--format", metavar="A,B,...", help="Outputs to write: html, pdf, json, markdown.")
    ] = "html,pdf,json",
    allow_different_data: Annotated[
        bool, typer.Option("--allow-different-data", help="Compare audits of different data; the report says so.")
    ] = False,
    model: Annotated[
        Path | None, typer.Option(metavar="MODEL", help="The candidate's file, to be asked about --instances.")
    ] = None,
    instances: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Boundary instances of the baseline (--save-instances).")
    ] = None,
    layout: o.LayoutOption = o.Layout.auto,
    mean: o.Mean = None,
    std: o.Std = None,
    channels: o.ChannelsOption = o.Channels.rgb,
    output: o.Output = None,
    output_kind: o.OutputKindOption = None,
    trust_model: o.TrustModel = False,
    device: o.Device = "auto",
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """Compare the audit of a candidate with that of a baseline, pair by pair."""
    from auditor.cli.compare_job import compare_results, kept_boundary
    from auditor.cli.earlier import OF_A_COMPARISON
    from auditor.cli.output_folder import OutputFolder

    ctx.obj["verbose"] = verbose
    kept = partial(kept_boundary, ctx, model, instances, quiet=quiet, verbose=verbose)
    reads = {"CANDIDATE.json": candidate, "BASELINE.json": baseline, "--model": model, "--instances": instances}
    with OutputFolder(out, OF_A_COMPARISON, reads) as folder:
        compare_results(
            candidate, baseline, folder, formats, kept, allow_different_data=allow_different_data, quiet=quiet
        )


@app.command("list")
def list_known() -> None:
    """Show the known data sets, generators, characteristics, outputs and profiles."""
    from auditor.cli.listing import print_known

    need_model_packages("list")
    print_known()
