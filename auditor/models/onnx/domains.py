"""Which operators a graph may be made of, by their domain: those of the standard and of ONNX Runtime itself.

Operators of other domains come from libraries that are loaded beside the runtime, which never happens here, or are
functions that the file brings along; those are gone once they are inlined.
"""

from __future__ import annotations

from onnx import ModelProto, NodeProto

from auditor.models.onnx.subgraphs import all_nodes

ALLOWED = frozenset({"", "ai.onnx", "ai.onnx.ml", "ai.onnx.preview", "com.microsoft"})
FORBIDDEN = frozenset({"PyOp"})
"""It runs Python code, under whatever domain."""


def check_domains(model: ModelProto) -> None:
    """Refuse operators from elsewhere.

    Args:
        model: without local functions.
    Raises:
        ValueError: names up to five of them.
    """
    found = sorted({_name(node) for node in all_nodes(model.graph) if _foreign(node)})
    if found:
        more = f" and {len(found) - 5} more" if len(found) > 5 else ""
        raise ValueError(f"operators of neither the ONNX standard nor ONNX Runtime: {', '.join(found[:5])}{more}")


def _name(node: NodeProto) -> str:
    return "::".join(" ".join(part.split())[:60] for part in (node.domain or "ai.onnx", node.op_type))


def _foreign(node: NodeProto) -> bool:
    return node.domain not in ALLOWED or node.op_type in FORBIDDEN
