"""deepdig-audit: where a classifier changes its mind, measured and reported.

The public API is what this package has without its submodules, and exactly ``__all__``; ``errors`` and ``testing`` are
parts of it. Importing it loads nothing heavy: each name is looked up when it is first used (PEP 562). ``python -m
auditor`` is the command line, which is made from the same functions.

The way through the package, left to right::

    path -> models, datasets -> boundary -> characteristics -> documents -> render -> files

Left of ``documents`` there are tensors, right of it plain numbers.

>>> import auditor
>>> a = auditor.audit("sample_models/digits_fcn.onnx", "digits", pairs="3:9", profile="quick")
>>> a
<Audit of digits_fcn.onnx on digits: 1 pair>

What extends it is written against the same names, and checked by ``testing``::

>>> class Line:
...     file_name, summary = "line.txt", "one line of text"
...
...     def render(self, results: auditor.Results, created=None) -> bytes:
...         return f"{len(results.pairs)} pairs".encode()
>>> line: auditor.Output = Line()
>>> auditor.testing.check_output(line, a.results)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from auditor import errors, testing
    from auditor.api.audit_objects import Audit, AuditComparison, Verdict, compare, load
    from auditor.api.functions import audit, available, boundary_instances, inspect, open_model
    from auditor.boundary.base import BoundaryInstances, DirectionTask, Generator, generator
    from auditor.characteristics.base import Characteristic, Evidence, Findings, PairCharacteristic, characteristic
    from auditor.datasets.base import DataRequest, RawData, Split, data_source, path_source
    from auditor.documents.results import Definition, GeneratorDefinition, Measure, NotMeasured, Pair, Results
    from auditor.errors import AuditError, AuditIncomplete, InputRefused, UsageError
    from auditor.models.base import Backend, ModelInput, ModelOptions, model_format
    from auditor.models.classifier import Classifier
    from auditor.models.model_file import ModelFile
    from auditor.policy.document import Policy
    from auditor.render.base import Output, comparison_output, output

__version__ = "0.1.0"
__all__ = [
    "Audit", "AuditComparison", "AuditError", "AuditIncomplete", "Backend", "BoundaryInstances", "Characteristic",
    "Classifier", "DataRequest", "Definition", "DirectionTask", "Evidence", "Findings", "Generator",
    "GeneratorDefinition", "InputRefused", "Measure", "ModelFile", "ModelInput", "ModelOptions", "NotMeasured",
    "Output", "Pair", "PairCharacteristic", "Policy", "RawData", "Results", "Split", "UsageError", "Verdict", "audit",
    "available", "boundary_instances", "characteristic", "compare", "comparison_output", "data_source", "errors",
    "generator", "inspect", "load", "model_format", "open_model", "output", "path_source", "testing",
]  # fmt: skip
_HOMES = {
    "api.audit_objects": "Audit AuditComparison Verdict compare load",
    "api.functions": "audit available boundary_instances inspect open_model",
    "boundary.base": "BoundaryInstances DirectionTask Generator generator",
    "characteristics.base": "Characteristic Evidence Findings PairCharacteristic characteristic",
    "datasets.base": "DataRequest RawData Split data_source path_source",
    "documents.results": "Definition GeneratorDefinition Measure NotMeasured Pair Results",
    "errors": "AuditError AuditIncomplete InputRefused UsageError",
    "models.base": "Backend ModelInput ModelOptions model_format",
    "models.classifier": "Classifier",
    "models.model_file": "ModelFile",
    "policy.document": "Policy",
    "render.base": "Output comparison_output output",
}
"""Where the public names are defined; the others are submodules."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'auditor' has no attribute {name!r}")
    home = next((home for home, names in _HOMES.items() if name in names.split()), None)
    if home is None:
        return import_module(f"auditor.{name}")
    return globals().setdefault(name, getattr(import_module(f"auditor.{home}"), name))


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
