"""ONNX tensors and element types as torch's.

Half precision is computed in float32: its gradients underflow, and torch on the CPU is slow with it.
Unsigned types that torch hardly computes with become the next wider signed type.
"""

from __future__ import annotations

import numpy as np
import torch
from onnx import TensorProto, numpy_helper
from torch import Tensor

from auditor.models.onnx.graph.node import UnsupportedGraph

_DTYPES: dict[int, torch.dtype] = {
    TensorProto.FLOAT: torch.float32,
    TensorProto.DOUBLE: torch.float64,
    TensorProto.FLOAT16: torch.float32,
    TensorProto.BFLOAT16: torch.float32,
    TensorProto.INT64: torch.int64,
    TensorProto.INT32: torch.int32,
    TensorProto.INT16: torch.int16,
    TensorProto.INT8: torch.int8,
    TensorProto.UINT64: torch.int64,
    TensorProto.UINT32: torch.int64,
    TensorProto.UINT16: torch.int32,
    TensorProto.UINT8: torch.uint8,
    TensorProto.BOOL: torch.bool,
}


def torch_dtype(element_type: int) -> torch.dtype:
    """The dtype that stands for an ONNX element type.

    Raises:
        UnsupportedGraph: strings, complex numbers, 8-bit floats and types below 8 bits.
    """
    if element_type not in _DTYPES:
        raise UnsupportedGraph([f"tensor of {TensorProto.DataType.Name(element_type)}"])
    return _DTYPES[element_type]


def tensor_from_proto(proto: TensorProto) -> Tensor:
    """The value of an ONNX tensor, in the dtype of ``torch_dtype``.

    Raises:
        UnsupportedGraph: an element type without one.
    """
    dtype = torch_dtype(proto.data_type)
    array = numpy_helper.to_array(proto)
    if array.dtype.name == "bfloat16" or (array.dtype.kind == "u" and array.dtype.itemsize > 1):
        array = array.astype(np.float32 if dtype.is_floating_point else np.int64)
    return torch.from_numpy(np.array(array)).to(dtype)
