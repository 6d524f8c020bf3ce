"""ONNX graphs that contradict themselves: names, cycles, domains; and names that would hurt a terminal or a report."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from onnx import ModelProto, TensorProto, helper

from benchmarks.hostile.case import ACCEPTED, REFUSED, Case
from benchmarks.hostile.onnx_parts import FLOAT, INT64, classifier, node, saved, tensor, value, written

Change = Callable[[ModelProto], object]


def _cycle(model: ModelProto) -> None:
    model.graph.node.extend([node("Relu", "b", "a"), node("Relu", "a", "b")])


def _cycle_to_the_scores(model: ModelProto) -> None:
    model.graph.node[0].input[0] = "y"


def _rename(old: str, new: str) -> Change:
    def change(model: ModelProto) -> None:
        for each in model.graph.node:
            for names in (each.input, each.output):
                for place, name in enumerate(names):
                    names[place] = new if name == old else name

    return change


def _call_everything(new: str) -> Change:
    """The input, an inner tensor, the scores, the graph, the producer and the metadata under one hostile name."""

    def change(model: ModelProto) -> None:
        for old, end in (("x", "in"), ("flat", "inner"), ("y", "out")):
            _rename(old, new + end)(model)
        model.graph.input[0].name, model.graph.output[0].name = new + "in", new + "out"
        model.graph.name = model.producer_name = model.producer_version = model.domain = model.doc_string = new
        model.metadata_props.add(key=new, value=new)

    return change


CHANGES: dict[str, tuple[Change, tuple[int, ...]]] = {
    "a-cycle-aside": (_cycle, (REFUSED,)),
    "a-cycle-to-the-scores": (_cycle_to_the_scores, (REFUSED,)),
    "a-node-that-reads-itself": (lambda m: m.graph.node.append(node("Relu", "s", "s")), (REFUSED,)),
    "one-name-made-twice": (lambda m: m.graph.node.append(node("Relu", "flat", "y")), (REFUSED,)),
    "a-name-as-input-and-result": (lambda m: m.graph.node.append(node("Relu", "flat", "x")), (REFUSED,)),
    "a-name-as-constant-and-result": (lambda m: m.graph.node.append(node("Relu", "flat", "w")), (REFUSED,)),
    "a-constant-twice": (lambda m: m.graph.initializer.append(tensor("w", np.zeros((64, 10)))), (REFUSED, ACCEPTED)),
    "an-input-twice": (lambda m: m.graph.input.append(value("x")), (REFUSED,)),
    "an-output-twice": (lambda m: m.graph.output.append(value("y", shape=["n", 10])), (ACCEPTED, REFUSED)),
    "an-output-that-nothing-makes": (lambda m: m.graph.output.append(value("ghost", shape=["n", 10])), (REFUSED,)),
    "an-input-that-nothing-makes": (_rename("flat", "flat"), (ACCEPTED,)),
    "a-tensor-that-nothing-makes": (lambda m: m.graph.node.append(node("Relu", "ghost", "z")), (REFUSED,)),
    "no-nodes": (lambda m: m.graph.ClearField("node"), (REFUSED,)),
    "no-input": (lambda m: m.graph.ClearField("input"), (REFUSED,)),
    "no-output": (lambda m: m.graph.ClearField("output"), (REFUSED,)),
    "no-graph-name": (lambda m: m.graph.ClearField("name"), (REFUSED, ACCEPTED)),
    "an-input-without-name": (lambda m: setattr(m.graph.input[0], "name", ""), (REFUSED,)),
    "an-output-without-name": (lambda m: setattr(m.graph.output[0], "name", ""), (REFUSED,)),
    "an-input-without-type": (lambda m: m.graph.input[0].ClearField("type"), (REFUSED,)),
    "a-node-without-operator": (lambda m: setattr(m.graph.node[0], "op_type", ""), (REFUSED,)),
    "an-operator-of-no-name-known": (lambda m: setattr(m.graph.node[0], "op_type", "Unheard"), (REFUSED,)),
    "an-operator-in-lower-case": (lambda m: setattr(m.graph.node[1], "op_type", "matmul"), (REFUSED,)),
    "an-operator-with-an-unknown-attribute": (lambda m: m.graph.node[0].attribute.append(helper.make_attribute("evil",
        1)), (REFUSED,)),
    "an-attribute-of-another-type": (lambda m: m.graph.node[0].attribute.append(helper.make_attribute("axis", "one")),
        (REFUSED,)),
    "an-attribute-twice": (lambda m: m.graph.node[0].attribute.extend([helper.make_attribute("axis", 1)] * 2),
        (REFUSED, ACCEPTED)),
    "an-axis-out-of-range": (lambda m: m.graph.node[0].attribute.append(helper.make_attribute("axis", 99)), (REFUSED,)),
    "an-axis-far-out-of-range": (lambda m: m.graph.node[0].attribute.append(helper.make_attribute("axis", -(2**63))),
        (REFUSED,)),
    "an-operator-with-too-many-inputs": (lambda m: m.graph.node[0].input.extend(["w"] * 5), (REFUSED,)),
    "an-operator-without-inputs": (lambda m: m.graph.node[0].ClearField("input"), (REFUSED,)),
    "an-operator-without-results": (lambda m: m.graph.node.append(node("Relu", "flat", "")), (REFUSED, ACCEPTED)),
    "nodes-upside-down": (lambda m: m.graph.node.reverse(), (ACCEPTED,)),
}  # fmt: skip

DOMAINS = {
    "unknown": ("Evil", "com.evil"), "python": ("PyOp", "com.microsoft"), "python-in-the-standard": ("PyOp", ""),
    "python-in-its-own": ("PyOp", "ai.onnx.contrib"), "contrib": ("Custom", "ai.onnx.contrib"),
    "training": ("Gradient", "ai.onnx.preview.training"), "aten": ("ATen", "org.pytorch.aten"),
    "onnxscript-not-local": ("aten_relu", "pkg.onnxscript.torch_lib"),
    "microsoft-unknown": ("Nothing", "com.microsoft"),
    "blocked-layout": ("ReorderInput", "com.microsoft.nchwc"), "markup": ("<b>", "<script>"),
    "control-characters": ("a\x1b[2Jb", "c\nd"), "very-long": ("A" * 100_000, "b" * 100_000),
}  # fmt: skip

NAMES = {
    "control-characters": "\x1b[31m\x07\x00\x08", "newlines": "a\nb\r\nc\u2028d", "markup": "<script>alert(1)</script>",
    "right-to-left": "\u202egod\u2066", "terminal-title": "\x1b]0;owned\x07", "very-long": "L" * 200_000,
    "template": "{{ 7*7 }}{% raw %}", "blank": "   ", "format": "%s%n{0}{x!r}", "path": "../../etc/passwd",
    "combining": "a" + "\u0301" * 500, "beyond-the-plane": "\U0001f4a3\U000e0001", "quote": "'\";--",
}  # fmt: skip


def _with_operator(op: str, domain: str) -> ModelProto:
    return classifier([node(op, "zero", "more", domain=domain)], domains=[domain] if domain else [])


def _raw_name(content: bytes) -> bytes:
    """A model whose input's name has these bytes, which no protobuf library would write."""
    model = classifier()
    _rename("x", "Q" * len(content))(model)
    model.graph.input[0].name = "Q" * len(content)
    return model.SerializeToString().replace(b"Q" * len(content), content)


