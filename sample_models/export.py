"""A trained network becomes an ONNX and a TorchScript file that say nothing of the machine they were made on."""

from __future__ import annotations

import io
import warnings
import zipfile
from pathlib import Path

import onnx
import torch
from torch import nn


def export_onnx(network: nn.Module, input_shape: tuple[int, ...], path: Path) -> None:
    """Write a single ONNX file with inputs ``x (N, *input_shape)`` and outputs ``logits (N, C)``, any N."""
    # A batch of 2: the exporter takes a batch of 1 for a constant.
    example = (torch.zeros(2, *input_shape),)
    batch = {0: torch.export.Dim("batch")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            network.eval(),
            example,
            input_names=["x"],
            output_names=["logits"],
            dynamic_shapes=(batch,),
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    _forget_origin(model)
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString(deterministic=True))


def _forget_origin(model: onnx.ModelProto) -> None:
    # The exporter writes each node's Python stack, with the paths of this machine.
    del model.metadata_props[:]
    graph = model.graph
    for part in (graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""


def export_torchscript(network: nn.Module, path: Path) -> None:
    """Write the scripted network."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch recommends torch.export
        torch.jit.save(torch.jit.script(network.eval()), buffer)
    path.write_bytes(_without_debug_records(buffer.getvalue(), path.stem))


def _without_debug_records(archive: bytes, name: str) -> bytes:
    """The archive under a root folder ``name``, less the records that map code to source files of this machine."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as new:
        for record in old.infolist():
            if not record.filename.endswith(".debug_pkl"):
                inside = record.filename.partition("/")[2]
                new.writestr(zipfile.ZipInfo(f"{name}/{inside}"), old.read(record))
    return target.getvalue()
