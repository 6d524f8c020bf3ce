"""ONNX files with a wrong frame: versions, metadata, and content that ends too early."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from onnx import ModelProto, helper

from benchmarks.hostile.case import ACCEPTED, REFUSED, Case
from benchmarks.hostile.onnx_parts import classifier, node, saved, written

_CONTENT = classifier().SerializeToString()


def _metadata_bomb(model: ModelProto) -> None:
    for index in range(50_000):
        model.metadata_props.add(key=f"k{index}", value="v" * 100)


def _training(model: ModelProto) -> None:
    model.training_info.add().algorithm.CopyFrom(model.graph)


def _many_opsets(model: ModelProto) -> None:
    model.opset_import.extend(helper.make_opsetid(f"domain{index}", 1) for index in range(10_000))


def _many_nodes(model: ModelProto) -> None:
    model.graph.node.extend(node("Relu", "flat" if not i else f"r{i - 1}", f"r{i}") for i in range(20_000))


def _many_value_infos(model: ModelProto) -> None:
    model.graph.value_info.extend([model.graph.output[0]] * 50_000)


def _two_versions(model: ModelProto) -> None:
    model.opset_import.append(helper.make_opsetid("", 9))


FRAMES: dict[str, tuple[Callable[[ModelProto], object], tuple[int, ...]]] = {
    "opset-absent": (lambda m: m.ClearField("opset_import"), (REFUSED,)),
    "opset-twice": (_two_versions, (REFUSED, ACCEPTED)), "ten-thousand-opsets": (_many_opsets, (ACCEPTED, REFUSED)),
    "ir-absent": (lambda m: m.ClearField("ir_version"), (REFUSED,)),
    "graph-absent": (lambda m: m.ClearField("graph"), (REFUSED,)),
    "metadata-bomb": (_metadata_bomb, (ACCEPTED,)), "training-info": (_training, (ACCEPTED, REFUSED)),
    "metadata-key-twice": (lambda m: [m.metadata_props.add(key="a", value=v) for v in "xy"], (ACCEPTED, REFUSED)),
    "documentation-of-10-MB": (lambda m: setattr(m, "doc_string", "d" * 10_000_000), (ACCEPTED,)),
    "twenty-thousand-nodes": (_many_nodes, (ACCEPTED,)),
    "value-info-50000-times": (_many_value_infos, (ACCEPTED, REFUSED)),
    "negative-model-version": (lambda m: setattr(m, "model_version", -1), (ACCEPTED,)),
    "unknown-fields": (lambda m: m.MergeFromString(b"\xfa\x3e\x04evil"), (ACCEPTED, REFUSED)),
}  # fmt: skip
OPSETS = {0: (REFUSED,), -1: (REFUSED,), 1: (REFUSED, ACCEPTED), 6: (ACCEPTED, REFUSED), 12: (ACCEPTED,),
    999: (REFUSED,),
          2**31: (REFUSED,), -(2**63): (REFUSED,), 2**63 - 1: (REFUSED,)}  # fmt: skip
IRS = {0: (REFUSED,), -1: (REFUSED,), 1: (REFUSED, ACCEPTED), 2: (REFUSED, ACCEPTED), 3: (REFUSED, ACCEPTED),
    7: (ACCEPTED,),
       999: (REFUSED,), 2**40: (REFUSED,), 2**63 - 1: (REFUSED,)}  # fmt: skip
CUTS = (1, 2, 3, 5, 8, 10, 16, 20, 32, 40, 50, 64, 80, 100, 128, 200, 300, 500, 800, 1000, 1500, 2000, 2500,
        len(_CONTENT) - 40, len(_CONTENT) - 20, len(_CONTENT) - 8, len(_CONTENT) - 4, len(_CONTENT) - 2,
        len(_CONTENT) - 1)  # fmt: skip

RAW: dict[str, bytes] = {
    "twice": _CONTENT + _CONTENT, "with-a-tail": _CONTENT + b"\0" * 100, "with-a-text-behind": _CONTENT + b"evil",
    "with-a-zip-behind": _CONTENT + b"PK\x03\x04", "backwards": _CONTENT[::-1], "only-the-ir": b"\x08\x09",
    "endless-varint": b"\x08" + b"\xff" * 4000, "length-beyond": b"\x08\x09\x3a\xff\xff\xff\xff\x0f",
    "length-of-2-to-the-63": b"\x08\x09\x3a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "groups": b"\x0b" * 5000,
    "deep-groups": b"\x08\x09" + b"\x3b" * 5000, "graph-of-zeros": b"\x08\x09\x3a\x80\x08" + b"\0" * 1024,
    "graph-of-ones": b"\x08\x09\x3a\x80\x08" + b"\xff" * 1024, "empty-graph": b"\x08\x09\x3a\x00\x42\x02\x10\x12",
    "nested-graphs": b"\x08\x09" + b"\x3a\x7f" * 63, "nothing-but-length": b"\x3a\x00",
    "four-gigabytes": b"\x3a\xff\xff\xff\xff\x0f",
    "zeros": bytes(4096), "ones": b"\xff" * 4096, "text-of-protobuf": b'ir_version: 9\ngraph { name: "g" }\n',
}  # fmt: skip


def cases() -> Iterator[Case]:
    """Frames, versions, cuts and bytes."""
    for name, (change, codes) in FRAMES.items():
        model = classifier()
        change(model)
        yield Case(
            f"onnx/frame/{name}",
            saved(model),
            codes,
            "the frame is checked, what is harmless is passed over",
            seconds=150.0,
        )
    for version, codes in OPSETS.items():
        yield Case(f"onnx/version/opset-{version}", saved(classifier(opset=version)), codes, "versions that exist")
    for version, codes in IRS.items():
        model = classifier()
        model.ir_version = version
        yield Case(f"onnx/version/ir-{version}", saved(model), codes, "versions that exist")
    for length in CUTS:
        yield Case(f"onnx/cut/{length}-bytes", written(_CONTENT[:length]), (REFUSED,), "the file ends too early")
    for name, content in RAW.items():
        codes = (REFUSED, ACCEPTED) if name == "twice" else (REFUSED,)
        yield Case(f"onnx/bytes/{name}", written(content), codes, "no ONNX model, or a damaged one")
