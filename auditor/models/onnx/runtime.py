"""A model in ONNX Runtime: the artefact's own predictions, any value of the graph by name.

What goes in: the checked model in memory (never a path, so that nothing else is read) and batches of any
size. What comes out: float32 tensors where it computes. No profiling, no optimised copy, no custom libraries.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

# ONNX Runtime 1.31 keeps a database of its sessions in the home folder and tries the network, unless it is told not to
# before it is imported; its own disable_telemetry_events() does not stop that.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import ModelProto
from torch import Tensor

from auditor.errors import InputRefused, UsageError, error_summary
from auditor.models import batch_size
from auditor.models.base import ModelInput
from auditor.models.batching import filled_up, to_input_dtype
from auditor.models.memory import lack_of_memory, release_cached
from auditor.models.onnx import cuda_provider
from auditor.models.onnx.cuda_provider import CUDA_PROVIDER

_CPU = "CPUExecutionProvider"
_SILENT = 4
_NAMED = 4
"""Operators that are listed by name."""
_ALIGNED = 256
"""Bytes. Kernels read several numbers at once, from addresses such as CUDA's own allocator gives."""
_NUMPY = {
    torch.float32: np.float32, torch.float64: np.float64, torch.float16: np.float16, torch.uint8: np.uint8,
    torch.int64: np.int64, torch.int32: np.int32, torch.int8: np.int8, torch.bool: np.bool_,
}  # fmt: skip


