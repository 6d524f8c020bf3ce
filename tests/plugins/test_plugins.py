"""Plug-ins of other distributions, installed and used by the command: through sandbox, journal, report and gate."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import time
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from auditor.documents.results import to_json
from tests.cli.command import REPOSITORY, Done, command, environment, run
from tests.plugins.installed import BROKEN, DISTRIBUTIONS, broken_distributions, install
from tests.render.sample_results import synthetic_results

GOOD = {
    ("model format", "linear"): "audit-linear-format",
    ("dataset", "table"): "audit-table-data",
    ("generator", "nearest-pairs"): "audit-nearest-pairs",
    ("characteristic", "gap_slope"): "audit-gap-slope",
    ("output", "fragile"): "audit-fragile-list",
}
QUICK = ("--generator", "nearest-pairs", "--profile", "quick", "--samples-per-class", "8", "--out", "out")
FEW = ("--pairs", "0:1,1:2", *QUICK)
POLICY = """
version = 1
[[rules]]
measure = "characteristics.gap_slope"
max = 1000.0

[[rules]]
measure = "characteristics.gap_slope"
id = "calm"
max = -1000.0
severity = "warn"
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one good distribution of each kind."""
    folder = tmp_path_factory.mktemp("site")
    install(sorted(DISTRIBUTIONS.iterdir()), folder, tmp_path_factory.mktemp("build"))
    return folder


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one broken distribution of each kind."""
    folder, work = tmp_path_factory.mktemp("broken"), tmp_path_factory.mktemp("build")
    install(broken_distributions(work), folder, work)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working folder with a linear model of the eight corners, a table of points near them, and a policy."""
    centres = 0.2 + 0.6 * torch.eye(8)
    model = {"weights": (20 * centres).tolist(), "bias": (-10 * centres.square().sum(dim=1)).tolist()}
    (tmp_path / "corners.linear").write_text(json.dumps(model))
    labels, rng = torch.arange(320) // 4 % 8, torch.Generator().manual_seed(3)
    points = (centres[labels] + 0.15 * torch.randn(320, 8, generator=rng)).clamp(0, 1)
    rows = [",".join(map(str, [label, *x])) for label, x in zip(labels.tolist(), points.tolist(), strict=True)]
    (tmp_path / "points.table").write_text("\n".join(rows))
    (tmp_path / "policy.toml").write_text(POLICY)
    return tmp_path


def with_plugins(arguments: Sequence[str | Path], folder: Path, *sites: Path) -> Done:
    return run(arguments, folder, PYTHONPATH=os.pathsep.join(map(str, (REPOSITORY, *sites))))


def results_of(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "out" / "results.json").read_text("utf-8"))
    return document


def test_one_of_each_kind_works_and_stands_in_the_provenance(folder: Path, site: Path, broken: Path) -> None:
    audit = ["corners.linear", "--data", "points.table", *FEW, "--format", "fragile,html", "--policy", "policy.toml"]
    done = with_plugins(audit, folder, site)
    assert done.status == 0, done.stderr
    results = results_of(folder)
    assert {(p["kind"], p["name"]): p["distribution"] for p in results["provenance"]["plugins"]} == GOOD
    assert {p["version"] for p in results["provenance"]["plugins"]} == {"1.0"}
    settings = {p["name"]: p["settings"] for p in results["provenance"]["plugins"]}
    assert settings["gap_slope"] == "GapSlope(least=1e-06)"
    assert settings["nearest-pairs"] == "NearestPairs(beta=0.0001, max_steps=60)"

    assert results["generators"]["nearest-pairs"]["title"] == "nearest pairs"
    assert results["generators"]["rpbs"]["role"] == "baseline"
    (first, *_) = results["pairs"][0]["directions"]
    assert first["generation"]["boundary"] > 0
    assert first["characteristics"]["gap_slope"]["value"] > 0
    statuses = {rule["limit"]: rule["status"] for rule in results["gate"]["rules"] if "gap_slope" in rule["measure"]}
    assert statuses == {1000.0: "pass", -1000.0: "warn"}

    page = (folder / "out" / "report.html").read_text("utf-8")
    assert "plug-in of audit-gap-slope 1.0: GapSlope(least=1e-06)" in page
    assert "plug-in of audit-linear-format 1.0" in page
    assert "in both directions by nearest pairs." in page
    assert "nearest to it in its pixels" in page
    assert "How much probability the model moves" in page
    assert (folder / "out" / "fragile.txt").read_text("utf-8").startswith("1. ")

    # Five others that cannot be used change nothing but the check that names them.
    again = with_plugins([*audit, "--force"], folder, site, broken)
    assert again.status == 0, again.stderr
    named = results_of(folder)
    (check,) = (check for check in named["validity"] if check["id"] == "plugins")
    assert check["status"] == "warn"
    for kind, (name, _, reason) in BROKEN.items():
        said = f"{kind.replace('_', ' ')} {name!r} of audit-broken-{kind.replace('_', '-')} 0.3 "
        assert said in (again.stderr if kind == "output" else check["message"])
        assert reason in again.stderr
    assert [line for line in again.stderr.splitlines() if "Traceback" in line] == []
    for part in ("pairs", "summary", "performance", "provenance", "definitions"):
        assert named[part] == results[part]


def test_what_is_broken_is_listed_and_refused_by_its_name(folder: Path, site: Path, broken: Path) -> None:
    listed = with_plugins(["list"], folder, site, broken)
    assert listed.status == 0
    assert "gap_slope" in listed.stdout
    for name in ("audit-linear-format 1.0 (audit_linear_format)", "audit-table-data 1.0 (audit_table_data)",
                 "audit-nearest-pairs 1.0", "audit-gap-slope 1.0", "audit-fragile-list 1.0"):  # fmt: skip
        assert f"[{name}" in listed.stdout
    for kind, (name, _, reason) in BROKEN.items():
        said = f"{kind.replace('_', ' ')} {name!r} of audit-broken-{kind.replace('_', '-')} 0.3 (audit_broken_{kind}): "
        assert said + reason in listed.stdout
    assert listed.stderr == ""

    (folder / "m.numbers").write_text("1 2 3")
    (folder / "lost.toml").write_text(POLICY.replace("gap_slope", "lost"))
    asked = {
        "model_format": ["m.numbers", "--data", "corners", *FEW],
        "generator": ["corners.linear", "--data", "corners", "--generator", "unfinished", "--out", "out"],
        "characteristic": ["corners.linear", "--data", "corners", *FEW, "--policy", "lost.toml"],
        "output": ["corners.linear", "--data", "corners", *FEW, "--format", "leaving"],
    }
    for kind, arguments in asked.items():
        done = with_plugins(arguments, folder, site, broken)
        name, _, reason = BROKEN[kind]
        words = kind.replace("_", " ")
        assert done.status == 2, done.stderr
        assert f"expected the {words} {name!r} of audit-broken-{kind.replace('_', '-')} 0.3" in done.error
        assert reason in done.error
        assert done.error.endswith("mend or uninstall that distribution")


def test_a_changed_plug_in_starts_an_interrupted_audit_afresh(folder: Path, site: Path, tmp_path_factory: Any) -> None:
    audit = ["corners.linear", "--data", "corners", "--pairs", "all", *QUICK, "--report-pairs", "2", "--format", "json"]
    process = subprocess.Popen(
        command(*audit), cwd=folder, env=environment(PYTHONPATH=os.pathsep.join(map(str, (REPOSITORY, site)))),
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    journal, deadline = folder / "out" / "audit.journal", time.monotonic() + 120
    while not (journal.exists() and b'"kind":"pairs"' in journal.read_bytes()):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    process.wait()
    left = journal.read_bytes()

    newer = tmp_path_factory.mktemp("newer")
    shutil.copytree(site, newer, dirs_exist_ok=True)
    shutil.move(newer / "audit_gap_slope-1.0.dist-info", newer / "audit_gap_slope-1.1.dist-info")
    metadata = newer / "audit_gap_slope-1.1.dist-info" / "METADATA"
    metadata.write_text(metadata.read_text("utf-8").replace("Version: 1.0", "Version: 1.1"), "utf-8")
    spent = with_plugins([*audit, "--time-budget", "1s"], folder, newer)
    told = "starting afresh: not as in the interrupted run: the characteristic gap_slope of audit-gap-slope"
    assert told in spent.stderr

    journal.write_bytes(left)
    gone = tmp_path_factory.mktemp("gone")
    shutil.copytree(site, gone, dirs_exist_ok=True)
    shutil.rmtree(gone / "audit_gap_slope-1.0.dist-info")
    assert told in with_plugins([*audit, "--time-budget", "1s"], folder, gone).stderr

    journal.write_bytes(left)
    done = with_plugins(audit, folder, site)
    assert "going on from an interrupted run: " in done.stderr
    assert done.status == 0, done.stderr
    results = results_of(folder)
    assert results["provenance"]["taken_over"]
    assert all("gap_slope" in d["characteristics"] for pair in results["pairs"] for d in pair["directions"])


def test_site_packages_and_editable_installations_are_open_to_the_worker(folder: Path, site: Path) -> None:
    """One plug-in is an editable installation of the working folder, which the worker may not read otherwise."""
    shutil.copytree(DISTRIBUTIONS / "gap_slope", folder, dirs_exist_ok=True)
    build = "import sys; from setuptools.build_meta import build_editable; build_editable(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, "wheels"], cwd=folder, check=True, capture_output=True)
    home = folder / "environment"
    venv.create(home, with_pip=False)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(home)}))
    (packages / "outer.pth").write_text("\n".join(path for path in sys.path if path))
    shutil.copytree(site, packages, dirs_exist_ok=True)
    shutil.rmtree(packages / "audit_gap_slope-1.0.dist-info")
    (packages / "audit_gap_slope.py").unlink()
    (wheel,) = (folder / "wheels").glob("*.whl")
    shutil.unpack_archive(wheel, packages, "zip")
    audit = ["corners.linear", "--data", "corners", *FEW, "--format", "json"]
    done = subprocess.run(
        [home / "bin" / "python", *command(*audit)[1:]], cwd=folder, env=environment(), capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = {(p["kind"], p["name"]): p["distribution"] for p in results_of(folder)["provenance"]["plugins"]}
    json_alone = {key: value for key, value in GOOD.items() if key[0] not in ("output", "dataset")}
    assert found == {**json_alone, ("dataset", "corners"): "audit-table-data"}


CHECKS = """
import sys
from auditor.testing import *
from audit_fragile_list import FragileList
from audit_gap_slope import GapSlope
from audit_linear_format import open_linear
from audit_nearest_pairs import NearestPairs
from audit_table_data import load_corners, load_table

check_characteristic(GapSlope)
check_generator(NearestPairs)
check_model_format(open_linear, "corners.linear")
check_data_source(load_corners, "corners")
check_data_source(load_table, "points.table")
check_output(FragileList(), "results.json")
"""


def test_each_passes_the_check_of_its_kind(folder: Path, site: Path) -> None:
    example = synthetic_results(names=["a", "b", "c"], chosen=[(0, 1)])
    (folder / "results.json").write_text(to_json(example), "utf-8")
    path = os.pathsep.join(map(str, (REPOSITORY, site)))
    done = subprocess.run(
        [sys.executable, "-c", CHECKS], cwd=folder, env=environment(PYTHONPATH=path), capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
