"""What a program registers for itself: an audit of a file has it not, and says so."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import DIGITS_FCN
from tests.cli.command import environment

PROGRAM = f"""
import dataclasses, json, sys
import auditor
from auditor.characteristics.base import characteristics
from auditor.boundary.rpbs import RPBS

definition = characteristics["idc"].definitions["idc"]

@auditor.characteristic("spread")
@dataclasses.dataclass(frozen=True)
class Spread(auditor.Characteristic):
    definitions = {{"spread": definition}}

    def measure(self, evidence, *, rng):
        return self.not_measured("a test")

@auditor.generator("mine")
class Mine(RPBS):
    pass

@auditor.data_source("four", "four points")
def four(request):
    raise SystemExit("read in this process")

def audit(data="digits", **more):
    try:
        done = auditor.audit({str(DIGITS_FCN)!r}, data, pairs="3:9", profile="quick", samples_per_class=16, **more)
    except auditor.errors.AuditError as err:
        return [type(err).__name__, str(err)]
    return [check.message for check in done.results.validity if check.id == "plugins"]

rule = {{"measure": "characteristics.spread", "min": 0.1}}
print(json.dumps({{
    "generator": audit(generator="mine"),
    "data": audit("four"),
    "policy": audit(policy={{"version": 1, "rules": [rule]}}),
    "none of them": audit(),
}}))
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the audits of a program say that has plug-ins of its own."""
    file = tmp_path_factory.mktemp("program") / "program.py"
    file.write_text(PROGRAM)
    repository = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, file], env=environment() | {"PYTHONPATH": repository}, cwd=file.parent, capture_output=True,
        text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("asked", "found"),
    [("generator", "generator 'mine'"), ("data", "dataset 'four'"), ("policy", "characteristic 'spread'")],
)
def test_what_is_asked_for_by_name_is_refused_for_a_file(asked: str, found: str, said: Any):
    kind, message = said[asked]
    assert kind == "UsageError"
    assert f"found the {found}, which this program has registered; put it into a distribution" in message


def test_the_results_name_what_has_no_part_in_them(said: Any):
    (message,) = said["none of them"]
    assert "the characteristic 'spread', the dataset 'four', the generator 'mine'" in message
