"""The JSON Schema that ships with the package is that of the results."""

from __future__ import annotations

import json
from importlib import resources

from jsonschema import Draft202012Validator

from auditor.documents.results import json_schema


def test_the_shipped_schema_is_the_one_of_the_code():
    shipped = json.loads(resources.files("auditor.documents").joinpath("results.schema.json").read_text("utf-8"))
    assert shipped == json_schema()


def test_it_is_a_schema():
    Draft202012Validator.check_schema(json_schema())
