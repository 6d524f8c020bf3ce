"""A stage of DVC: audits a model, writes metrics.json for ``dvc metrics diff`` and pairs.csv for ``dvc plots``.

The stage stands in dvc.yaml beside this file; docs/recipes.md has the job that comments with CML.

    python dvc_stage.py model.onnx digits 3:9,4:7 audit
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import auditor

MEASURE = "margin_l2_attack"


def main(model: str, data: str, pairs: str, folder: str) -> None:
    """Audit, and write what DVC compares from commit to commit."""
    audit = auditor.audit(model, data, pairs=pairs, profile="quick", quiet=True)
    out = Path(folder)
    audit.save(out)
    for name in ("report.html", "summary.md"):
        audit.report(out / name)
    means = {id: mean.mean for id, mean in audit.results.summary.characteristics.items() if hasattr(mean, "mean")}
    accuracy = getattr(audit.results.performance.accuracy, "value", None)
    (out / "metrics.json").write_text(json.dumps({"accuracy": accuracy, "mean": means}, indent=1) + "\n")
    with (out / "pairs.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["direction", MEASURE])
        for pair in audit.pairs:
            for source, target in (pair.names, pair.names[::-1]):
                table.writerow([f"{source}:{target}", getattr(audit.measure(MEASURE, source, target), "value", "")])


if __name__ == "__main__":
    main(*sys.argv[1:])
