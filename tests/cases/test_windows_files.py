"""Files as Windows' tools write them: line ends, a byte order mark, UTF-16."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.cli import main
from auditor.documents.results import to_json
from tests.cli.test_planning import plan_of
from tests.render.sample_results import synthetic_results

POLICY = 'version = 1\n\n[[rules]]\nmeasure = "performance.accuracy"\nmin = 0.5\n'
WAYS = {
    "line ends": lambda text: text.replace("\n", "\r\n").encode(),
    "byte order mark": lambda text: b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode(),
    "UTF-16": lambda text: text.encode("utf-16"),
    "UTF-16, the high byte first": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
}


@pytest.mark.parametrize("way", WAYS)
def test_configuration_and_class_names(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "audit.toml").write_bytes(WAYS[way]('data = "digits"\nprofile = "quick"\npairs = "3:8"\n'))
    (tmp_path / "names.txt").write_bytes(WAYS[way]("\n".join(f"größe {i}" for i in range(10))))
    monkeypatch.chdir(tmp_path)
    plan = plan_of("m.onnx", "--config", "audit.toml", "--class-names", "names.txt")
    assert (plan.pairs, plan.profile) == ("3:8", "quick")
    assert plan.data is not None
    assert plan.data.class_names == tuple(f"größe {i}" for i in range(10))


@pytest.mark.parametrize("way", WAYS)
def test_results_and_policies(
    way: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "results.json").write_bytes(WAYS[way](to_json(synthetic_results(images=False))))
    monkeypatch.chdir(tmp_path)
    for name, least, status in (("low", 0.5, 0), ("high", 0.999, 1)):
        (tmp_path / f"{name}.toml").write_bytes(WAYS[way](POLICY.replace("0.5", str(least))))
        assert main(["gate", "results.json", "--policy", f"{name}.toml"]) == status
    assert capsys.readouterr().err == ""
