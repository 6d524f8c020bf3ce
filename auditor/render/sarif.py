"""``results.sarif``: what stands against the model, as findings of a static analysis (SARIF 2.1.0).

A finding for each rule of the gate that fails, warns or could not be measured, and for each validity check that is not
ok; an audit without any has no results. A finding keeps its fingerprint from audit to audit of one model file on one
data set, whatever its numbers and wherever the repository is checked out, so that a code-scanning service tracks it. It
lies on the first line of the model file, whose path from the repository's root tells two files of one name apart.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from auditor.documents.results import Results, Rule, Waiver
from auditor.render.base import output
from auditor.render.names import display_name, display_text
from auditor.untrusted_text import json_text

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {"fail": "error", "not_measured": "error", "waived": "error", "warn": "warning"}


ROOT = "%SRCROOT%"
"""What code-scanning services call the root of the repository."""


@dataclass(frozen=True)
class SarifOutput:
    """Rules and checks that do not pass, as SARIF.

    Args:
        model_path: of the model file from the repository's root; empty where only its name is known.
    """

    file_name: str = "results.sarif"
    summary: str = "what stands against the model, for a code-scanning service (SARIF 2.1.0)"
    model_path: str = ""

    def placed(self, model_path: str) -> SarifOutput:
        """The same output for a model file at this place."""
        return replace(self, model_path=model_path)

    def render(self, results: Results, created: datetime.date | None = None) -> bytes:
        """The document as UTF-8 JSON; ``created`` is not part of it."""
        document = {
            "$schema": SCHEMA,
            "version": "2.1.0",
            "runs": [_run(results, self.model_path or results.model.file)],
        }
        return (json_text(json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1)) + "\n").encode()


@dataclass(frozen=True)
class Finding:
    """One result: the rule that it belongs to, how grave it is, what it says, its numbers."""

    rule: str
    about: str
    level: str
    text: str
    numbers: dict[str, Any]
    waiver: Waiver | None = None


def _run(results: Results, path: str) -> dict[str, Any]:
    found = list(_findings(results))
    rules = list({finding.rule: finding for finding in found}.values())
    places = {finding.rule: index for index, finding in enumerate(rules)}
    return {
        "tool": {
            "driver": {
                "name": display_name(results.tool.name),
                "version": display_name(results.tool.version),
                "rules": [_rule(finding) for finding in rules],
            }
        },
        "automationDetails": {"id": f"deepdig-audit/{_quoted(path)}/{_quoted(results.data.name, '')}/"},
        "originalUriBaseIds": {ROOT: {"description": {"text": "The root of the repository."}}},
        "invocations": [{"executionSuccessful": True}],
        "columnKind": "unicodeCodePoints",
        "results": [_result(results, path, finding, places[finding.rule]) for finding in found],
        "properties": {
            "gate": results.gate.status, "modelSha256": display_name(results.model.digest(), 64),
            "dataFingerprint": display_name(results.data.fingerprint, 64), "pairs": len(results.pairs),
        },
    }  # fmt: skip


def _findings(results: Results) -> Iterator[Finding]:
    """Checks first: with one of them failed no other finding is to be relied on."""
    for level in ("fail", "warn"):
        for check in results.validity:
            if check.status == level:
                about = "A check made before any number is believed."
                yield Finding(f"validity.{display_name(check.id)}", about, LEVELS[level], check.message, {})
    for rule in results.rules_apart:
        if rule.status != "pass":
            about = f"A rule of the gate on {rule.measure or rule.id}: {rule.threshold}."
            yield Finding(
                f"gate.{display_name(rule.id)}", about, LEVELS[rule.status], rule.message, _numbers(rule), rule.waiver
            )


def _quoted(name: str, safe: str = "/") -> str:
    return quote(name, safe=safe, errors="replace")


def _numbers(rule: Rule) -> dict[str, Any]:
    keys = {"value": rule.value, "ciLow": rule.ci_low, "ciHigh": rule.ci_high, "limit": rule.limit}
    return {key: number for key, number in keys.items() if number is not None} | (
        {"classes": rule.classes} if rule.classes else {}
    )


def _rule(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.rule,
        "shortDescription": {"text": display_text(finding.about, 200)},
        "fullDescription": {"text": display_text(finding.about)},
        "help": {"text": "docs/policy.md of deepdig-audit explains rules; the audit's report shows the evidence."},
        "defaultConfiguration": {"level": finding.level},
        "properties": {"tags": ["decision-boundary", finding.rule.split(".")[0]]},
    }


def _result(results: Results, path: str, finding: Finding, index: int) -> dict[str, Any]:
    what = f"{finding.rule}\0{path}\0{results.data.name}"
    return {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": finding.level,
        "message": {"text": display_text(finding.text)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _quoted(path), "uriBaseId": ROOT},
                    "region": {"startLine": 1, "startColumn": 1},
                }
            }
        ],
        "partialFingerprints": {"deepdigAudit/v1": hashlib.sha256(what.encode("utf-8", "replace")).hexdigest()},
        "properties": finding.numbers,
        **_suppressed(finding),
    }


def _suppressed(finding: Finding) -> dict[str, Any]:
    """That a waiver speaks for the finding, and how long."""
    if finding.waiver is None:
        return {}
    why = f"{display_text(finding.waiver.reason)} (until {display_name(finding.waiver.until)})"
    return {"suppressions": [{"kind": "external", "status": "accepted", "justification": why}]}


output("sarif")(SarifOutput())