class Runtime:
    """An inference session over one model.

    Args:
        model: with all its data in memory.
        input_name: the data input.
        input: what that input takes; a ``fixed_batch`` is kept by cutting and padding.
        fetch: values that will be asked for; those that are no outputs yet become outputs.
        device: where to compute.
        strict: refuse to compute anywhere else.
        threads: CPU threads.
        bind: whether the runtime reads and writes torch's memory where it is; None does so on a GPU, where every copy
            through the host would cost more than the model.
    Attributes:
        where: the device on which values are taken and left.
        description: runtime, version and the provider that is really in use.
        missed: why it computes on the CPU though ``device`` is a GPU; None where it does what was asked.
    Raises:
        UsageError: ``strict``, and ONNX Runtime has no CUDA provider that works.
        InputRefused: ONNX Runtime does not take the model.
    """

    def __init__(
        self,
        model: ModelProto,
        input_name: str,
        input: ModelInput,
        *,
        fetch: Sequence[str],
        device: torch.device,
        strict: bool = False,
        threads: int = 1,
        bind: bool | None = None,
    ) -> None:
        self._input_name, self.input = input_name, input
        self._outputs: dict[str, tuple[tuple[int, ...], torch.dtype]] = {}
        extended = _with_outputs(model, fetch)
        self._session, self.missed = _session(extended, device, threads)
        self._cast = {name: f"{name}/float32" for name in fetch if _is_bfloat16(self._session, name)}
        if self._cast:
            self._session, self.missed = _session(_with_casts(extended, self._cast), device, threads)
        if self.missed is not None and strict:
            action = "mend that (docs/gpu.md) or use --device cpu"
            raise UsageError(f"expected {CUDA_PROVIDER} for --device cuda; found {_CPU}: {self.missed}; {action}")
        self._on_gpu = device.type == "cuda" and self.missed is None
        self._bind = self._on_gpu if bind is None else bind
        self.where = device if self._bind else torch.device("cpu")
        self._shrink = False
        provider = CUDA_PROVIDER + _left_to_cpu(self._session) if self._on_gpu else _CPU
        self.description = f"ONNX Runtime {onnxruntime.__version__}, {provider}"

    def run(self, name: str, x: Tensor) -> Tensor:
        """One value of the graph for a batch of any size; as ``run_all``."""
        return self.run_all([name], x)[0]

    def run_all(self, names: Sequence[str], x: Tensor) -> list[Tensor]:
        """Values of the graph for a batch of any size, from one run.

        Args:
            names: some of ``fetch``.
            x (float32): ``(N, ...)`` in the model's layout, N >= 1.
        Returns:
            float32 ``(N, ...)`` each, on ``where``.
        Raises:
            InputRefused: the model does not compute this batch, or not one row for each instance.
        """
        x = to_input_dtype(x.detach(), self.input.dtype).to(self.where).contiguous()
        size = self.input.fixed_batch or (batch_size.filled(len(x)) if self._on_gpu else len(x))
        names = [self._cast.get(name, name) for name in names]
        if len(x) <= size:  # right after the model every operation finds cold caches, so none is made in vain
            return self._run_batch(names, x, size)
        parts = [self._run_batch(names, part, size) for part in x.split(size)]
        return [torch.cat(values) for values in zip(*parts, strict=True)]

    def texts(self, name: str, x: Tensor) -> list[str]:
        """An output with one label for each instance, whole numbers or text, as text.

        Args:
            name: an output of the file.
            x (float32): as for ``run``.
        """
        x = to_input_dtype(x.detach(), self.input.dtype).cpu().contiguous()
        size, labels = self.input.fixed_batch or max(1, len(x)), list[str]()
        for part in x.split(size):
            (array,) = self._session.run([name], {self._input_name: filled_up(part, size).numpy()})
            labels += [str(label) for label in np.asarray(array).reshape(-1)[: len(part)].tolist()]
        return labels

    def release_memory(self) -> None:
        """Give the device's memory back that was needed for larger batches, at the end of the next one."""
        self._shrink = self._on_gpu

    def _run_batch(self, names: Sequence[str], x: Tensor, size: int) -> list[Tensor]:
        """One call of the session; a batch shorter than ``size`` is filled up with its last row."""
        filled = filled_up(x, size)
        try:
            if self._bind and all(name in self._outputs for name in names):
                return [y[: len(x)].float() for y in self._run_in_place(names, filled)]
            arrays = self._session.run(list(names), {self._input_name: filled.cpu().numpy()})
        except Exception as err:
            if self._on_gpu and lack_of_memory(err):  # torch's cache and this arena hold what the other lacks
                release_cached()
                self.release_memory()
            found = f"input {tuple(filled.shape)}: {error_summary(err)}"
            raise InputRefused("a batch that the model computes", found, "check the data's size and --layout") from err
        made = list[Tensor]()
        for name, array in zip(names, arrays, strict=True):
            if array.ndim == 0 or len(array) != size:
                raise InputRefused(
                    f"one row of {name!r} for each of {size} instances",
                    f"shape {array.shape}",
                    "export the model with a dynamic batch axis, or with its batch size declared",
                )
            y = torch.from_numpy(array)
            if self._bind:
                self._outputs[name] = tuple(y.shape[1:]), y.dtype
            made.append((y if len(x) == size else y[: len(x)]).float().to(self.where))
        return made

    def _run_in_place(self, names: Sequence[str], x: Tensor) -> list[Tensor]:
        """One call without a copy: from x's own memory to tensors on the same device.

        Args:
            names: values that have been computed once, so that their shapes are known.
            x: ``(N, ...)``, contiguous, in the dtype that the model declares.
        """
        x = x.clone() if x.data_ptr() % _ALIGNED else x  # a part of a larger tensor may begin anywhere
        made = [
            torch.empty(len(x), *shape, dtype=dtype, device=x.device)
            for shape, dtype in (self._outputs[name] for name in names)
        ]
        if x.device.type == "cuda":
            torch.cuda.current_stream(x.device).synchronize()  # the runtime works on a stream of its own
        place = x.device.type, x.device.index or 0
        binding = self._session.io_binding()
        binding.bind_input(self._input_name, *place, _NUMPY[x.dtype], tuple(x.shape), x.data_ptr())
        for name, y in zip(names, made, strict=True):
            binding.bind_output(name, *place, _NUMPY[y.dtype], tuple(y.shape), y.data_ptr())
        self._run_bound(binding)
        return made

    def _run_bound(self, binding: onnxruntime.IOBinding) -> None:
        """Run what was bound; returns when the device has finished."""
        if self._shrink:
            self._shrink, options = False, onnxruntime.RunOptions()
            options.add_run_config_entry("memory.enable_memory_arena_shrinkage", f"gpu:{self.where.index or 0}")
            with suppress(Exception):  # nothing to shrink; whatever else is wrong is said below
                self._session.run_with_iobinding(binding, options)
                return
        self._session.run_with_iobinding(binding)