def cases() -> Iterator[Case]:
    """One case for each contradiction, domain and name."""
    for name, (change, codes) in CHANGES.items():
        model = classifier()
        change(model)
        yield Case(f"onnx/graph/{name}", saved(model), codes, "the graph contradicts the standard, or not")
    for name, (op, domain) in DOMAINS.items():
        yield Case(
            f"onnx/domain/{name}", saved(_with_operator(op, domain)), (REFUSED,), "no operator from elsewhere runs"
        )
    for name, text in NAMES.items():
        model = classifier()
        _call_everything(text)(model)
        yield Case(f"onnx/name/{name}", saved(model), (ACCEPTED,), "a name is text, whatever is in it")
        yield Case(
            f"onnx/name/{name}/refused", saved(_refused_with(text)), (REFUSED,), "the refusal quotes the name safely"
        )
    for name, content in {
        "lone-surrogate": b"\xed\xa0\x80abc",
        "latin": b"\xe9\xe8\xea\xff",
        "nul": b"a\x00b\x00",
    }.items():
        yield Case(
            f"onnx/name/bytes/{name}", written(lambda c=content: _raw_name(c)), (REFUSED, ACCEPTED), "no text in UTF-8"
        )
    same = classifier(outputs=[value("y", shape=["n", 10]), value("y2", shape=["n", 10])],
                      last=[node("Flatten", "x", "f"), node("MatMul", "f w", "y"),
                      node("Relu", "y", "y2")])  # fmt: skip
    yield Case("onnx/name/two-scores", saved(same), (ACCEPTED,), "one is chosen and the choice is stated")
    two = classifier()
    two.graph.input.append(value("mask", FLOAT, ["n", 1]))
    yield Case("onnx/graph/two-inputs", saved(two), (REFUSED,), "instances go into one input")
    optional = classifier()
    optional.graph.input.append(helper.make_tensor_sequence_value_info("seq", FLOAT, None))
    yield Case("onnx/graph/a-sequence-beside", saved(optional), (REFUSED,), "instances go into one input")
    labels = classifier(last=[node("Flatten", "x", "f"), node("MatMul", "f w", "z"), node("ArgMax", "z", "y", axis=1)],
                        outputs=[value("y", INT64, ["n", 1])])  # fmt: skip
    yield Case("onnx/graph/labels-only", saved(labels), (REFUSED,), "no scores")
    kinds = {
        "string": TensorProto.STRING,
        "complex": TensorProto.COMPLEX64,
        "bool": TensorProto.BOOL,
        "absent": 0,
        "beyond": 99,
    }
    for name, kind in kinds.items():
        model = classifier()
        model.graph.input[0].type.tensor_type.elem_type = kind
        yield Case(f"onnx/graph/input-of-type-{name}", saved(model), (REFUSED,), "pixels are numbers of a known type")


def _refused_with(text: str) -> ModelProto:
    model = classifier()
    model.graph.node[1].op_type = text + "Op"
    model.graph.node[1].domain = text
    return model
