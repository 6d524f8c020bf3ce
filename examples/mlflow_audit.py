"""An audit as a run of MLflow: every measure with its interval, the report as an artefact, the gate as a tag.

Run it as a program::

    python mlflow_audit.py model.onnx digits --pairs 3:9 --policy policy.toml
"""

from __future__ import annotations

import argparse
import re
import tempfile
from pathlib import Path
from typing import Any

import mlflow

import auditor


def log_audit(audit: Any, policy: Any = None) -> None:
    """Log an audit to the run that is active.

    Args:
        audit: of ``auditor.audit`` or ``auditor.load``.
        policy: to decide by; without one there is no tag ``audit.gate``.
    """
    table = audit.to_frame()
    rows = table.to_dict("records") if hasattr(table, "to_dict") else table
    for row in rows:
        of = row["direction"] if isinstance(row["direction"], str) else row["pair"]
        place = re.sub(r"[^\w./ -]", "-", of)  # MLflow refuses most other signs
        for column, end in (("value", ""), ("low", ".low"), ("high", ".high")):
            if row[column] is not None and row[column] == row[column]:  # neither missing nor open
                mlflow.log_metric(f"{row['measure']}/{place}{end}", row[column])
    mlflow.log_params({"seed": audit.results.settings.seed, "profile": audit.results.settings.profile})
    mlflow.set_tag("audit.model.sha256", audit.results.model.sha256)
    with tempfile.TemporaryDirectory() as folder:
        audit.save(folder)
        audit.report(Path(folder) / "report.html")
        mlflow.log_artifacts(folder, "audit")
    if policy is not None:
        verdict = audit.gate(policy)
        mlflow.set_tag("audit.gate", "passed" if verdict.passed else "failed")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("data")
    parser.add_argument("--pairs", default="auto")
    parser.add_argument("--policy")
    given = parser.parse_args()
    with mlflow.start_run():
        log_audit(auditor.audit(given.model, given.data, pairs=given.pairs, quiet=True), given.policy)