def _with_outputs(model: ModelProto, names: Sequence[str]) -> ModelProto:
    """The model with further values as outputs; without a type, the runtime infers it."""
    known = {value.name for value in model.graph.output}
    extra = [onnx.ValueInfoProto(name=name) for name in dict.fromkeys(names) if name not in known]
    if not extra:
        return model
    extended = ModelProto()
    extended.CopyFrom(model)
    extended.graph.output.extend(extra)
    return extended


def _with_casts(model: ModelProto, names: dict[str, str]) -> ModelProto:
    """The model with further outputs that are float32: values by name to the names of those outputs."""
    extended = ModelProto()
    extended.CopyFrom(model)
    for name, output in names.items():
        extended.graph.node.append(onnx.helper.make_node("Cast", [name], [output], to=onnx.TensorProto.FLOAT))
        extended.graph.output.append(onnx.ValueInfoProto(name=output))
    return extended


def _is_bfloat16(session: onnxruntime.InferenceSession, name: str) -> bool:
    """Whether an output is of the one type of numbers that NumPy does not have."""
    return any(value.name == name and value.type == "tensor(bfloat16)" for value in session.get_outputs())


def _session(model: ModelProto, device: torch.device, threads: int) -> tuple[onnxruntime.InferenceSession, str | None]:
    """A session on the device, or on the CPU and why.

    Raises:
        InputRefused: ONNX Runtime does not take the model.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.use_deterministic_compute = True
    options.log_severity_level = _SILENT
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # torch needs the cores as well
    content, missed = model.SerializeToString(), None
    if device.type == "cuda":
        session, missed = _cuda_session(content, options, device)
        if session is not None:
            return session, None
    try:
        return onnxruntime.InferenceSession(content, options, providers=[_CPU]), missed
    except Exception as err:  # the runtime's own errors have no common base
        raise InputRefused("a model that ONNX Runtime takes", error_summary(err), "export it again") from err


def _cuda_session(
    content: bytes, options: onnxruntime.SessionOptions, device: torch.device
) -> tuple[onnxruntime.InferenceSession | None, str | None]:
    """A session whose first provider is CUDA, or None and why there is none."""
    if CUDA_PROVIDER not in onnxruntime.get_available_providers():
        return None, cuda_provider.why_not_loaded()
    cuda_provider.preload()
    onnxruntime.set_default_logger_severity(_SILENT)  # a provider that does not load is told by ourselves
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    try:
        # Without the fallback, which prints and hides the reason, and would go to the CPU in the middle of an audit.
        session = onnxruntime.InferenceSession(
            content, options, providers=[(CUDA_PROVIDER, _cuda_settings(device)), _CPU], enable_fallback=0
        )
    except Exception as err:
        return None, f"the CUDA provider does not take the model: {error_summary(err)}"
    if session.get_providers()[0] != CUDA_PROVIDER:
        return None, cuda_provider.why_not_loaded()
    return session, None


def _cuda_settings(device: torch.device) -> dict[str, str]:
    """Full float32, algorithms that are found at once, and no memory in vain.

    By cuDNN's own heuristic (HEURISTIC) a ResNet-18 is a tenth faster and each change of the batch's size costs 25 ms
    in place of 4, on an H100; trying them all out (EXHAUSTIVE) is slower in both.
    """
    return {
        "device_id": str(device.index or 0),
        "use_tf32": "0",
        "cudnn_conv_algo_search": "DEFAULT",
        "arena_extend_strategy": "kSameAsRequested",
    }


def _left_to_cpu(session: onnxruntime.InferenceSession) -> str:
    """Which nodes the CUDA provider does not compute, in brackets; empty where it computes all."""
    parts = session.get_provider_graph_assignment_info()
    total = sum(len(part.get_nodes()) for part in parts)
    others = Counter(node.op_type for part in parts if part.ep_name != CUDA_PROVIDER for node in part.get_nodes())
    if not others:
        return ""
    named = ", ".join(op for op, _ in others.most_common(_NAMED)) + (", ..." if len(others) > _NAMED else "")
    return f" ({others.total()} of {total} nodes on the CPU: {named})"
