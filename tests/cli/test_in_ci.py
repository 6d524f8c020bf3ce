"""Where nobody asked for it, an audit goes on from a journal outside CI alone."""

from __future__ import annotations

import pytest

from auditor.api.run_audit import CI_VARIABLES, in_ci


@pytest.mark.parametrize(
    ("variables", "inside"),
    [
        ({}, False),
        ({"CI": ""}, False),
        ({"CI": "false"}, False),
        ({"CI": "0"}, False),
        ({"CI": "true"}, True),
        ({"CI": "True"}, True),
        ({"CI": "1"}, True),
        ({"CI": "woodpecker"}, True),
        ({"CI": "false", "GITHUB_ACTIONS": "true"}, True),
        ({"TF_BUILD": "True"}, True),
        ({"JENKINS_URL": "http://localhost"}, True),
    ],
)
def test_in_ci(variables: dict[str, str], inside: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in CI_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert in_ci() is inside
