"""From the declared input to the shape of an instance."""

from __future__ import annotations

import pytest

from auditor.errors import InputRefused, UsageError
from auditor.models.base import Layout, ModelInput
from auditor.models.shape import InstanceSpec, instance_spec


@pytest.mark.parametrize(
    ("declared", "layout", "expected"),
    [
        ((1, 28, 28), "auto", InstanceSpec((1, 28, 28), "nchw")),
        ((3, None, None), "auto", InstanceSpec((3, None, None), "nchw")),
        ((None, None, None), "auto", InstanceSpec((None, None, None), "nchw")),
        ((224, 224, 3), "auto", InstanceSpec((3, 224, 224), "nhwc")),
        ((None, None, 3), "auto", InstanceSpec((3, None, None), "nhwc")),
        ((3, 32, 3), "auto", InstanceSpec((3, 32, 3), "nchw")),
        ((8, 8, 4), "auto", InstanceSpec((8, 8, 4), "nchw")),
        ((8, 8, 4), "nhwc", InstanceSpec((4, 8, 8), "nhwc")),
        ((28, 28, 1), "nchw", InstanceSpec((28, 28, 1), "nchw")),
        ((28, 28), "auto", InstanceSpec((1, 28, 28), "nhw")),
        ((784,), "auto", InstanceSpec((784,), "flat")),
        ((None,), "flat", InstanceSpec((None,), "flat")),
        (None, "auto", InstanceSpec(None, "nchw")),
        (None, "nhwc", InstanceSpec(None, "nhwc")),
        (None, "flat", InstanceSpec((None,), "flat")),
    ],
)
def test_table(declared: tuple[int | None, ...] | None, layout: Layout, expected: InstanceSpec):
    assert instance_spec(ModelInput(declared), layout) == expected


@pytest.mark.parametrize(
    ("declared", "layout", "message"),
    [
        ((784,), "nchw", r"expected --layout auto or flat for inputs \(N, 784\); found nchw"),
        ((3, None, 8), "flat", r"expected --layout auto, nchw or nhwc for inputs \(N, 3, \?, 8\); found flat"),
    ],
)
def test_contradictions(declared: tuple[int | None, ...], layout: Layout, message: str):
    with pytest.raises(UsageError, match=message):
        instance_spec(ModelInput(declared), layout)


@pytest.mark.parametrize("declared", [(3, 8, 8, 8), ()])
def test_what_is_neither_an_image_nor_a_vector_is_refused(declared: tuple[int | None, ...]):
    with pytest.raises(InputRefused, match=r"a model of images or vectors; found one of inputs \(N"):
        instance_spec(ModelInput(declared), "auto")
