"""From what a model file says of its input to the shape its data must have and the preprocessing between the two."""

from __future__ import annotations

import math
from dataclasses import dataclass

from auditor.errors import InputRefused, UsageError
from auditor.models.base import Layout, ModelInput, ModelOptions
from auditor.models.classifier import AxisOrder, Preprocessing

_CHANNELS = (1, 3)


@dataclass(frozen=True)
class InstanceSpec:
    """What the data must be adapted to.

    Args:
        shape: of one instance in pixel space, ``(C, H, W)`` or ``(D,)``; None where any size is accepted; the whole
            is None where the file does not say, and images are then left as they are.
        layout: order of the model's own axes.
    """

    shape: tuple[int | None, ...] | None
    layout: AxisOrder


def instance_spec(declared: ModelInput, layout: Layout) -> InstanceSpec:
    """Shape of an instance in pixel space and the order of the model's axes.

    Three axes are an image, channels last where the last axis is 1 or 3 and the first is not; two are a grey image
    without a channel axis; one is a vector.

    Raises:
        InputRefused: neither images nor vectors.
        UsageError: ``--layout`` contradicts the number of axes that the model declares.
    """
    shape = declared.shape
    if shape is None:
        return InstanceSpec((None,) if layout == "flat" else None, "nchw" if layout == "auto" else layout)
    if len(shape) == 3 and layout != "flat":
        last = layout == "nhwc" or (layout == "auto" and shape[2] in _CHANNELS and shape[0] not in _CHANNELS)
        return InstanceSpec((shape[2], *shape[:2]), "nhwc") if last else InstanceSpec(shape, "nchw")
    if len(shape) == 2 and layout != "flat":
        return InstanceSpec((1, *shape), "nhw")
    if len(shape) == 1 and layout in ("auto", "flat"):
        return InstanceSpec(shape, "flat")
    fits = "auto or flat" if len(shape) == 1 else "auto, nchw or nhwc"
    if not 1 <= len(shape) <= 3:
        raise InputRefused("a model of images or vectors", f"one of inputs {shape_text(shape)}", "audit another model")
    raise UsageError(f"expected --layout {fits} for inputs {shape_text(shape)}; found {layout}; leave --layout out")


def preprocessing(options: ModelOptions, layout: AxisOrder, channels: int | None = None) -> Preprocessing:
    """Normalisation by ``--mean`` and ``--std``, the order of the colours and of the axes.

    Args:
        options: what the user said.
        layout: order of the model's axes.
        channels: C of the instances (D for vectors); None leaves the number of values unchecked.
    Raises:
        UsageError: neither one value nor C values, a value that is not finite, a mean above 1, a std that is not
            positive, or blue first among other than three channels.
    """
    for name, values in (("--mean", options.mean), ("--std", options.std)):
        if values is None:
            continue
        allowed = {1, channels} if channels is not None else {1, len(values)}
        if len(values) not in allowed or not values:
            counts = " or ".join(str(count) for count in sorted(allowed))
            raise UsageError(f"expected {counts} values for {name}; found {len(values)}; give one, or one per channel")
        if not all(math.isfinite(value) for value in values):
            raise UsageError(f"expected finite numbers for {name}; found {values}; correct them")
    if options.mean is not None and max(options.mean) > 1:
        raise UsageError(f"expected --mean in units of pixels in [0, 1]; found {max(options.mean)}; divide it by 255")
    if options.std is not None and min(options.std) <= 0:
        raise UsageError(f"expected positive numbers for --std; found {min(options.std)}; correct them")
    if options.channels == "bgr" and channels not in (3, None):
        raise UsageError(f"expected three channels for --channels bgr; found {channels}; leave --channels out")
    return Preprocessing(layout, options.mean, options.std, options.channels == "bgr")


def shape_text(shape: tuple[int | None, ...]) -> str:
    """A batch shape for messages: ``(N, 1, 28, 28)``, with ``?`` where any size is accepted."""
    return f"({', '.join(['N', *('?' if size is None else str(size) for size in shape)])})"
