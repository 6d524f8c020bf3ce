"""results.sarif: valid by the standard's own schema, fingerprints that stay, only what stands against the model."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic_sarif.model import StaticAnalysisResultsFormatSarifVersion210JsonSchema as Sarif

from auditor.documents.results import Measure, Results
from auditor.policy.document import parse_policy
from auditor.policy.gate_decision import decide
from auditor.render.base import OutputOfPlace, outputs
from tests.render.gated import RULES, gated, hostile
from tests.render.sample_results import flagged, synthetic_results


def run(results: Results, model_path: str = "") -> dict[str, Any]:
    output = outputs["sarif"]
    assert isinstance(output, OutputOfPlace)
    document: dict[str, Any] = json.loads(output.placed(model_path).render(results))["runs"][0]
    return document


@pytest.mark.parametrize(
    "results",
    [gated(), hostile(), synthetic_results(images=False), flagged(gated(), "fail", "near chance")],
    ids=["gated", "hostile", "no gate", "not valid"],
)
def test_it_is_valid(results: Results):
    """The model is generated from the schema of the standard and admits no other key."""
    Sarif.model_validate_json(outputs["sarif"].render(results))


def test_the_check_refuses_what_is_no_sarif():
    text = outputs["sarif"].render(gated()).decode()
    for wrong in (text.replace('"ruleId"', '"rule"', 1), text.replace('"error"', '"grave"', 1)):
        with pytest.raises(ValueError, match="validation error"):
            Sarif.model_validate_json(wrong)


def test_a_result_for_each_rule_that_does_not_pass():
    found = run(gated())
    assert [(r["ruleId"], r["level"]) for r in found["results"]] == [
        ("gate.performance.accuracy", "error"),
        ("gate.characteristics.margin_l2_attack worst", "error"),
        ("gate.characteristics.edc_train_distance_misclassified mean", "error"),
        ("gate.warned", "warning"),
    ]
    rules = found["tool"]["driver"]["rules"]
    assert [rules[r["ruleIndex"]]["id"] for r in found["results"]] == [r["ruleId"] for r in found["results"]]


def test_checks_come_first_and_only_once():
    results = flagged(synthetic_results(images=False), "fail", "near chance")
    results = results.model_copy(update={"gate": decide(results, parse_policy(RULES, "p"))})
    ids = [r["ruleId"] for r in run(results)["results"]]
    assert ids[0] == "validity.test"
    assert len(ids) == len(set(ids))


def test_nothing_stands_against_a_model_that_passes():
    assert run(synthetic_results(images=False))["results"] == []


def test_fingerprints_stay_when_numbers_change_and_differ_by_rule_and_model():
    def prints(results: Results) -> list[str]:
        return [r["partialFingerprints"]["deepdigAudit/v1"] for r in run(results)["results"]]

    first, other_numbers = gated(), {"value": 0.1, "classes": [0, 1], "message": "other"}
    rules = [rule.model_copy(update=other_numbers) for rule in first.gate.rules]
    changed = first.model_copy(update={"gate": first.gate.model_copy(update={"rules": rules})})
    assert prints(changed) == prints(first)
    assert len(set(prints(first))) == 4
    other = first.model_copy(update={"model": first.model.model_copy(update={"file": "other.onnx"})})
    assert not set(prints(other)) & set(prints(first))


def test_the_place_is_an_address_whatever_the_name_of_the_model():
    (place,) = {r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in run(hostile())["results"]}
    assert place == "%3Cb%3E%26%60%7C%60.onnx"
    assert isinstance(gated().performance.accuracy, Measure)


def test_two_files_of_one_name_are_told_apart_by_their_place():
    first, second = (run(gated(), f"models/{version}/model.onnx") for version in ("v1", "v2"))
    ids = [document["automationDetails"]["id"] for document in (first, second)]
    assert ids == ["deepdig-audit/models/v1/model.onnx/digits/", "deepdig-audit/models/v2/model.onnx/digits/"]
    prints = [
        {r["partialFingerprints"]["deepdigAudit/v1"] for r in document["results"]} for document in (first, second)
    ]
    assert not prints[0] & prints[1]
    assert run(gated(), "models/v1/model.onnx") == first


def test_a_place_is_relative_to_the_root_of_the_repository_and_percent_encoded():
    document = run(gated(), "Modèles été/größe 2/model.onnx")
    (place,) = {json.dumps(r["locations"][0]["physicalLocation"]["artifactLocation"]) for r in document["results"]}
    assert json.loads(place) == {
        "uri": "Mod%C3%A8les%20%C3%A9t%C3%A9/gr%C3%B6%C3%9Fe%202/model.onnx", "uriBaseId": "%SRCROOT%",
    }  # fmt: skip
