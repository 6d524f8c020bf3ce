"""What the functions of the public API return: an audit, a verdict on it, its comparison with another.

What the work needs is imported when it is asked for: importing this loads nothing heavy.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditor.api.arguments import File, Numbers, output_path
from auditor.api.from_python import CLASS, FILE, from_python, reworded
from auditor.errors import UsageError, did_you_mean
from auditor.untrusted_text import printable

if TYPE_CHECKING:
    from auditor.api.gates import PolicySource, Source
    from auditor.documents.comparison import Comparison
    from auditor.documents.results import Gate, Measured, Pair, Results, Rule, RunFacts
    from auditor.errors import AuditError


@dataclass(frozen=True, repr=False)
class Audit:
    """An audit that ran, or that was read from its files.

    Args:
        results: the document, ``results.json``.
        run: what differs from run to run, ``run.json``; None where that is not there.
        problem: the error with which the command ends although the audit ran: pairs are missing, or a check failed;
            None where the numbers count, and where the gate says so.
        written: files that it left.

    >>> import auditor
    >>> a = auditor.audit("sample_models/digits_fcn.onnx", "digits", pairs="3:9", profile="quick")
    >>> isinstance(a.results, auditor.Results), isinstance(a.pair("3", "9"), auditor.Pair)
    (True, True)
    >>> {type(a.measure(id, 3, 9)) for id in a.results.definitions} <= {auditor.Measure, auditor.NotMeasured}
    True
    >>> isinstance(a.results.definitions["margin_l2_attack"], auditor.Definition)
    True
    """

    results: Results
    run: RunFacts | None = None
    problem: AuditError | None = None
    written: tuple[Path, ...] = ()

    @property
    def pairs(self) -> list[Pair]:
        """The audited class pairs."""
        return self.results.pairs

    @from_python(a=CLASS, b=CLASS)
    def pair(self, a: str | int, b: str | int) -> Pair:
        """The pair of two classes, by name or index, in either order.

        Raises:
            UsageError: there is no such class, or the pair was not audited.
        """
        wanted = {self._index(a), self._index(b)}
        for pair in self.pairs:
            if set(pair.classes) == wanted:
                return pair
        audited = ", ".join(":".join(pair.names) for pair in self.pairs[:5]) + ", ..." * (len(self.pairs) > 5)
        raise UsageError(f'expected an audited pair ({audited}); found {a}:{b}; audit it, with pairs="{a}:{b}"')

    @from_python(source=CLASS, target=CLASS)
    def measure(self, id: str, source: str | int, target: str | int) -> Measured:
        """A measure from one class to another, or of the pair where it has no direction.

        Args:
            id: as in ``results.definitions``.
            source, target: classes by name or index.
        Returns:
            a ``Measure``, or ``NotMeasured`` with the reason.
        Raises:
            UsageError: there is no such measure, class or pair.
        """
        from auditor.documents.results import NotMeasured
        from auditor.policy.measure_places import nearest_measures

        known = self.results.definitions
        if id not in known:
            near = nearest_measures(id, known)
            hint = f"did you mean {near[0]}? " if near else f"there are {', '.join(known)}; "
            raise UsageError(f"expected a measure of this audit; found {id!r}; {hint}correct it")
        pair, start = self.pair(source, target), self._index(source)
        of = pair if known[id].scope == "pair" else next(d for d in pair.directions if d.source == start)
        return of.characteristics.get(id, NotMeasured(not_measured="these results have no such number"))

    def to_frame(self) -> Any:
        """A row for each measure of each direction, and of each pair as a whole: pair, direction, measure, value, ...

        Returns:
            a ``pandas.DataFrame`` where pandas is installed, otherwise a list of dictionaries. An end of an interval
            that is missing is open; a value that is missing has a ``reason``.
        """
        from auditor.api.tables import measure_rows, table

        return table(measure_rows(self.results), whole_numbers=("n",))

    def samples(self) -> Any:
        """A row for each sample, as in samples.csv; returned like ``to_frame``."""
        from auditor.api.tables import sample_rows, table

        return table(sample_rows(self.results))

    @from_python()
    def gate(self, policy: PolicySource, baseline: Source | None = None) -> Verdict:
        """Decide by a policy.

        Args:
            policy: a file, the keys and values of one, or a ``Policy``.
            baseline: the accepted audit, where rules refer to one.
        Raises:
            UsageError: the policy is none, or does not fit.
            InputRefused: the baseline cannot be used.
        """
        from auditor.api.gates import decided

        return Verdict(_audit_of(decided(self.results, policy, baseline), self.run))

    @from_python()
    def first_policy(self) -> str:
        """A policy that this audit passes, to begin with: the text of a file, with room for other seeds.

        Raises:
            InputRefused: no policy can be made of it.
        """
        from auditor.api.gates import first_policy_of

        return first_policy_of(self.results, "the first policy")[0]

    def compare(self, baseline: Source, **options: Any) -> AuditComparison:
        """This audit as a candidate against another; see ``auditor.compare`` for the options."""
        return compare(self, baseline, **options)

    @from_python()
    def report(self, path: File) -> Path:
        """Write one output: its name or its ending says which (.html, .pdf, .json, .csv, .md, .xml, .sarif).

        Raises:
            UsageError: there is no output of such a name, or no such folder.
            AuditIncomplete: it could not be written.
        """
        from auditor.api.outputs import write_one

        return write_one(Path(path), self.results, self.run)

    @from_python()
    def save(self, folder: File) -> Path:
        """Write results.json and run.json, for ``auditor.load``; returns the folder.

        Raises:
            UsageError: other files of these names are there.
            AuditIncomplete: they could not be written.
        """
        from auditor.api.output_folder import OutputFolder
        from auditor.documents.results import to_json
        from auditor.documents.whole_files import RESULTS, RUN, write_whole

        with OutputFolder(output_path(folder), (RESULTS, RUN), {}) as out:
            out.prepare()
            write_whole(out.path / RESULTS, to_json(self.results).encode())
            if self.run is not None:
                write_whole(out.path / RUN, to_json(self.run).encode())
            return out.path

    def _index(self, given: str | int) -> int:
        names = self.results.data.class_names
        if isinstance(given, str) and given in names:
            return names.index(given)
        if str(given).isdecimal() and int(given) < len(names):
            return int(given)
        raise UsageError(
            f"expected a class ({', '.join(names[:5])}{', ...' * (len(names) > 5)}) or its index; found {given!r};"
            f" {did_you_mean(str(given), names)}correct it"
        )

    def __repr__(self) -> str:
        model, data, gate = self.results.model.file, self.results.data.name, self.results.gate.status
        pairs = f"{len(self.pairs)} pair{'s' * (len(self.pairs) != 1)}"
        verdict = "" if gate == "not_configured" else f", gate {gate}"
        partial = ", partial" if self.results.coverage.partial else ""
        return f"<Audit of {printable(model)} on {printable(data)}: {pairs}{partial}{verdict}>"

    def _repr_html_(self) -> str:
        from auditor.api.notebook_fragment import fragment

        return fragment(self.results)


@dataclass(frozen=True)
class Verdict:
    """What a policy makes of an audit; its text is the table of rules.

    Args:
        audit: with the gate in its results, so that its report shows it.

    >>> import auditor
    >>> a = auditor.audit("sample_models/digits_fcn.onnx", "digits", pairs="3:9", profile="quick")
    >>> policy = auditor.Policy(version=1, rules=[{"measure": "performance.accuracy", "min": 0.99}])
    >>> verdict = a.gate(policy)
    >>> verdict.passed, verdict.exit_code, [rule.status for rule in verdict.outcomes][-1]
    (False, 1, 'fail')
    """

    audit: Audit

    def __bool__(self) -> bool:
        """Whether the gate passed, so that ``assert audit.gate(policy)`` asks what it seems to ask."""
        return self.passed

    @property
    def gate(self) -> Gate:
        """The decision, as it stands in results.json."""
        return self.audit.results.gate

    @property
    def outcomes(self) -> list[Rule]:
        """How each rule came out."""
        return self.gate.rules

    @property
    def exit_code(self) -> int:
        """That of ``deepdig-audit gate``: 0 passed, 1 failed, 4 passed on results that do not count."""
        if self.gate.status == "failed":
            return 1
        return 0 if self.audit.problem is None else self.audit.problem.exit_code

    @property
    def passed(self) -> bool:
        """Whether the gate passes, on results that count."""
        return self.exit_code == 0

    def __str__(self) -> str:
        from auditor.api.gates import gate_lines

        return "\n".join(map(printable, gate_lines(self.gate)))

    def _repr_html_(self) -> str:
        from auditor.api.notebook_fragment import lines

        return lines(str(self))


@dataclass(frozen=True)
class AuditComparison:
    """A candidate against a baseline; its text is what the command says.

    Args:
        comparison: the document, ``compare.json``.
        run: the candidate's, whose day the reports carry.

    >>> import auditor
    >>> a = auditor.audit("sample_models/digits_fcn.onnx", "digits", pairs="3:9", profile="quick")
    >>> a.compare(a).good
    True
    """

    comparison: Comparison
    run: RunFacts | None = None

    @property
    def good(self) -> bool:
        """Whether nothing speaks against the candidate."""
        return self.comparison.good

    @from_python()
    def report(self, path: File) -> Path:
        """Write one output: its name or its ending says which (.html, .pdf, .json, .md).

        Raises:
            UsageError: there is no output of such a name, or no such folder.
            AuditIncomplete: it could not be written.
        """
        from auditor.api.outputs import write_one

        return write_one(Path(path), self.comparison, self.run)

    def __repr__(self) -> str:
        sides = (self.comparison.candidate, self.comparison.baseline)
        models = " against ".join(printable(side.model.file) for side in sides)
        return f"<AuditComparison of {models}: {self.comparison.verdict}>"

    def __str__(self) -> str:
        from auditor.api.comparisons import said

        return "\n".join(map(printable, said(self.comparison)))

    def _repr_html_(self) -> str:
        from auditor.api.notebook_fragment import lines

        return lines(str(self))


@from_python(model=FILE)
def compare(
    candidate: Source,
    baseline: Source,
    *,
    allow_different_data: bool = False,
    model: File | None = None,
    instances: File | None = None,
    layout: str = "auto",
    mean: Numbers | None = None,
    std: Numbers | None = None,
    channels: str | None = None,
    output: str | None = None,
    output_kind: str | None = None,
    trust_model: bool = False,
    device: str = "auto",
    quiet: bool = True,
    verbose: bool = False,
) -> AuditComparison:
    """Compare the audit of a candidate with that of a baseline, pair by pair.

    Args:
        candidate, baseline: audits, or their results.json.
        allow_different_data: compare audits of different data; the comparison says so.
        model, instances: the candidate's file, and the baseline's boundary instances (``save_instances``): the
            candidate is asked about them. The options behind these have to be those of its audit.
    Raises:
        InputRefused: the two cannot be compared.
        AuditError: as ``audit``.

    >>> import auditor
    >>> a = auditor.audit("sample_models/digits_fcn.onnx", "digits", pairs="3:9", profile="quick")
    >>> auditor.compare(a, a).comparison.verdict
    'no_difference'
    """
    asked = dict(locals())
    from auditor.api.comparisons import compared

    return AuditComparison(compared(candidate, baseline, asked), getattr(candidate, "run", None))


@from_python()
def load(path: File) -> Audit:
    """An audit from its results.json, or from the folder that holds it, with run.json if that is there.

    Raises:
        InputRefused: there is no such file, or it is no results document of this version.

    >>> import auditor
    >>> a = auditor.audit("sample_models/digits_fcn.onnx", "digits", pairs="3:9", profile="quick")
    >>> auditor.load(a.save("audit")).results == a.results
    True
    >>> try:
    ...     auditor.load("none")
    ... except auditor.errors.AuditError as err:
    ...     print(err.exit_code)
    3
    """
    from auditor.documents.whole_files import RESULTS, RUN, read_results, read_run

    file = Path(path)
    file = file / RESULTS if file.is_dir() else file
    return _audit_of(read_results(file), read_run(file.with_name(RUN)))


def _audit_of(results: Results, run: RunFacts | None) -> Audit:
    from auditor.api.gates import ending

    problem = None if results.gate.status == "failed" else ending(results)
    return Audit(results, run, problem and reworded(problem))
