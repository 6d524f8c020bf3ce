"""The session beside a GPU that does not come up, and what a GPU needs that can be done on a CPU."""

from __future__ import annotations

from pathlib import Path

import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper

from auditor.errors import InputRefused, UsageError
from auditor.models.base import ModelInput
from auditor.models.onnx import runtime as onnx_runtime
from auditor.models.onnx.runtime import Runtime

DIGITS = Path(__file__).parents[3] / "sample_models" / "digits_cnn.onnx"
CPU, CUDA = torch.device("cpu"), torch.device("cuda")
no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")


def small(output: int = TensorProto.FLOAT, batch: str | int = "n") -> onnx.ModelProto:
    """y = 2 x for three numbers, in the type asked for."""
    nodes = [helper.make_node("Add", ["x", "x"], ["sum"]), helper.make_node("Cast", ["sum"], ["y"], to=output)]
    values = [("x", TensorProto.FLOAT), ("y", output)]
    x, y = (helper.make_tensor_value_info(name, kind, [batch, 3]) for name, kind in values)
    model = helper.make_model(helper.make_graph(nodes, "g", [x], [y]), opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 8
    return model


@no_gpu
def test_a_provider_that_does_not_come_up_gives_its_reason(capfd: pytest.CaptureFixture[str]):
    runtime = Runtime(small(), "x", ModelInput((3,)), fetch=["y"], device=CUDA)
    assert runtime.missed is not None
    assert "libcuda.so.1: cannot open shared object file" in runtime.missed or "without CUDA" in runtime.missed
    assert runtime.description == f"ONNX Runtime {onnxruntime.__version__}, CPUExecutionProvider"
    x = torch.rand(5, 3)
    assert torch.equal(runtime.run("y", x), 2 * x)
    assert capfd.readouterr() == ("", "")


@no_gpu
def test_who_insists_on_the_gpu_is_refused_with_the_reason():
    with pytest.raises(
        UsageError, match=r"CUDAExecutionProvider for --device cuda; found .*ONNX Runtime .*; mend that"
    ):
        Runtime(small(), "x", ModelInput((3,)), fetch=["y"], device=CUDA, strict=True)


@no_gpu
def test_a_broken_model_is_refused_as_on_the_cpu():
    model = small()
    model.graph.node[0].op_type = "Unheard"
    with pytest.raises(InputRefused, match="a model that ONNX Runtime takes"):
        Runtime(model, "x", ModelInput((3,)), fetch=["y"], device=CUDA)


def test_nodes_that_another_provider_computes_are_named():
    """On the CPU all nodes are left to it, which is what a provider of a GPU says of those that it does not know."""
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    session = onnxruntime.InferenceSession(str(DIGITS), options, providers=["CPUExecutionProvider"])
    assert onnx_runtime._left_to_cpu(session) == " (10 of 10 nodes on the CPU: Relu, Conv, MaxPool, Gemm, ...)"


@pytest.mark.parametrize("bind", [False, True])
def test_bfloat16_is_read_as_float32(bind: bool):
    runtime = Runtime(small(TensorProto.BFLOAT16), "x", ModelInput((3,)), fetch=["y"], device=CPU, bind=bind)
    x = torch.rand(5, 3)
    for _ in range(2):  # the first call goes through the host, later ones do not
        assert torch.equal(runtime.run("y", x), (2 * x).bfloat16().float())


def test_parts_that_begin_at_any_address():
    """Batches of three rows of three numbers begin every 36 bytes."""
    declared = ModelInput((3,), fixed_batch=3)
    runtime = Runtime(small(batch=3), "x", declared, fetch=["y"], device=CPU, bind=True)
    x = torch.rand(11, 3)
    for _ in range(2):
        assert torch.equal(runtime.run("y", x), 2 * x)
