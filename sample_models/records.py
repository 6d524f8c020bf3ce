"""``models.json``: what is known of each sample model file, and the table of it in ``README.md``."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from auditor.datasets.base import RawData, Split
from sample_models.recipes import SampleModel
from sample_models.training import evaluate

Records = dict[str, dict[str, Any]]


def describe(
    model: SampleModel, network: nn.Module, data: str, raw: RawData, seed: int, files: list[Path]
) -> dict[str, Any]:
    """What ``models.json`` says of one model; accuracies are those of the written files."""
    return {
        "network": type(network).__name__,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "input_shape": list(model.input_shape),
        "data": data,
        "splits": {"train": len(raw.train), "test": len(raw.test)},
        "train_sha256": fingerprint(raw.train),
        "seed": seed,
        "recipe": asdict(model.recipe),
        "torch": torch.__version__,
        "files": {path.name: _describe_file(path, model, raw) for path in files},
    }


def fingerprint(split: Split) -> str:
    """SHA-256 over the pixels and labels of a split: which samples a model was trained on."""
    return hashlib.sha256(split.pixels.numpy().tobytes() + split.labels.numpy().tobytes()).hexdigest()


def _describe_file(path: Path, model: SampleModel, raw: RawData) -> dict[str, Any]:
    return {
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "size_bytes": path.stat().st_size,
        "test_accuracy": round(evaluate(path, raw.test, model.input_shape), 6),
    }


def update_records(folder: Path, new: Records) -> None:
    """Merge ``new`` into ``folder/models.json`` and write the table of ``folder/README.md`` again, if there is one."""
    path = folder / "models.json"
    records: Records = json.loads(path.read_text("utf-8")) if path.exists() else {}
    records = dict(sorted((records | new).items()))
    path.write_text(json.dumps(records, indent=2) + "\n", "utf-8")
    readme = folder / "README.md"
    if readme.exists():
        readme.write_text(with_table(readme.read_text("utf-8"), records), "utf-8")


def with_table(text: str, records: Records) -> str:
    """``text`` with the table of all records between its two ``models.json`` markers."""
    begin, end = "<!-- models.json -->", "<!-- /models.json -->"
    return re.sub(f"{begin}.*{end}", lambda _: f"{begin}\n{table(records)}{end}", text, flags=re.DOTALL)


def table(records: Records) -> str:
    """The records as a Markdown table, one row a file."""
    rows = ["| file | network | data (train, test) | seed | test accuracy | sha256 |", "|---|---|---|---|---|---|"]
    for record in records.values():
        splits = f"{record['data']} ({record['splits']['train']:,}, {record['splits']['test']:,})"
        network = f"{record['network']}, {record['parameters']:,} parameters"
        rows += [
            f"| `{name}` | {network} | {splits} | {record['seed']} | {file['test_accuracy']:.4f} | `{file['sha256']}` |"
            for name, file in record["files"].items()
        ]
    return "\n".join(rows) + "\n"
