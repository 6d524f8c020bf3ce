"""The gate: before an audit, that policy and baseline can be used at all; after it, or from results, the decision."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.cli.earlier import WITH_VERDICT
from auditor.cli.files import read_policy
from auditor.cli.github import add_to_summary, annotate
from auditor.cli.outputs import as_text, chosen_outputs, with_standing, write_outputs
from auditor.cli.partial import incomplete
from auditor.cli.terminal import printable
from auditor.documents.files import RESULTS, RUN, read_results, read_run, write_whole
from auditor.documents.results import Definition, Gate, Results, Rule, forecast, to_json
from auditor.errors import AuditError, InputRefused, UsageError

if TYPE_CHECKING:
    from auditor.policy.document import Policy

FAILED = 1
MARKS = {"pass": "pass", "warn": "warn", "fail": "FAIL", "not_measured": "FAIL", "waived": "waived"}
LAST_SECOND = 253402300799
"""Of the year 9999, the last that a date can have."""


@dataclass(frozen=True)
class Prepared:
    """A policy and a baseline that have been read and checked."""

    policy: Policy
    baseline: Results | None

    def decide(self, results: Results) -> Results:
        """The results with the gate.

        Raises:
            UsageError: the policy does not fit these results.
        """
        from auditor.policy.decide import decide

        return results.model_copy(update={"gate": decide(results, self.policy, self.baseline, today=today())})


def today() -> date:
    """The day on which waivers are looked at (UTC): that of SOURCE_DATE_EPOCH where it is set to a second of a date."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if epoch.isascii() and epoch.isdigit() and len(epoch) <= 12 and int(epoch) <= LAST_SECOND:
        return datetime.fromtimestamp(int(epoch), UTC).date()
    return datetime.now(UTC).date()


def prepared_gate(policy: Path | None, baseline: Path | None, folder: Path) -> Prepared | None:
    """Read and check policy and baseline before the work begins; None where no gate is asked for.

    Args:
        policy, baseline: files.
        folder: that the audit is to write to.
    Raises:
        UsageError: the policy is none, names what does not exist, or does not go with the baseline.
        InputRefused: the baseline is no results document of this version, a partial one, or a file of this audit's own.
    """
    if policy is None:
        if baseline is not None:
            raise UsageError("expected --policy with --baseline, whose rules use it; found none; give both or neither")
        return None
    from auditor.policy.decide import check_baseline
    from auditor.policy.document import check_policy

    read = read_policy(policy)
    check_baseline(read, has_baseline=baseline is not None)
    before = _read_baseline(baseline, folder) if baseline is not None else None
    check_policy(read, before.definitions if before is not None else _definitions(read))
    return Prepared(read, before)


def _read_baseline(path: Path, folder: Path | None) -> Results:
    """A baseline that is whole and that this command does not write over.

    Raises:
        InputRefused: it is not so, or it is no results document of this version.
    """
    from auditor.policy.alike import refuse_partial

    if folder is not None and _inside(path, folder):
        raise InputRefused(
            f"a baseline outside of {folder}, to which this command writes", str(path),
            "keep the accepted audit elsewhere: here the next run would compare the model with itself",
        )  # fmt: skip
    baseline = read_results(path)
    refuse_partial(baseline)
    return baseline


def _inside(path: Path, folder: Path) -> bool:
    """Whether a file lies in a folder, or is one of its files by another name."""
    if path.resolve().is_relative_to(folder.resolve()):
        return True
    try:
        return path.samefile(folder / RESULTS)
    except OSError:
        return False  # one of them is not there


def _refuse_own(path: Path, results: Results, baseline: Path, before: Results) -> None:
    """A candidate is not compared with itself, where nothing could ever be worse.

    Raises:
        InputRefused: the baseline is the candidate's own file, or a copy of it.
    """
    from auditor.policy.alike import same_run

    if path.samefile(baseline) or same_run(results, before):
        raise InputRefused(
            "the results of another audit as baseline", f"those of {path} itself",
            "give those of the accepted model's audit",
        )  # fmt: skip


def undecided(err: AuditError) -> Gate:
    """The gate of an audit whose policy turned out not to fit its results: failed, and why."""
    rule = Rule(
        id="policy", status="not_measured", observed="not decided", threshold="a policy that fits", message=str(err)
    )
    return Gate(status="failed", rules=[rule], failed=1)


def gate_again(
    path: Path, policy: Path, baseline: Path | None, folder: Path | None, formats: str, *, as_json: bool
) -> int:
    """Decide on results and print the rules; with a folder, write results and outputs with the new gate.

    Returns:
        0, or 1 where the gate failed.
    Raises:
        AuditIncomplete: the gate passes, on results that lack pairs that were asked for. Failed checks fail the gate,
            and results without any boundary instance, which have some, are refused where they lack them.
        AuditError: the policy, the results, the baseline or an output stood in the way.
    """
    if folder is not None:
        results = _decided_into(folder, path, policy, baseline, formats)
    elif chosen_outputs(formats):
        raise UsageError("expected --out DIR with --format; found none; say where to write")
    else:
        results = _decided(path, policy, baseline)
    if as_json:
        print(to_json(results.gate), end="")
    else:
        for line in gate_lines(results.gate):
            print(printable(line))
        annotate(results)  # not beside a JSON document, which a program reads
    add_to_summary(lambda: as_text("markdown", results))
    if results.gate.status == "failed":
        return FAILED
    if results.coverage.partial:
        raise incomplete(results)
    return 0


