"""A lack of memory is known by the words of whoever says so, and nothing else is taken for one."""

from __future__ import annotations

import pytest
import torch

from auditor.models.memory import lack_of_memory

SHORT = {
    "torch, CUDA": "CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 79.10 GiB",
    "torch, CUDA runtime": "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported",
    "torch, Linux": "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you "
    "tried to allocate 4398046511104 bytes. Error code 12 (Cannot allocate memory)",
    "torch, Windows": "[enforce fail at alloc_cpu.cpp:80] data. DefaultCPUAllocator: not enough memory: you tried to "
    "allocate 52428800000 bytes.",
    "torch, Apple": "MPS backend out of memory (MPS allocated: 17.99 GB, other allocations: 1.20 MB)",
    "torch, AMD": "HIP out of memory. Tried to allocate 2.00 GiB",
    "CUDA driver": "CUDA driver error: CUDA_ERROR_OUT_OF_MEMORY",
    "CUDA runtime": "cudaErrorMemoryAllocation: the API call failed because it was unable to allocate enough memory",
    "cuBLAS": "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    "cuDNN": "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
    "cuDNN 9": "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
    "cuSOLVER": "cusolver error: CUSOLVER_STATUS_ALLOC_FAILED, when calling `cusolverDnCreate(handle)`",
    "cuFFT": "cuFFT error: CUFFT_ALLOC_FAILED",
    "ONNX Runtime, CPU": "[ONNXRuntimeError] : 1 : FAIL : bad allocation",
    "ONNX Runtime, no limit": "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Non-zero status code returned while "
    "running Conv node. Name:'conv' Status Message: /onnxruntime_src/onnxruntime/core/framework/bfc_arena.cc:391 void* "
    "onnxruntime::BFCArena::AllocateRawInternal(size_t, bool, onnxruntime::Stream*) Failed to allocate memory for "
    "requested buffer of size 4294967296",
    "ONNX Runtime, limit": "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Non-zero status code returned while running "
    "Relu node. Name:'relu' Status Message: Available memory of 1048576 is smaller than requested bytes of 8388608",
    "ONNX Runtime, CUDA": "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : CUDA failure 2: out of memory ; GPU=0 ; "
    "hostname=h ; expr=cudaMalloc((void**)&p, size);",
    "ONNX Runtime, cuBLAS": "[ONNXRuntimeError] : 1 : FAIL : CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0",
    "C++": "std::bad_alloc",
    "system": "[Errno 12] Cannot allocate memory",
}
OTHER = (
    "CUDA error: an illegal memory access was encountered",
    "CUDA error: device-side assert triggered",
    "CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm`",
    "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED",
    "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!",
    "mat1 and mat2 shapes cannot be multiplied (4x3 and 5x2)",
    "the memory format of the input is not supported",
)


@pytest.mark.parametrize("who", SHORT)
def test_every_runtime_is_understood(who: str):
    text = SHORT[who]
    assert lack_of_memory(RuntimeError(text)) == text.splitlines()[0]
    outer = ValueError("a batch that the model computes")
    outer.__cause__ = RuntimeError(text)
    assert lack_of_memory(outer) == text.splitlines()[0]


@pytest.mark.parametrize("err", [MemoryError(), torch.OutOfMemoryError()])
def test_the_kind_of_error_is_enough(err: BaseException):
    assert lack_of_memory(err) == "no more memory"


@pytest.mark.parametrize("text", OTHER)
def test_other_errors_are_none(text: str):
    assert lack_of_memory(RuntimeError(text)) == ""
