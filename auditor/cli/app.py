"""The commands. Each reads its options, hands over to the public API, and says how it went."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from auditor import __version__
from auditor.api import audit_objects as audits
from auditor.api import functions as jobs
from auditor.api.arguments import defaults_of
from auditor.cli import options as o
from auditor.cli.group import MAIN, MainJobGroup
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
@o.options_of(jobs.audit, config=o.Config, quiet=(o.Quiet, False))
def audit(ctx: typer.Context, **asked: Any) -> int:
    """Audit the decision boundary of a trained classifier: load, generate, characterise, decide, report."""
    from auditor.api.gates import FAILED
    from auditor.api.outputs import as_text
    from auditor.api.progress import complain, say
    from auditor.api.run_audit import run_audit
    from auditor.cli.github import add_to_summary, annotate
    from auditor.cli.summary import failing, summary_lines

    ctx.obj["verbose"] = asked["verbose"]
    model = asked["model"]
    asked["out"] = asked["out"] or Path(f"audit-{Path(model).name if os.path.isdir(model) else Path(model).stem}")
    done = run_audit(asked, defaults_of(jobs.audit), shlex.join(["deepdig-audit", *ctx.obj["arguments"]]))
    annotate(done.results)
    add_to_summary(lambda: as_text("markdown", done.results))
    if not asked["quiet"]:
        for line in summary_lines(done.results, done.written):
            say(line)
    elif done.problem is None and done.results.gate.status == "failed":
        complain(failing(done.results.gate))
    if done.problem is not None:
        raise done.problem
    return FAILED if done.results.gate.status == "failed" else 0


@app.command()
@o.options_of(jobs.inspect, data=o.OptionalData, config=o.Config, as_json=(o.Json, False))
def inspect(ctx: typer.Context, as_json: bool, config: object, **asked: Any) -> None:
    """Show what the tool sees in a model, and how it fits the data if they are given."""
    from auditor.api.run_audit import run_inspection
    from auditor.cli.inspect_text import print_inspection

    ctx.obj["verbose"] = asked["verbose"]
    seen = run_inspection(asked, defaults_of(jobs.inspect))
    print_inspection(seen, as_json=as_json)


@app.command()
def render(
    ctx: typer.Context,
    results: o.ResultsFile,
    out: Annotated[Path | None, o.folder("Folder to write to; that of the results otherwise.")] = None,
    formats: o.Format = "html,pdf",
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """Make the report again from results alone: no model, no GPU."""
    from auditor.api.outputs import render_again

    ctx.obj["verbose"] = verbose
    _say_written(render_again(results, out or results.parent, formats, quiet=quiet), quiet)


@app.command()
def gate(
    ctx: typer.Context,
    results: o.ResultsFile,
    policy: o.NeededPolicy,
    baseline: o.Baseline = None,
    out: Annotated[Path | None, o.folder("Also write results.json with the new gate, and --format, there.")] = None,
    formats: o.Format = "json",
    as_json: o.Json = False,
    verbose: o.Verbose = False,
) -> int:
    """Decide again from results alone: exit code 0 if the gate passes, 1 if it fails."""
    from auditor.api import gates
    from auditor.api.outputs import as_text, chosen_outputs
    from auditor.api.progress import print_line
    from auditor.cli.github import add_to_summary, annotate
    from auditor.documents.results import to_json

    ctx.obj["verbose"] = verbose
    if out is None and chosen_outputs(formats):
        raise UsageError("expected --out DIR with --format; found none; say where to write")
    if out is None:
        decided = gates.decided(results, policy, baseline)
    else:
        decided = gates.decide_into(out, results, policy, baseline, formats)
    if as_json:
        print(to_json(decided.gate), end="")
    else:
        for line in gates.gate_lines(decided.gate):
            print_line(line)
        annotate(decided)  # not beside a JSON document, which a program reads
    add_to_summary(lambda: as_text("markdown", decided))
    if decided.gate.status != "failed" and (problem := gates.ending(decided)) is not None:
        raise problem
    return gates.FAILED if decided.gate.status == "failed" else 0


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
    from auditor.api.gates import write_first_policy
    from auditor.api.output_folder import same_file
    from auditor.api.progress import say

    ctx.obj["verbose"] = verbose
    if same_file(results, out):
        raise UsageError(f"expected another file than the results; found {out}; name another with --out")
    rules = len(write_first_policy(results, out, force=force).rules)
    if not quiet:
        say(f"wrote {out}, {rules} rules; read it, then: deepdig-audit MODEL --data DATA --policy {out}")


@app.command()
@o.options_of(
    audits.compare,
    candidate=o.Candidate, baseline=o.Accepted, out=(Annotated[Path, o.folder("Folder to write to.")], Path("compare")),
    formats=(o.ComparisonFormat, "html,pdf,json"), model=o.CandidateModel, quiet=(o.Quiet, False),
)  # fmt: skip
def compare(ctx: typer.Context, candidate: Path, baseline: Path, out: Path, formats: str, **asked: Any) -> None:
    """Compare the audit of a candidate with that of a baseline, pair by pair."""
    from auditor.api.comparisons import compare_into, said
    from auditor.api.outputs import as_text
    from auditor.api.progress import say
    from auditor.cli.github import add_to_summary

    ctx.obj["verbose"] = asked["verbose"]
    comparison, written = compare_into(out, candidate, baseline, formats, asked)
    add_to_summary(lambda: as_text("markdown", comparison))
    if not asked["quiet"]:
        for line in said(comparison):
            say(line)
    _say_written(written, asked["quiet"])


@app.command("list")
def list_known() -> None:
    """Show the known data sets, generators, characteristics, outputs and profiles."""
    from auditor.api.early_checks import need_model_packages
    from auditor.api.progress import print_line

    need_model_packages("list")
    from auditor.api.available import TITLES, everything

    for kind, lines in everything().items():
        print(TITLES[kind])
        width = max(map(len, lines), default=0)
        for name, text in lines.items():
            print_line(f"  {name:<{width}}  {text}")
        print()


def _say_written(files: list[Path], quiet: bool) -> None:
    from auditor.api.progress import say

    if not quiet:
        say(f"wrote {', '.join(map(str, files))}")
