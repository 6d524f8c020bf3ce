"""The gate: before an audit, that policy and baseline can be used at all; after it, or from results, the decision."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard

from auditor.api.output_folder import ALL, WITH_VERDICT, OutputFolder, same_file
from auditor.api.outputs import chosen_outputs, fixed_date, with_standing, write_outputs
from auditor.bounded_file import read_text
from auditor.documents.results import Definition, Gate, Results, Rule, forecast, to_json
from auditor.documents.whole_files import RESULTS, RUN, prepare_folder, read_results, read_run, write_whole
from auditor.errors import AuditError, AuditIncomplete, InputRefused, UsageError

if TYPE_CHECKING:
    from auditor.api.audit_objects import Audit
    from auditor.policy.document import Policy

FAILED = 1
MARKS = {"pass": "pass", "warn": "warn", "fail": "FAIL", "not_measured": "FAIL", "waived": "waived"}
PolicySource: TypeAlias = "str | os.PathLike[str] | Mapping[str, Any] | Policy"
"""A policy file, the keys and values of one, or a policy."""
Source: TypeAlias = "str | os.PathLike[str] | Results | Audit"
"""Results, the audit that has them, or the file that holds them."""


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
        from auditor.policy.gate_decision import decide

        return results.model_copy(update={"gate": decide(results, self.policy, self.baseline, today=today())})


def today() -> date:
    """The day on which waivers are looked at (UTC): that of SOURCE_DATE_EPOCH where it is set to a second of a date."""
    return fixed_date() or datetime.now(UTC).date()


def prepared_gate(policy: PolicySource | None, baseline: Source | None, folder: Path | None) -> Prepared | None:
    """Read and check policy and baseline before the work begins; None where no gate is asked for.

    Args:
        policy, baseline: files, or what they hold.
        folder: that the audit is to write to.
    Raises:
        UsageError: the policy is none, names what does not exist, or does not go with the baseline.
        InputRefused: the baseline is no results document of this version, a partial one, or a file of this audit's own.
    """
    if policy is None:
        if baseline is not None:
            raise UsageError("expected --policy with --baseline, whose rules use it; found none; give both or neither")
        return None
    from auditor.policy.document import check_policy

    prepared = _read(policy, baseline, folder)
    before = prepared.baseline
    check_policy(prepared.policy, before.definitions if before is not None else _definitions(prepared.policy))
    return prepared


def _read(policy: PolicySource, baseline: Source | None, folder: Path | None) -> Prepared:
    from auditor.policy.gate_decision import check_baseline

    read = read_policy(policy)
    check_baseline(read, has_baseline=baseline is not None)
    return Prepared(read, None if baseline is None else _read_baseline(baseline, folder))


def read_policy(policy: PolicySource) -> Policy:
    """A policy from its file, from the keys and values of one, or as it is.

    Raises:
        UsageError: it cannot be read or is no policy.
    """
    from auditor.policy.document import Policy, parse_policy, policy_from

    if isinstance(policy, Policy):
        policy = policy.model_dump(exclude_unset=True)  # its rules may still have equal names
    if isinstance(policy, Mapping):
        return policy_from(policy, "the policy")
    try:
        text = read_text(Path(policy))
    except OSError as err:
        raise UsageError(f"expected a policy file; found {policy}: {err.strerror}; check --policy") from err
    return parse_policy(text, str(policy))


def _read_baseline(baseline: Source, folder: Path | None) -> Results:
    """A baseline that is whole and that this command does not write over.

    Raises:
        InputRefused: it is not so, or it is no results document of this version.
    """
    from auditor.policy.baseline_alike import refuse_partial

    if folder is not None and is_file(baseline) and _inside(Path(baseline), folder):
        raise InputRefused(
            f"a baseline outside of {folder}, to which this command writes", str(baseline),
            "keep the accepted audit elsewhere: here the next run would compare the model with itself",
        )  # fmt: skip
    before = results_of(baseline)
    refuse_partial(before)
    return before


def results_of(source: Source) -> Results:
    """Results, read where they are a file.

    Raises:
        InputRefused: it holds none.
    """
    if isinstance(source, str | os.PathLike):
        return read_results(Path(source))
    return source if isinstance(source, Results) else source.results


def is_file(source: Source) -> TypeGuard[str | os.PathLike[str]]:
    """Whether results are still to be read."""
    return isinstance(source, str | os.PathLike)


def _inside(path: Path, folder: Path) -> bool:
    """Whether a file lies in a folder, or is one of its files by another name."""
    if path.resolve().is_relative_to(folder.resolve()):
        return True
    try:
        return path.samefile(folder / RESULTS)
    except OSError:
        return False  # one of them is not there


def decided(results: Source, policy: PolicySource, baseline: Source | None, folder: Path | None = None) -> Results:
    """Results with the gate of a policy.

    Args:
        results, policy, baseline: files, or what they hold.
        folder: that is written to.
    Raises:
        UsageError: the policy is none, or does not fit.
        InputRefused: the results, or the baseline, cannot be used, or both are of one audit.
    """
    prepared = _read(policy, baseline, folder)
    candidate = results_of(results)
    if baseline is not None and prepared.baseline is not None:
        _refuse_own(results, candidate, baseline, prepared.baseline)
    return prepared.decide(candidate)


def _refuse_own(source: Source, results: Results, baseline: Source, before: Results) -> None:
    """A candidate is not compared with itself, where nothing could ever be worse.

    Raises:
        InputRefused: the baseline is the candidate's own file, or a copy of it.
    """
    from auditor.policy.baseline_alike import same_run

    of = str(source) if is_file(source) else "the audit"
    if (is_file(source) and is_file(baseline) and os.path.samefile(source, baseline)) or same_run(results, before):
        raise InputRefused(
            "the results of another audit as baseline", f"those of {of} itself",
            "give those of the accepted model's audit",
        )  # fmt: skip


def undecided(err: AuditError) -> Gate:
    """The gate of an audit whose policy turned out not to fit its results: failed, and why."""
    rule = Rule(
        id="policy", status="not_measured", observed="not decided", threshold="a policy that fits", message=str(err)
    )
    return Gate(status="failed", rules=[rule], failed=1)


def decide_into(folder: Path, path: Path, policy: Path, baseline: Path | None, formats: str) -> Results:
    """Decide and write, so that nothing of an earlier decision is left in the folder whatever comes.

    In the folder of the results themselves, what else carries the decision is made again.

    Raises:
        AuditError: as ``decided``, or an output stood in the way; results that stand in the folder then say that
            nothing is decided.
    """
    beside, run = same_file(path, folder / RESULTS), read_run(path.with_name(RUN))
    reads = {"--policy": policy, "--baseline": baseline, "RESULTS.json": None if beside else path}
    with OutputFolder(folder, ALL, reads, keep=lambda file: beside and file.name not in WITH_VERDICT) as out:
        trouble = None
        try:
            names = chosen_outputs(formats)
            new = decided(path, policy, baseline, folder)
        except AuditError as err:
            if not beside:
                raise
            names, trouble = [], err
            new = read_results(path).model_copy(update={"gate": undecided(err)})
        out.prepare()
        write_whole(folder / RESULTS, to_json(new).encode())
        write_outputs(with_standing(names, out.removed if beside else []), new, folder, run)
        if trouble is not None:
            raise trouble
    return new


def ending(results: Results) -> AuditIncomplete | None:
    """The error that results end a command with whose gate, if there is one, passes; None where they count."""
    from auditor.policy.believable import unusable

    return incomplete(results) if results.coverage.partial and not _deep_enough(results) else unusable(results)


def _deep_enough(results: Results) -> bool:
    """Whether an audit is partial for nothing but levels, and its policy says that these suffice."""
    from auditor.policy.coverage import LEVEL

    coverage = results.coverage
    accepted = any(rule.id == LEVEL and rule.status == "pass" for rule in results.gate.rules)
    return accepted and bool(coverage.audited) and not coverage.missing


def incomplete(results: Results) -> AuditIncomplete:
    """What a partial audit lacks, and why, as the error that ends the command."""
    coverage = results.coverage
    names = results.data.class_names
    listed = ", ".join(f"{names[a]}:{names[b]}" for a, b in coverage.missing[:5]) + (
        ", ..." if len(coverage.missing) > 5 else ""
    )
    without = f", without {listed}" if listed else ""
    without += f", {len(coverage.shallow):,} of them not in full" if coverage.shallow else ""
    reason = f" ({coverage.reason})" if coverage.reason else ""
    return AuditIncomplete(
        f"expected {coverage.requested:,} pairs of classes; found {coverage.audited:,} audited{without}{reason};"
        " the files hold what is finished: audit again, with a larger --time-budget or without one, to go on from there"
    )


def first_policy_of(results: Source, where: str) -> tuple[str, Policy]:
    """A first policy that accepted results pass: the text of its file, and what that says.

    Raises:
        InputRefused: the results cannot be read or make no policy that they pass.
    """
    from auditor.policy.document import parse_policy
    from auditor.policy.first_policy import first_policy
    from auditor.policy.gate_decision import decide
    from auditor.policy.waivers import FAILING

    accepted = results_of(results)
    text = first_policy(accepted)
    policy = parse_policy(text, where)
    gate = decide(accepted, policy)
    if gate.status != "passed":
        failed = next(rule for rule in gate.rules if rule.status in FAILING)
        raise InputRefused(
            "results that pass the policy made from them", f"{failed.id}: {failed.message}", "audit again and use that"
        )
    return text, policy


def write_first_policy(results: Source, out: Path, *, force: bool) -> Policy:
    """Write a policy that the results pass.

    Raises:
        UsageError: there is a file already.
        AuditError: the results cannot be read or make no policy, or the file cannot be written.
    """
    if os.path.lexists(out) and not force:
        raise UsageError(f"expected no file at {out}; found one; name another with --out, or overwrite it with --force")
    text, policy = first_policy_of(results, str(out))
    prepare_folder(out.parent)
    write_whole(out, text.encode())
    return policy


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
    from auditor.policy.measure_places import FIXED

    if all(rule.measure in FIXED for rule in policy.rules):
        return {}
    from auditor.characteristics.base import characteristics

    for name in sorted({part for rule in policy.rules for part in rule.measure.split(".")}):
        characteristics.refuse_broken(name)
    return {id: definition for _, kind in characteristics.items() for id, definition in kind.definitions.items()}
