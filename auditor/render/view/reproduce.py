"""Reproduce: the exact command, settings, versions, hashes, device and cost."""

from __future__ import annotations

from dataclasses import dataclass

from auditor.documents.results import NotMeasured, Plugin
from auditor.render.names import display_name, display_text
from auditor.render.rounding import count
from auditor.render.view.lookups import Audit, generator_name
from auditor.render.view.page_parts import STATUSES, Cell, Column, Table, Term


@dataclass(frozen=True)
class Reproduce:
    """The section on doing it again."""

    again: str
    command: str
    settings: list[Term]
    parameters: list[Term]
    environment: list[Term]
    checks: Table


def reproduce(audit: Audit) -> Reproduce:
    """The section, from the results."""
    results, settings = audit.results, audit.results.settings
    shown = [
        Term("Profile", display_name(settings.profile)),
        Term("Seed", str(settings.seed)),
        Term("Device", display_name(settings.device)),
        Term("Generator", generator_name(audit)),
        Term("Pairs", display_text(settings.pairs, 200)),
        Term("Samples a class", count(settings.samples_per_class)),
        Term("Pairs with a page", count(settings.report_pairs)),
        Term(
            "Cost",
            f"{count(results.cost.forward)} forward and {count(results.cost.backward)} backward "
            "passes, counted in instances",
        ),
        Term(f"Model, {audit.digest_name}", results.model.digest(), code=True),
        Term("Data, fingerprint", display_text(results.data.fingerprint), code=True),
        Term(
            "Results",
            f"schema {results.schema_version}, {display_name(results.tool.name)} {display_name(results.tool.version)}",
        ),
    ]
    parameters = [
        Term(display_name(role), display_text(value, 900), code=True) for role, value in settings.parameters.items()
    ]
    parameters += [
        Term(display_name(f"{one.kind} {one.name}"), display_text(_brought(one), 900), code=True)
        for one in results.provenance.plugins
    ]
    environment = [Term(display_name(name), display_name(version)) for name, version in results.environment.items()]
    command = display_text(settings.command, 2000) if settings.command else ""
    return Reproduce(_again(audit), command, shown, parameters, environment, _checks(audit))


def _again(audit: Audit) -> str:
    """What has to be the same for the same numbers; an object of a program has no command line."""
    if audit.results.settings.command:
        return "The same command with the same versions on the same machine gives the same numbers."
    model, what = audit.results.model, "data were objects of a program"
    if model.in_memory:
        known = "" if isinstance(model.sha256, NotMeasured) else f", {audit.digest_name} {model.sha256}"
        what = f"model was an object of a program ({display_text(model.format + known)})"
    return (
        f"The {what}, so there is no command line: the same call with the same objects and versions on "
        "the same machine gives the same numbers."
    )


def _brought(plugin: Plugin) -> str:
    """Who brings a plug-in, and how it was configured."""
    brought = f"plug-in of {plugin.distribution} {plugin.version}" if plugin.distribution else "plug-in of the program"
    return f"{brought}: {plugin.settings}" if plugin.settings else brought


def _checks(audit: Audit) -> Table:
    columns = [Column("Check", numeric=False), Column("Outcome", numeric=False), Column("Finding", numeric=False)]
    rows = [
        [Cell(display_name(v.id.replace("_", " "))), Cell("", status=STATUSES[v.status]), Cell(display_text(v.message))]
        for v in audit.results.validity
    ]
    return Table("Checks of the audit", columns, rows)
