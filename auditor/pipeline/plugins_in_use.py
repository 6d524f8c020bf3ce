"""The plug-ins of an audit: those in use, for its results and its journal, and a check that names those left out."""

from __future__ import annotations

import hashlib
import inspect
import json
import sys
from collections.abc import Sequence
from contextlib import suppress

from auditor.boundary.base import generators
from auditor.characteristics.base import characteristics
from auditor.datasets.base import data_sources
from auditor.datasets.load import find_source
from auditor.documents.plan import Plan
from auditor.documents.results import Pair, Plugin, Validity
from auditor.errors import InputRefused
from auditor.models.base import model_formats
from auditor.pipeline.model_and_data import Subject, data_request
from auditor.pipeline.pairs.generation import GenerationSetup
from auditor.pipeline.pairs.measuring import CharacteristicSuite
from auditor.pipeline.pairs.plugin_answers import refused_answers
from auditor.plugin_registry import Registry, skipped


def in_use(plan: Plan, subject: Subject, setup: GenerationSetup, suite: CharacteristicSuite) -> list[Plugin]:
    """Every plug-in that had a part in the numbers: the model's format, the data, who made and who measured."""
    found = [
        *model_formats.in_use({subject.artefact.format: ""}),
        *data_sources.in_use(dict.fromkeys(_data_source(plan), "")),
        *generators.in_use({name: repr(one) for name, one in setup.generators.items()}),
        *characteristics.in_use({name: repr(one) for name, one in {**suite.directed, **suite.paired}.items()}),
    ]
    if subject.artefact.format == "onnx":
        from auditor.models.onnx.graph.registry import operators

        found += operators.in_use(dict.fromkeys(operators.names(), ""))
    return [Plugin(**facts) for facts in found]


def _data_source(plan: Plan) -> list[str]:
    """Name of what reads the data; nothing for data that are no name and no path."""
    if plan.data is None:
        return []
    with suppress(InputRefused):
        source = find_source(data_request(plan.data, plan.seed))
        return [name for name, one in data_sources.items() if one is source]
    return []


def facts_of_plugins(plugins: Sequence[Plugin]) -> dict[str, str]:
    """Each plug-in by a name that a user knows: its version, its settings and a digest of its source text."""
    registries: list[Registry[object]] = [model_formats, data_sources, generators, characteristics]  # type: ignore[list-item]
    kinds = {registry.kind: registry for registry in registries}
    facts = {}
    for one in plugins:
        text = ""
        with suppress(KeyError, OSError, TypeError):
            entry = kinds[one.kind][one.name]
            text = inspect.getsource(sys.modules[getattr(entry, "load", entry).__module__])
        content = hashlib.sha256(text.encode()).hexdigest()
        facts[f"the {one.kind} {one.name} of {one.distribution}"] = json.dumps([one.version, one.settings, content])
    return facts


def plugin_checks(pairs: Sequence[Pair]) -> list[Validity]:
    """Names the plug-ins that cannot be used, and what they answered in vain; fails where an answer was wrong."""
    wrong, reasons = refused_answers(pairs)
    more = f" (and {len(reasons) - 1} more reasons)" if len(reasons) > 1 else ""
    told = f"Answers of plug-ins are left out: {reasons[0]}{more}." if reasons else ""
    text = " ".join(filter(None, [told, skipped()]))
    return [Validity(id="plugins", status="fail" if wrong else "warn", message=text)] if text else []
