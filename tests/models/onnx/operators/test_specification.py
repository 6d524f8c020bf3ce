"""Each operator's parameters are the specification's: names, order, which may be absent, defaults."""

from __future__ import annotations

from dataclasses import is_dataclass
from inspect import Parameter as Kind

import pytest
import torch
from onnx import AttributeProto, defs, helper

from auditor.models.onnx.graph.registry import Operator, operators, qualified
from auditor.models.onnx.graph.signature import Parameter, parameters_of
from auditor.models.onnx.graph.tensors import torch_dtype

OLDEST = 7
"""Older operator sets are met here and there; the runtime itself computes from this one on."""
OWN = {"outputs", "straight_through"}
"""Parameters of the importer's own: which outputs are wanted, and a mark of ``staircase``."""
WITHOUT_EFFECT = {
    "the precision of a sum, which is float32 here": {
        "LayerNormalization stash_type", "RMSNormalization stash_type", "GroupNormalization stash_type",
        "Attention softmax_precision", "QuantizeLinear precision", "Range stash_type",
    },
    "training": {"BatchNormalization momentum", "Dropout seed"},
    "refused, or another than the default refused": {
        "BatchNormalization spatial", "ai.onnx.ml::LinearClassifier post_transform",
        "ai.onnx.ml::LinearRegressor post_transform", "ai.onnx.ml::Imputer imputed_value_int64s",
        "ai.onnx.ml::Imputer replaced_value_int64",
    },
    "narrow types that are refused or computed wider": {
        "Cast saturate", "CastLike saturate", "Cast round_mode", "CastLike round_mode", "QuantizeLinear saturate",
        "DequantizeLinear output_dtype",
    },
    "labels, which the runtime gives": {
        "ai.onnx.ml::LinearClassifier classlabels_ints", "ai.onnx.ml::LinearClassifier classlabels_strings",
        "ai.onnx.ml::LinearClassifier multi_class",
    },
    "said by the inputs": {
        "RNN hidden_size", "GRU hidden_size", "LSTM hidden_size", "ai.onnx.ml::FeatureVectorizer inputdimensions",
        "SequenceEmpty dtype",
    },
    "an order that the standard leaves open": {"TopK sorted"},
    "memory": {"PRelu consumed_inputs"},
}  # fmt: skip
EXPLAINED = {key for keys in WITHOUT_EFFECT.values() for key in keys}
NO_DEFAULT = {"Clip min", "Clip max", "Dropout ratio", "RNN activations"}
"""Empty here: the extreme floats limit nothing, nothing is dropped, and a direction has its usual function."""
REQUIRED = {
    "ai.onnx.ml::Imputer imputed_value_floats", "ai.onnx.ml::LinearClassifier intercepts",
    "ai.onnx.ml::LinearRegressor coefficients",
}  # fmt: skip
"""Optional in the specification; where they are absent the operator is refused."""
BUILDERS = {"Constant", "If", "Loop", "Scan"}

SCHEMAS = {}
for _schema in defs.get_all_schemas_with_history():
    _name = qualified(_schema.domain, _schema.name)
    if _schema.domain in ("", "ai.onnx.ml") and _name in operators:
        SCHEMAS.setdefault(_name, []).append(_schema)
FORMS = [
    pytest.param(name, form, id=f"{name} since {form.since}")
    for name, forms in operators.items()
    if name in SCHEMAS
    for form in forms
    if not form.builds
]


def spanned(name: str, form: Operator) -> list[defs.OpSchema]:
    """The versions of the specification that a form computes, oldest first."""
    schemas = sorted(SCHEMAS[name], key=lambda schema: schema.since_version)
    ends = [*(schema.since_version - 1 for schema in schemas[1:]), 10**6]
    oldest = max(form.since, OLDEST if "::" not in name and form.until >= OLDEST else 1)
    return [s for s, last in zip(schemas, ends, strict=True) if last >= oldest and s.since_version <= form.until]


def takes(form: Operator) -> dict[str, Parameter]:
    """Parameters by name, the fields of groups among them."""
    flat = {}
    for parameter in form.signature.parameters:
        group = is_dataclass(parameter.type)
        flat.update({p.name: p for p in parameters_of(parameter.type)} if group else {parameter.name: parameter})
    return flat


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_inputs_stand_in_the_order_of_the_specification(name, form):
    positional = [p for p in form.signature.parameters if p.kind is not Kind.KEYWORD_ONLY]
    newest = spanned(name, form)[-1]
    if any(i.option == defs.OpSchema.FormalParameterOption.Variadic for i in newest.inputs):
        assert [p.kind for p in positional][-1:] == [Kind.VAR_POSITIONAL]
    else:
        wanted = [i.name.lower() for i in newest.inputs]
        attributes = {a for schema in spanned(name, form) for a in schema.attributes}
        assert [p.name for p in positional if p.name in wanted or p.name not in attributes] == wanted


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_what_may_be_absent_has_the_default_of_the_specification(name, form):
    parameters = takes(form)
    optional, required = {}, set()
    for schema in spanned(name, form):
        for given in schema.inputs:
            if given.option == defs.OpSchema.FormalParameterOption.Optional:
                optional.setdefault(given.name.lower(), None)
            required.add(given.name.lower())
        for key, attribute in schema.attributes.items():
            if key not in parameters:
                assert f"{name} {key}" in EXPLAINED, f"{key} is no parameter"
                continue
            if not attribute.required:
                known = attribute.default_value.type != AttributeProto.UNDEFINED
                optional[key] = helper.get_attribute_value(attribute.default_value) if known else optional.get(key)
            required.add(key)
    for key, parameter in parameters.items():
        if key in OWN or parameter.kind is Kind.VAR_POSITIONAL:
            continue
        grouped = key not in {p.name for p in form.signature.parameters}
        given_here = grouped or key in getattr(form.function, "keywords", {})
        assert key in required or given_here, f"{key} is not in the specification"
        may_be_absent = key in optional and f"{name} {key}" not in REQUIRED
        assert (parameter.default is not Kind.empty) == (may_be_absent or given_here), key
        if optional.get(key) is not None and f"{name} {key}" not in NO_DEFAULT:
            assert equal(parameter.default, optional[key]), (key, parameter.default, optional[key])


@pytest.mark.parametrize("name", sorted({n for n, f in operators.items() if f[0].builds} & set(SCHEMAS) - BUILDERS))
def test_what_torch_computes_as_it_is_has_no_attributes(name):
    (form,) = operators[name]
    assert not {key for schema in spanned(name, form) for key in schema.attributes}


def test_what_is_explained_is_there():
    known = {f"{name} {key}" for name, schemas in SCHEMAS.items() for schema in schemas for key in schema.attributes}
    known |= {f"{name} {i.name.lower()}" for name, schemas in SCHEMAS.items() for s in schemas for i in s.inputs}
    assert known >= EXPLAINED | NO_DEFAULT | REQUIRED
    assert set(SCHEMAS) >= BUILDERS


def equal(ours: object, theirs: object) -> bool:
    """Whether two defaults are one: the specification's floats are of 32 bits, its texts bytes, its types numbers."""
    if isinstance(theirs, bytes):
        return ours == theirs.decode()
    if isinstance(ours, torch.dtype):
        return ours == torch_dtype(theirs)
    if isinstance(theirs, list):
        return list(ours) == theirs
    return ours == pytest.approx(theirs, rel=1e-6)
