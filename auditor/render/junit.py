"""``junit.xml``: the audit as test suites, for the test report of a CI service.

Four suites: validity (a case for each check), gate (a case for each rule), performance (accuracy, calibration, each
class) and pairs (a case for each class pair, which fails with a rule that fails there). Every number is a property of
its suite; a case says its own in its output. A warning is no failure: it stands in the output of its case.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree import ElementTree

from auditor.documents.results import Measured, NotMeasured, Pair, Results, Rule
from auditor.render.base import output
from auditor.render.names import display_name, display_text
from auditor.render.rounding import shown
from auditor.render.view.depth import depth_of
from auditor.untrusted_text import visible

TOOL = "deepdig-audit"


@dataclass(frozen=True)
class Case:
    """One test case: what it says, and why it failed or was skipped if it did."""

    name: str
    said: str
    failure: str = ""
    kind: str = ""
    skipped: str = ""


@dataclass(frozen=True)
class Suite:
    """One test suite with its numbers."""

    name: str
    cases: list[Case]
    properties: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class JunitOutput:
    """Validity, gate, performance and pairs as JUnit XML."""

    file_name: str = "junit.xml"
    summary: str = "checks, rules and pairs as test cases, for the test report of a CI service"

    def render(self, results: Results, created: datetime.date | None = None) -> bytes:
        """The document as UTF-8, with the date as the time stamp of every suite."""
        suites = [_validity(results), _gate(results), _performance(results), _pairs(results)]
        root = ElementTree.Element("testsuites", {"name": TOOL, **_totals([c for s in suites for c in s.cases])})
        for suite in suites:
            _add(root, suite, created)
        for element in root.iter():  # XML has no way to say most control characters, whichever field they are from
            element.attrib.update({name: visible(value) for name, value in element.attrib.items()})
            element.text = element.text and visible(element.text, keep="\n")
        ElementTree.indent(root)
        return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"


def _validity(results: Results) -> Suite:
    cases = [
        Case(display_name(check.id), f"{check.status}: {display_text(check.message)}",
             *((display_text(check.message), "invalid") if check.status == "fail" else ()))
        for check in results.validity
    ]  # fmt: skip
    facts = {
        "model.file": display_name(results.model.file), "model.sha256": results.model.digest(),
        "data.name": display_name(results.data.name), "data.fingerprint": results.data.fingerprint,
        "settings.profile": display_name(results.settings.profile), "settings.seed": str(results.settings.seed),
    }  # fmt: skip
    return Suite("validity", cases, facts)


def _gate(results: Results) -> Suite:
    cases: list[Case] = []
    properties: dict[str, str] = {"gate.status": results.gate.status}
    for rule in results.gate.rules:
        id, said = display_name(rule.id), _said(rule)
        failed = rule.status in ("fail", "not_measured")
        # A service that counts skipped tests shows a waiver by its message, and a gate that passes stays green.
        if rule.status == "waived":
            cases.append(Case(id, said, skipped=display_text(rule.message)))
        else:
            cases.append(Case(id, said, *((display_text(rule.message), rule.status) if failed else ())))
        for key in ("value", "ci_low", "ci_high", "limit"):
            if (number := getattr(rule, key)) is not None:
                properties[f"{id}.{key}"] = repr(number)
    return Suite("gate", cases, properties)


def _said(rule: Rule) -> str:
    return f"{rule.status}: {display_text(rule.message)} Threshold: {display_name(rule.threshold)}."


def _performance(results: Results) -> Suite:
    found = results.performance
    named = {"accuracy": found.accuracy, "ece": found.ece}
    named |= {f"accuracy of class {c.index} ({display_name(c.name)})": c.accuracy for c in found.per_class}
    cases = [_measured_case(name, measure) for name, measure in named.items()]
    return Suite("performance", cases, {k: v for name, m in named.items() for k, v in _numbers(name, m)})


def _pairs(results: Results) -> Suite:
    failed: dict[tuple[int, ...], list[Rule]] = {}
    for rule in results.gate.rules:
        if rule.status == "fail" and len(rule.classes) == 2:
            failed.setdefault(tuple(sorted(rule.classes)), []).append(rule)
    cases: list[Case] = []
    properties: dict[str, str] = {}
    for pair in results.pairs:
        cases.append(_pair(pair, results.summary.ranked_by, failed.get(tuple(sorted(pair.classes)), [])))
        for d in pair.directions:
            place = f"{d.source}-{d.target}"
            properties.update(_numbers(f"{place}.success_rate", d.generation.success_rate))
            for id, measure in d.characteristics.items():
                properties.update(_numbers(f"{place}.{display_name(id)}", measure))
    return Suite("pairs", cases, properties)


def _pair(pair: Pair, ranked_by: str, failed: list[Rule]) -> Case:
    said = depth_of(pair)
    for d in pair.directions:
        names = dict(zip(pair.classes, map(display_name, pair.names), strict=True))
        found = d.characteristics.get(ranked_by, NotMeasured(not_measured="no such number"))
        said.append(f"{names[d.source]} to {names[d.target]}: {d.generation.boundary} of {d.generation.requested} "
                    f"sources reached the boundary; {ranked_by} {_text(found)}")  # fmt: skip
    a, b = map(display_name, pair.names)
    name = f"{pair.classes[0]}-{pair.classes[1]} ({a} and {b})"
    if failed:
        return Case(name, "\n".join(said), " ".join(display_text(rule.message) for rule in failed), "fail")
    return Case(name, "\n".join(said))


def _measured_case(name: str, measure: Measured) -> Case:
    if isinstance(measure, NotMeasured):
        return Case(name, _text(measure), skipped=display_text(measure.not_measured))
    return Case(name, _text(measure))


def _text(measure: Measured) -> str:
    if isinstance(measure, NotMeasured):
        return f"not measured: {display_text(measure.not_measured)}"
    text = shown(measure)
    return f"{text.full} {text.unit}, n {measure.n}"


def _numbers(name: str, measure: Measured) -> Iterator[tuple[str, str]]:
    if isinstance(measure, NotMeasured):
        yield f"{name}.not_measured", display_text(measure.not_measured)
    else:
        yield name, repr(measure.value)
        for end in ("ci_low", "ci_high"):  # an open end has no number
            if (number := getattr(measure, end)) is not None:
                yield f"{name}.{end}", repr(number)
        yield f"{name}.n", str(measure.n)


def _totals(cases: list[Case]) -> dict[str, str]:
    return {
        "tests": str(len(cases)), "failures": str(sum(bool(c.kind) for c in cases)), "errors": "0",
        "skipped": str(sum(bool(c.skipped) for c in cases)), "time": "0",
    }  # fmt: skip


def _add(root: ElementTree.Element, suite: Suite, created: datetime.date | None) -> None:
    attributes = {"name": f"{TOOL}.{suite.name}", **_totals(suite.cases), "hostname": "localhost"}
    if created is not None:
        attributes["timestamp"] = f"{created.isoformat()}T00:00:00"
    element = ElementTree.SubElement(root, "testsuite", attributes)
    if suite.properties:
        properties = ElementTree.SubElement(element, "properties")
        for name, value in suite.properties.items():
            ElementTree.SubElement(properties, "property", {"name": name, "value": value})
    for case in suite.cases:
        attributes = {"classname": f"{TOOL}.{suite.name}", "name": case.name, "time": "0"}
        child = ElementTree.SubElement(element, "testcase", attributes)
        if case.kind:
            failure = ElementTree.SubElement(child, "failure", {"message": case.failure, "type": case.kind})
            failure.text = case.failure
        elif case.skipped:
            ElementTree.SubElement(child, "skipped", {"message": case.skipped})
        ElementTree.SubElement(child, "system-out").text = case.said


output("junit")(JunitOutput())
