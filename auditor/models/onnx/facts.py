"""What an ONNX file says of itself: producer, versions, operators, outputs."""

from __future__ import annotations

from collections import Counter

from onnx import ModelProto, NodeProto

from auditor.documents.results import NotMeasured
from auditor.models.file_facts import FileFacts, counted
from auditor.models.onnx.graph.score import Choice, described
from auditor.models.onnx.subgraphs import all_nodes


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
        operators=counted(Counter(map(_name, all_nodes(model.graph)))),
        outputs=tuple(map(described, model.graph.output)),
        output=f"{output.name}: {output.reason}",
    )


def _name(node: NodeProto) -> str:
    return f"{node.domain}::{node.op_type}" if node.domain not in ("", "ai.onnx") else str(node.op_type)
