"""The files of examples/ do what docs/recipes.md says, with the libraries that they are for."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ruamel.yaml import YAML
from sklearn.datasets import load_digits

import auditor
from tests.cli.command import DIGITS_CNN, REPOSITORY, environment

EXAMPLES = REPOSITORY / "examples"
PAGE = (REPOSITORY / "docs" / "recipes.md").read_text("utf-8")
OPTIONS = {"pairs": "3:9", "samples_per_class": 16}
PLACES = ("3:9", "9:3")
DEV = "is not installed: it is in the group examples of pyproject.toml"


@pytest.fixture(scope="module")
def digits() -> tuple[torch.Tensor, torch.Tensor]:
    x, y = load_digits(return_X_y=True)
    return torch.tensor(x / 16, dtype=torch.float32).reshape(-1, 1, 8, 8), torch.tensor(y)


@pytest.fixture(scope="module")
def audit() -> Any:
    return auditor.audit(REPOSITORY / "sample_models" / "digits_fcn.onnx", "digits", profile="quick", **OPTIONS)


def test_every_file_is_on_the_page_and_the_other_way_round() -> None:
    files = {path.name for path in EXAMPLES.iterdir() if path.is_file()}
    assert set(re.findall(r"examples/([\w.]+)", PAGE)) == files


def test_they_are_on_the_public_interface_alone() -> None:
    for path in EXAMPLES.glob("*.py"):
        text = path.read_text("utf-8")
        assert not re.search(r"(from|import) auditor\.", text), path
        assert set(re.findall(r"\bauditor\.(\w+)", text)) <= {*auditor.__all__}, path


def test_lightning(digits: tuple[torch.Tensor, torch.Tensor], tmp_path: Path) -> None:
    lightning = pytest.importorskip("pytorch_lightning", reason=f"pytorch-lightning {DEV}")
    from examples.lightning_callback import BoundaryAudit

    class Net(lightning.LightningModule):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.net(x)

        def training_step(self, batch: Any, _: int) -> torch.Tensor:
            return torch.nn.functional.cross_entropy(self(batch[0]), batch[1])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.Adam(self.parameters(), lr=0.02)

    torch.manual_seed(0)
    callback, module = BoundaryAudit(digits, every=4, **OPTIONS), Net()
    watch = lightning.callbacks.EarlyStopping("margin_l2_attack/least", mode="min", patience=0, min_delta=9.0,
                                              check_on_train_epoch_end=True, strict=False)  # fmt: skip
    trainer = lightning.Trainer(
        max_epochs=20, callbacks=[callback, watch], accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, default_root_dir=tmp_path,
    )  # fmt: skip
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*digits), batch_size=128)
    trainer.fit(module, loader)
    found = {place: float(trainer.callback_metrics[f"margin_l2_attack/{place}"]) for place in PLACES}
    for place, value in found.items():
        assert value == pytest.approx(callback.last.measure("margin_l2_attack", *place.split(":")).value, rel=1e-5)
    assert float(trainer.callback_metrics["margin_l2_attack/least"]) == min(found.values())
    assert trainer.current_epoch < 20  # stopped by the metric that it watched
    assert module.training
    assert all(p.requires_grad for p in module.parameters())


def test_the_trainer_of_hugging_face(digits: tuple[torch.Tensor, torch.Tensor], tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason=f"transformers {DEV}")
    pytest.importorskip("accelerate", reason=f"accelerate {DEV}")
    from examples.transformers_callback import BoundaryAudit

    torch.manual_seed(0)
    config = transformers.ResNetConfig(num_channels=1, embedding_size=8, hidden_sizes=[8], depths=[1], num_labels=10,
                                       layer_type="basic", downsample_in_first_stage=False)  # fmt: skip
    model = transformers.ResNetForImageClassification(config)
    rows = [{"pixel_values": x, "labels": int(y)} for x, y in zip(*digits, strict=True)]
    arguments = transformers.TrainingArguments(
        str(tmp_path), max_steps=120, per_device_train_batch_size=64, learning_rate=0.02, eval_strategy="steps",
        eval_steps=120, per_device_eval_batch_size=256, report_to=[], use_cpu=True, save_strategy="no",
        disable_tqdm=True, logging_strategy="no",
    )  # fmt: skip
    names = [f"digit {k}" for k in range(10)]
    callback = BoundaryAudit(digits, class_names=names, **(OPTIONS | {"pairs": "digit 3:digit 9"}))
    trainer = transformers.Trainer(model, arguments, train_dataset=rows, eval_dataset=rows[:256], callbacks=[callback])
    trainer.train()
    logged = {key: value for entry in trainer.state.log_history for key, value in entry.items()}
    for source, target in (("digit 3", "digit 9"), ("digit 9", "digit 3")):
        measured = callback.last.measure("margin_l2_attack", source, target)
        assert logged[f"eval_margin_l2_attack_{source}_{target}"] == measured.value > 0


def test_mlflow(audit: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow", reason=f"mlflow-skinny {DEV}")
    from examples.mlflow_audit import log_audit

    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri((tmp_path / "runs").as_uri())
    with mlflow.start_run() as run:
        log_audit(audit, {"version": 1, "rules": [{"measure": "performance.accuracy", "min": 0.5}]})
    kept = mlflow.get_run(run.info.run_id).data
    for place in PLACES:
        there = audit.measure("margin_l2_attack", *place.split(":"))
        name = f"margin_l2_attack/{place.replace(':', '-')}"
        assert [kept.metrics[name + end] for end in ("", ".low", ".high")] == [there.value, there.ci_low, there.ci_high]
    assert (kept.tags["audit.gate"], kept.params["profile"]) == ("passed", "quick")
    files = {path.name for path in (tmp_path / "runs").rglob("*") if path.is_file()}
    assert {"results.json", "run.json", "report.html"} <= files


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("dvc.yaml", "dvc_stage.py"):
        shutil.copy(EXAMPLES / name, tmp_path)
    shutil.copy(DIGITS_CNN, tmp_path / "model.onnx")
    (tmp_path / "dvc.yaml").write_text((tmp_path / "dvc.yaml").read_text().replace("3:9,4:7", "3:9"))
    return tmp_path


def test_the_stage_of_dvc(project: Path) -> None:
    """By the lines of dvc.yaml themselves; what DVC makes of them is in the next test."""
    given = YAML(typ="safe").load((project / "dvc.yaml").read_text())
    values = {key: value for of in given["vars"] for key, value in of.items()}
    stage = given["stages"]["audit"]
    command = re.sub(r"\$\{(\w+)\}", lambda found: values[found[1]], stage["cmd"]).split()
    assert command[0] == "python"
    subprocess.run([sys.executable, *command[1:]], cwd=project, env=environment(), check=True, timeout=120)
    every = [*stage["outs"], *stage["metrics"], *stage["plots"]]
    for name in (next(iter(out)) if isinstance(out, dict) else out for out in every):
        assert (project / name).stat().st_size, name
    metrics = json.loads((project / "audit" / "metrics.json").read_text())
    results = auditor.load(project / "audit").results
    assert metrics["accuracy"] == results.performance.accuracy.value
    assert metrics["mean"]["margin_l2_attack"] == results.summary.characteristics["margin_l2_attack"].mean
    drawn = np.genfromtxt(project / "audit" / "pairs.csv", delimiter=",", names=True, dtype=None, encoding="utf-8")
    (plot,) = stage["plots"][0].values()
    assert list(drawn[plot["x"]]) == list(PLACES)
    assert drawn[plot["y"]][0] == auditor.load(project / "audit").measure("margin_l2_attack", "3", "9").value


def test_dvc_runs_the_stage(project: Path) -> None:
    pytest.importorskip("dvc", reason="dvc is not installed: it is in no group, for it brings 60 packages")
    own = environment() | {"DVC_NO_ANALYTICS": "1", "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}

    def dvc(*arguments: str) -> str:
        line = [sys.executable, "-m", "dvc", *arguments]
        done = subprocess.run(line, cwd=project, env=own, capture_output=True, text=True, check=True, timeout=300)
        return done.stdout

    dvc("init", "--no-scm", "--quiet")
    dvc("repro", "--quiet")
    shown = json.loads(dvc("metrics", "show", "--json"))
    assert shown[""]["data"]["audit/metrics.json"]["data"]["accuracy"] > 0.9
    assert "didn't change, skipping" in dvc("repro")


def test_the_job_that_comments_is_one(tmp_path: Path) -> None:
    (job,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.M | re.S)
    (tmp_path / "job.yml").write_text(job)
    check = Path(sysconfig.get_path("scripts")) / "check-jsonschema"
    line = [check, "--builtin-schema", "vendor.github-workflows", tmp_path / "job.yml"]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_job_that_comments_has_what_its_lines_need() -> None:
    (text,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.M | re.S)
    steps = YAML(typ="safe").load(text)["jobs"]["audit"]["steps"]
    assert steps[0]["with"]["fetch-depth"] == 0  # the other side of the diff
    (path,) = [step["with"]["path"] for step in steps if step.get("with", {}).get("repository")]
    lines = [line for step in steps for line in step.get("run", "").splitlines()]
    order = ["actions/setup-python@v5", "pip install --require-hashes", "./.deepdig-audit", "dvc pull", "dvc repro"]
    places = [text.index(word) for word in order]
    assert places == sorted(places)
    assert f"pip install --require-hashes -r {path}/requirements.txt" in lines
    assert f"pip install --no-deps --no-build-isolation ./{path}" in lines
    assert "setuptools==" in (REPOSITORY / "requirements.txt").read_text("utf-8")
    pulled = next(line.split()[-1] for line in lines if " pull " in line or "dvc pull" in line)
    assert pulled in (EXAMPLES / "dvc.yaml").read_text("utf-8")


def test_the_fixture_of_pytest(tmp_path: Path) -> None:
    source = (EXAMPLES / "pytest_fixture.py").read_text("utf-8")
    shutil.copy(EXAMPLES / "pytest_fixture.py", tmp_path / "conftest.py")
    shutil.copy(DIGITS_CNN, tmp_path / "model.onnx")
    (tmp_path / "policy.toml").write_text("version = 1\n[[rules]]\nmeasure = 'performance.accuracy'\nmin = 0.5\n")
    (usage,) = re.findall(r'"""(.*?)"""', source, re.S)[:1]
    tests = "\n".join(line[4:] for line in usage.splitlines() if line.startswith(("    def", "        ")) or not line)
    (tmp_path / "test_it.py").write_text(tests)

    def run(*arguments: str) -> str:
        line = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", *arguments]
        return subprocess.run(
            line, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False, timeout=120
        ).stdout

    (given,) = re.findall(r"``pytest (.*?)``", usage)
    assert "2 passed" in run(*given.split())
    assert "2 skipped" in run()
    assert "expected" in (refused := run("--audit-model", "test_it.py", "--audit-data", "digits"))
    assert "2 errors" in refused
