"""Typer's own shell completion, although the main job has no word of its own."""

from __future__ import annotations

import subprocess

import pytest

from tests.cli.command import command, environment


def completed(words: str) -> list[str]:
    """What bash is offered for the last word."""
    done = subprocess.run(
        command(),
        env=environment(
            _DEEPDIG_AUDIT_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=str(words.count(" "))
        ),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("deepdig-audit ", ["inspect", "render", "gate", "init-policy", "compare", "list"]),
        ("deepdig-audit in", ["inspect", "init-policy"]),
        ("deepdig-audit m.onnx --pro", ["--profile"]),
        ("deepdig-audit m.onnx --layout n", ["nchw", "nhwc"]),
        ("deepdig-audit inspct --dat", ["--data", "--data-root"]),
        ("deepdig-audit compare a.json b.json --allow", ["--allow-different-data"]),
    ],
)
def test_what_is_offered(words: str, offered: list[str]):
    assert completed(words) == offered
