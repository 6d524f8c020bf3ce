"""What is installed is what is in the tree: packages, package data, pins and both ways to install."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LOCKS = ("requirements.txt", "requirements-dev.txt", "requirements-uv.txt")
WHERE = """
import json, importlib.resources, auditor
templates = importlib.resources.files("auditor_templates")
print(json.dumps([auditor.__file__, str(templates), auditor.__version__]))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of the tree, so that no build folder is left in it."""
    copy, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("auditor", "templates"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    build = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, str(out)], cwd=copy, check=True, capture_output=True)
    (built,) = out.glob("*.whl")
    return built


def test_every_package_is_listed():
    found = {str(path.parent.relative_to(ROOT)).replace("/", ".") for path in (ROOT / "auditor").rglob("__init__.py")}
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == found | {"auditor_templates"}


def test_the_wheel_holds_every_file_and_nothing_else(wheel: Path):
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    expected = {str(path.relative_to(ROOT)) for path in _files(ROOT / "auditor")}
    expected |= {f"auditor_templates/{path.relative_to(ROOT / 'templates')}" for path in _files(ROOT / "templates")}
    assert names == expected


def test_the_wheel_works_without_the_tree(wheel: Path, tmp_path: Path):
    zipfile.ZipFile(wheel).extractall(tmp_path)
    package, templates, version = _where(tmp_path, search=tmp_path)
    assert Path(package).parent == tmp_path / "auditor"
    assert Path(templates) == tmp_path / "auditor_templates"
    assert wheel.name.startswith(f"deepdig_audit-{version}-")


def test_the_wheel_installs_the_command(wheel: Path):
    archive = zipfile.ZipFile(wheel)
    (entry_points,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
    assert "deepdig-audit = auditor.__main__:start" in archive.read(entry_points).decode()


def test_this_installation_finds_package_and_templates(tmp_path: Path):
    package, templates, _ = _where(tmp_path)
    assert (Path(package).parent / "results.py").is_file()
    assert any(Path(templates).iterdir())


@pytest.mark.parametrize("lock", LOCKS)
def test_pins_are_exact_hashed_and_without_address(lock: str):
    text = (ROOT / lock).read_text("utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*-(?!-hash=sha256:)", text, re.MULTILINE)
    requirements = re.split(r"\n(?=\S)", text.strip())
    assert all(re.match(r"[a-z0-9-]+==[^ ]+ .*--hash=sha256:[0-9a-f]{64}", each, re.DOTALL) for each in requirements)


def test_every_dependency_is_pinned():
    run, dev = (_pinned(lock) for lock in LOCKS[:2])
    assert {_name(each) for each in PROJECT["project"]["dependencies"]} <= run
    assert {_name(each) for each in PROJECT["dependency-groups"]["dev"]} <= dev
    assert run <= dev


def test_the_pins_of_both_environments_agree():
    run, dev = ((ROOT / lock).read_text("utf-8") for lock in LOCKS[:2])
    for requirement in re.split(r"\n(?=\S)", run.strip()):
        assert requirement in dev


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]


def _where(cwd: Path, search: Path | None = None) -> tuple[str, str, str]:
    """Where a fresh interpreter finds the package and the templates, and the version."""
    code = WHERE if search is None else f"import sys; sys.path.insert(0, {str(search)!r})\n{WHERE}"
    done = subprocess.run([sys.executable, "-P", "-c", code], cwd=cwd, check=True, capture_output=True, text=True)
    package, templates, version = json.loads(done.stdout)
    return package, templates, version


def _pinned(lock: str) -> set[str]:
    return set(re.findall(r"^([a-z0-9-]+)==", (ROOT / lock).read_text("utf-8"), re.MULTILINE))


def _name(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match
    return match[0].lower()
