"""What an ONNX file says of itself: producer, versions, operators, outputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto

from auditor.documents.results import NotMeasured
from auditor.models.file_facts import FileFacts, counted
from auditor.models.onnx.graph.score import Choice, sizes


def onnx_facts(model: ModelProto, output: Choice) -> FileFacts:
    """The facts of a model whose functions are inlined.

    Args:
        model: as loaded.
        output: what holds the class scores, and why.
    """
    producer = f"{model.producer_name} {model.producer_version}".strip()
    return FileFacts(
        producer=producer or NotMeasured(not_measured="the file does not name it"),
        versions={
            "IR": str(model.ir_version),
            **{f"opset {entry.domain or 'ai.onnx'}": str(entry.version) for entry in model.opset_import},
        },
        operators=counted(Counter(_operators(model.graph))),
        outputs=tuple(_described(value) for value in model.graph.output),
        output=f"{output.name}: {output.reason}",
    )


def _operators(graph: GraphProto) -> Iterator[str]:
    """Operators of a graph and of the branches and bodies inside it, without recursion."""
    pending = [graph]
    while pending:
        for node in pending.pop().node:
            yield _name(node)
            for attribute in node.attribute:
                pending.extend([*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])])


def _name(node: NodeProto) -> str:
    return f"{node.domain}::{node.op_type}" if node.domain not in ("", "ai.onnx") else str(node.op_type)


def _described(value: ValueInfoProto) -> str:
    if not value.type.HasField("tensor_type"):
        return f"{value.name} {value.type.WhichOneof('value') or 'of unknown type'}"
    shape = sizes(value)
    inside = "any shape" if shape is None else "(" + ", ".join("?" if n is None else str(n) for n in shape) + ")"
    return f"{value.name} {TensorProto.DataType.Name(value.type.tensor_type.elem_type).lower()} {inside}"
