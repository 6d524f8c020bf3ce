"""``audit_results``: one audit for a whole session of tests. Copy this file beside your tests as conftest.py.

Then ``pytest --audit-model model.onnx --audit-data digits --audit-pairs 3:9`` runs tests such as these::

    def test_the_gate(audit_results):
        verdict = audit_results.gate("policy.toml")
        assert verdict.passed, str(verdict)

    def test_nothing_is_too_close(audit_results):
        assert audit_results.measure("margin_l2_attack", "3", "9").value > 0.3
"""

from __future__ import annotations

from typing import Any

import pytest

import auditor

OPTIONS = {"model": None, "data": None, "pairs": "auto", "profile": "quick", "seed": "0"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--audit-model`` and the others."""
    group = parser.getgroup("audit")
    for name, default in OPTIONS.items():
        group.addoption(f"--audit-{name}", default=default, help=f"{name} of the audit")


@pytest.fixture(scope="session")
def audit_results(pytestconfig: pytest.Config) -> Any:
    """The audit; without ``--audit-model`` and ``--audit-data`` the tests that ask for it are skipped.

    A model that cannot be audited fails them, in the one line that the command says.
    """
    given = {name: pytestconfig.getoption(f"audit_{name}") for name in OPTIONS}
    model, data, seed = given.pop("model"), given.pop("data"), int(given.pop("seed"))
    if model is None or data is None:
        pytest.skip("no --audit-model and --audit-data")
    try:
        return auditor.audit(model, data, seed=seed, quiet=True, **given)
    except auditor.errors.AuditError as err:
        pytest.fail(str(err), pytrace=False)
