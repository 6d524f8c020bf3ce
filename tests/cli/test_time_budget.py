"""``--time-budget`` and ``--pairs auto`` through the installed command."""

from __future__ import annotations

import json
import time
from pathlib import Path

from tests.cli.command import DIGITS_CNN, run

QUICK = ("--profile", "quick", "--samples-per-class", "16", "--format", "json")


def test_pairs_that_the_time_does_not_allow_in_full_make_the_audit_partial(tmp_path: Path):
    begin = time.monotonic()
    done = run([DIGITS_CNN, "--data", "digits", *QUICK, "--time-budget", "14s"], tmp_path)
    results = json.loads((tmp_path / "audit-digits_cnn" / "results.json").read_text())
    coverage = results["coverage"]
    if not coverage["reason"]:  # a fast machine does all 45 pairs in that time
        assert (done.status, coverage["audited"]) == (0, 45)
        return
    assert done.status == 4
    assert "expected 45 pairs of classes; found " in done.error
    assert len(results["pairs"]) == coverage["audited"] == 45 - len(coverage["missing"])
    assert coverage["reason"].startswith("the time budget was spent")
    levels = [pair["level"] for pair in results["pairs"]]
    assert {level: levels.count(level) for level in set(levels)} == coverage["levels"]
    assert sorted(map(tuple, coverage["shallow"])) == [
        tuple(p["classes"]) for p in results["pairs"] if p["level"] != "full"
    ]
    assert [c["status"] for c in results["validity"] if c["id"] == "coverage"] == ["warn"]
    assert time.monotonic() - begin < 60


def test_automatic_pairs_are_as_many_as_were_asked_for(tmp_path: Path):
    done = run([DIGITS_CNN, "--data", "digits", *QUICK, "--pairs", "auto", "--max-pairs", "3"], tmp_path)
    assert done.status == 0
    results = json.loads((tmp_path / "audit-digits_cnn" / "results.json").read_text())
    assert len(results["pairs"]) == 3
    assert results["coverage"]["chosen"].startswith("automatically: ")
    assert "3 of 45 pairs of classes were audited (chosen automatically" in json.dumps(results["validity"])


def test_a_time_that_is_none_is_a_bad_option(tmp_path: Path):
    for text in ("0", "-5s", "ten", "5 days", "inf"):
        done = run([DIGITS_CNN, "--data", "digits", "--time-budget", text], tmp_path)
        assert done.status == 2
        assert "--time-budget" in done.error
