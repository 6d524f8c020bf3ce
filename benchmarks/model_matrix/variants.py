"""One small network under every way in which a file can differ: types, batches, storage, order, names, heads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import onnx
import torch
from onnx import ModelProto, TensorProto, helper, numpy_helper, version_converter
from torch import Tensor, nn

from benchmarks.model_matrix.case import Built, Case
from benchmarks.model_matrix.exports import Exporter, quiet, to_onnx
from benchmarks.model_matrix.reference import INSTANCES, noise, of_module
from benchmarks.model_matrix.small_nets import CLASSES, IMAGE, VECTOR, cnn, dense

_HALF = 2e-2
Link = Callable[[Tensor], Tensor]
HEADS: dict[str, tuple[Link, int]] = {
    "logits": (lambda z: z, CLASSES),
    "softmax": (lambda z: z.softmax(dim=1), CLASSES),
    "log-softmax": (lambda z: z.log_softmax(dim=1), CLASSES),
    "log-of-softmax": (lambda z: z.softmax(dim=1).log(), CLASSES),
    "one-sigmoid": (torch.sigmoid, 1),
    "sharp-softmax": (lambda z: (50 * z).softmax(dim=1), CLASSES),
    "two-axes-behind": (lambda z: z[:, :, None, None].softmax(dim=1), CLASSES),
}


def cases() -> list[Case]:
    """All variants."""
    made = [
        Case(f"batch/{name}/{exporter}-{batch}", partial(_batch, name, exporter, batch))
        for name in ("cnn", "dense")
        for exporter, batch in (("tracer", 1), ("tracer", 4), ("dynamo", 1), ("dynamo", 4), ("tracer", 100))
    ]
    made += [Case(f"head/{name}/{exporter}", partial(_head, name, exporter))
             for name in HEADS for exporter in ("tracer", "dynamo")]  # fmt: skip
    made += [Case(f"file/{name}", partial(_edited, edit)) for name, edit in EDITS.items()]
    made += [Case(f"type/{name}/float16", partial(_half, name), tolerance=_HALF) for name in ("cnn", "dense")]
    no_kernel = "Could not find an implementation"
    made += [Case(f"type/{name}/float64", partial(_double, name), expect="refused", says=no_kernel)
             for name in ("cnn", "dense")]  # fmt: skip
    return [*made, Case("file/external-data", _external), Case("file/external-data-each-tensor", _external_each)]


def _net(name: str, classes: int = CLASSES) -> tuple[nn.Module, tuple[int, ...]]:
    return (cnn(classes), IMAGE) if name == "cnn" else (dense(classes), VECTOR)


def _batch(name: str, exporter: Exporter, batch: int, folder: Path) -> Built:
    net, shape = _net(name)
    path = to_onnx(net, shape, folder / "model.onnx", exporter, 18, batch)
    return path, of_module(net, noise(INSTANCES, *shape))


class _WithHead(nn.Module):
    """A network and what follows its logits."""

    def __init__(self, net: nn.Module, link: Link) -> None:
        super().__init__()
        self.net, self.link = net, link

    def forward(self, x: Tensor) -> Tensor:
        """Scores."""
        return self.link(self.net(x))


def _head(name: str, exporter: Exporter, folder: Path) -> Built:
    link, classes = HEADS[name]
    net, shape = _net("cnn", classes)
    path = to_onnx(_WithHead(net, link).eval(), shape, folder / "model.onnx", exporter, 18)
    x = noise(INSTANCES, *shape)
    found = of_module(net, x, lambda z: link(z).flatten(1))
    if name != "sharp-softmax":
        return path, found
    sharp = of_module(_WithHead(net, lambda z: 50 * z), x)
    return path, replace(sharp, scores=found.scores)


def _edited(edit: Callable[[ModelProto], ModelProto], folder: Path) -> Built:
    """The convolutional network with logits, as another exporter might have written it."""
    net, shape = _net("cnn")
    path = to_onnx(net, shape, folder / "model.onnx", "tracer", 13)
    onnx.save(edit(onnx.load(path)), path)
    return path, of_module(net, noise(INSTANCES, *shape))


def _initialisers_among_inputs(model: ModelProto) -> ModelProto:
    """As IR version 3 asked for, the constants before the image."""
    image = model.graph.input[0]
    stored = [helper.make_tensor_value_info(t.name, t.data_type, list(t.dims)) for t in model.graph.initializer]
    del model.graph.input[:]
    model.graph.input.extend([*stored, image])
    model.ir_version = 3
    return model


def _nodes_backwards(model: ModelProto) -> ModelProto:
    nodes = list(model.graph.node)[::-1]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def _constants_as_nodes(model: ModelProto) -> ModelProto:
    nodes = [helper.make_node("Constant", [], [t.name], value=t) for t in model.graph.initializer]
    del model.graph.initializer[:]
    nodes += list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def _feature_outputs_behind(model: ModelProto) -> ModelProto:
    """The features as second output, as many training scripts export them."""
    (last,) = [node for node in model.graph.node if node.op_type == "Gemm"]
    model.graph.output.append(helper.make_tensor_value_info(last.input[0], TensorProto.FLOAT, ["n", 12]))
    return model


def _feature_map_first(model: ModelProto) -> ModelProto:
    """A feature map as first output, the scores as second."""
    maps = [node.output[0] for node in model.graph.node if node.op_type == "Conv"]
    scores = model.graph.output[0]
    del model.graph.output[:]
    feature = helper.make_tensor_value_info(maps[-1], TensorProto.FLOAT, ["n", 12, 7, 7])
    model.graph.output.extend([feature, scores])
    return model


def _label_first(model: ModelProto) -> ModelProto:
    """The predicted class before the scores."""
    scores = model.graph.output[0]
    model.graph.node.append(helper.make_node("ArgMax", [scores.name], ["label"], axis=1, keepdims=0))
    del model.graph.output[:]
    model.graph.output.extend([helper.make_tensor_value_info("label", TensorProto.INT64, ["n"]), scores])
    return model


def _without_shapes(model: ModelProto) -> ModelProto:
    """No sizes anywhere, as some converters leave them out."""
    model.graph.input[0].type.tensor_type.ClearField("shape")
    model.graph.output[0].type.tensor_type.ClearField("shape")
    del model.graph.value_info[:]
    return model


def _odd_names(model: ModelProto) -> ModelProto:
    """Names with colons, slashes, dots, spaces and letters outside ASCII."""
    odd = {name: f"модель/{index}.weight:0 <b>" for index, name in enumerate(_names(model)) if name}
    for node in model.graph.node:
        node.input[:] = [odd.get(name, name) for name in node.input]
        node.output[:] = [odd.get(name, name) for name in node.output]
    for item in (*model.graph.initializer, *model.graph.input, *model.graph.output):
        item.name = odd[item.name]
    return model


def _names(model: ModelProto) -> list[str]:
    stored = [item.name for item in (*model.graph.initializer, *model.graph.input)]
    return [*stored, *(name for node in model.graph.node for name in node.output)]


def _as_function(model: ModelProto) -> ModelProto:
    """The last layer as a local function, as the graph exporter writes modules."""
    (last,) = [node for node in model.graph.node if node.op_type == "Gemm"]
    body = helper.make_node("Gemm", ["a", "b", "c"], ["y"], transB=1)
    versions = [helper.make_opsetid("", 13)]
    model.functions.append(helper.make_function("pkg.torch", "Linear", ["a", "b", "c"], ["y"], [body], versions))
    del last.attribute[:]
    last.op_type, last.domain = "Linear", "pkg.torch"
    model.opset_import.append(helper.make_opsetid("pkg.torch", 1))
    model.ir_version = max(model.ir_version, 8)
    return model


def _converted(opset: int, model: ModelProto) -> ModelProto:
    return version_converter.convert_version(model, opset)


def _identity_behind(model: ModelProto) -> ModelProto:
    """Identities behind the scores and around a weight, as shared tensors are written."""
    scores = model.graph.output[0]
    (last,) = [node for node in model.graph.node if scores.name in node.output]
    last.output[0] = "before"
    weight = last.input[1]
    last.input[1] = "shared"
    model.graph.node.insert(0, helper.make_node("Identity", [weight], ["shared"]))
    model.graph.node.append(helper.make_node("Identity", ["before"], [scores.name]))
    return model


def _raw_and_typed(model: ModelProto) -> ModelProto:
    """Weights as lists of floats in place of raw bytes."""
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            values = numpy_helper.to_array(tensor)
            tensor.CopyFrom(helper.make_tensor(tensor.name, TensorProto.FLOAT, values.shape, values.ravel().tolist()))
    return model


EDITS: dict[str, Callable[[ModelProto], ModelProto]] = {
    "initialisers-among-inputs": _initialisers_among_inputs,
    "nodes-backwards": _nodes_backwards,
    "constants-as-nodes": _constants_as_nodes,
    "features-as-second-output": _feature_outputs_behind,
    "feature-map-as-first-output": _feature_map_first,
    "label-as-first-output": _label_first,
    "without-shapes": _without_shapes,
    "odd-names": _odd_names,
    "local-function": _as_function,
    "identities": _identity_behind,
    "typed-weights": _raw_and_typed,
    **{f"converted-to-opset-{opset}": partial(_converted, opset) for opset in (15, 18, 21, 22, 24, 25)},
}


def _half(name: str, folder: Path) -> Built:
    return _typed(name, torch.float16, folder)


def _double(name: str, folder: Path) -> Built:
    return _typed(name, torch.float64, folder)


def _typed(name: str, dtype: torch.dtype, folder: Path) -> Built:
    """The whole file in another type, its input and output too."""
    net, shape = _net(name)
    x = noise(INSTANCES, *shape).half().float()
    found = of_module(net, x)
    path = folder / "model.onnx"
    with quiet():
        axes = {"input": {0: "n"}, "output": {0: "n"}}
        torch.onnx.export(
            net.to(dtype), (x[:2].to(dtype),), str(path), dynamo=False, opset_version=17, dynamic_axes=axes,
            input_names=["input"], output_names=["output"],
        )  # fmt: skip
    return path, found if dtype == torch.float16 else None  # ONNX Runtime has no Conv and no Erf in float64


def _external(folder: Path) -> Built:
    net, shape = _net("cnn")
    path = to_onnx(net, shape, folder / "model.onnx", "tracer", 17)
    onnx.save(onnx.load(path), path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    return path, of_module(net, noise(INSTANCES, *shape))


def _external_each(folder: Path) -> Built:
    """A file for each tensor."""
    net, shape = _net("cnn")
    path = to_onnx(net, shape, folder / "model.onnx", "tracer", 17)
    model = onnx.load(path)
    onnx.save(model, path, save_as_external_data=True, all_tensors_to_one_file=False, size_threshold=0)
    return path, of_module(net, noise(INSTANCES, *shape))
