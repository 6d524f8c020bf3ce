"""On what numbers were computed."""

from __future__ import annotations

import platform

import torch

from auditor.worker.processor import mixed, processor


def test_it_names_architecture_and_instructions():
    assert processor().split(", ")[:2] == [platform.machine(), torch.backends.cpu.get_cpu_capability()]


def test_one_kind_is_no_matter_and_older_parts_name_none():
    assert mixed([]) == mixed(["a", "a", ""]) == []


def test_several_kinds_are_a_warning_that_names_them():
    (check,) = mixed(["x86_64, AVX512, B", "x86_64, AVX2, A", "x86_64, AVX512, B"])
    assert (check.id, check.status) == ("processors", "warn")
    assert "2 kinds of processors (x86_64, AVX2, A; x86_64, AVX512, B)" in check.message