def _decided(path: Path, policy: Path, baseline: Path | None, folder: Path | None = None) -> Results:
    from auditor.policy.decide import check_baseline

    read = read_policy(policy)
    check_baseline(read, has_baseline=baseline is not None)
    prepared = Prepared(read, None if baseline is None else _read_baseline(baseline, folder))
    results = read_results(path)
    if baseline is not None and prepared.baseline is not None:
        _refuse_own(path, results, baseline, prepared.baseline)
    return prepared.decide(results)


def _decided_into(folder: Path, path: Path, policy: Path, baseline: Path | None, formats: str) -> Results:
    """Decide and write, so that nothing of an earlier decision is left in the folder whatever comes.

    In the folder of the results themselves, what else carries the decision is made again.

    Raises:
        AuditError: as ``gate_again``; results that stand in the folder then say that nothing is decided.
    """
    from auditor.cli.output_folder import ALL, OutputFolder, same_file
    from auditor.cli.progress import progress_display

    beside, run = same_file(path, folder / RESULTS), read_run(path.with_name(RUN))
    reads = {"--policy": policy, "--baseline": baseline, "RESULTS.json": None if beside else path}
    with OutputFolder(folder, ALL, reads, keep=lambda file: beside and file.name not in WITH_VERDICT) as out:
        trouble = None
        try:
            names = chosen_outputs(formats)
            decided = _decided(path, policy, baseline, folder)
        except AuditError as err:
            if not beside:
                raise
            names, trouble = [], err
            decided = read_results(path).model_copy(update={"gate": undecided(err)})
        out.prepare()
        write_whole(folder / RESULTS, to_json(decided).encode())
        with progress_display(quiet=True, verbose=False) as show:
            names = with_standing(names, out.removed if beside else [])
            write_outputs(names, decided, folder, run, show)
        if trouble is not None:
            raise trouble
    return decided


def gate_lines(gate: Gate) -> Iterator[str]:
    """The rules as a table, and under each that does not pass the reason."""
    rows = [("status", "rule", "observed", "threshold")]
    rows += [(MARKS[rule.status], rule.id, rule.observed, rule.threshold) for rule in gate.rules]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    for row, rule in zip(rows, [None, *gate.rules], strict=True):
        yield "  ".join([*(text.ljust(width) for text, width in zip(row[:3], widths, strict=True)), row[3]])
        if rule is not None and rule.status != "pass":
            yield f"{'':<{widths[0]}}  {rule.message}"
    yield f"gate {gate.status}: {tally(gate)}"


def tally(gate: Gate) -> str:
    """What became of how many rules, in words; "all rules hold" only where all do.

    >>> tally(Gate(status="passed", rules=[], holds=3, undecided=1, beyond=1))
    'of 4 rules 3 hold and 1 cannot be decided with this many samples; of 1 the observed value lies beyond its limit'
    """
    total = max(len(gate.rules), gate.holds + gate.undecided + gate.failed + gate.waived)
    only_warn = total - gate.holds - gate.undecided - gate.failed - gate.waived
    if gate.holds == total:
        return "all rules hold"
    parts = [f"{gate.holds} hold{_s(gate.holds)}"]
    if gate.undecided:
        parts.append(f"{gate.undecided} cannot be decided with this many samples{_needed(gate)}")
    if only_warn:
        parts.append(f"{only_warn} only warn{_s(only_warn)}")
    if gate.waived:
        parts.append(f"{gate.waived} {'is' if gate.waived == 1 else 'are'} waived")
    if gate.failed:
        parts.append(f"{gate.failed} failed")
    said = f"of {total} rules " + (", ".join(parts[:-1]) + f" and {parts[-1]}" if len(parts) > 1 else parts[0])
    return said + (f"; of {gate.beyond} the observed value lies beyond its limit" if gate.beyond else "")


def _s(count: int) -> str:
    return "s" if count == 1 else ""


def _needed(gate: Gate) -> str:
    """How many samples would decide all undecided rules, where that is known of each."""
    needed = [rule.needed_n for rule in gate.rules if rule.status == "warn" and rule.needed_n is not None]
    if not needed or len(needed) < gate.undecided:
        return ""
    return f" ({forecast(max(needed)).lower()} a place would)"


def _definitions(policy: Policy) -> dict[str, Definition]:
    """Definitions of all characteristics; none where the policy needs none, because the registry imports torch."""
    from auditor.policy.measures import FIXED

    if all(rule.measure in FIXED for rule in policy.rules):
        return {}
    from auditor.characteristics.base import characteristics

    return {id: definition for _, kind in characteristics.items() for id, definition in kind.definitions.items()}
