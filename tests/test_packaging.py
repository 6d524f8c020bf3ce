"""What is installed is what is in the tree: packages, package data, pins and both ways to install."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import requires
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LOCKS = (
    "requirements.txt", "requirements-dev.txt", "requirements-gate.txt", "requirements-cpu.txt", "requirements-uv.txt",
    "requirements-ray.txt",
)  # fmt: skip
OF_CUDA = re.compile(r"nvidia-|cuda-|triton$")
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
    assert (Path(package).parent / "documents" / "results.py").is_file()
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


@pytest.mark.parametrize("lock", LOCKS[:4])
def test_the_pins_of_all_environments_agree(lock: str):
    """Version and files of a package are the same wherever it is installed; its conditions may differ."""
    everything = _files_of("requirements-dev.txt")
    for name, pins in _files_of(lock).items():
        assert pins == everything[name], name


def test_the_tested_ray_is_the_one_that_the_extra_admits_and_changes_no_other_pin():
    (asked,) = PROJECT["project"]["optional-dependencies"]["ray"]
    ray, everything = _files_of("requirements-ray.txt"), _files_of("requirements-dev.txt")
    ((version, *_),) = ray["ray"]
    assert asked == "ray>=2.60,<2.61"
    assert version.startswith("2.60.")
    assert all(pins == everything.get(name, pins) for name, pins in ray.items())


@pytest.mark.parametrize("group", ["gate", "cpu"])
def test_a_light_environment_has_what_its_group_asks_for_and_nothing_of_cuda(group: str):
    asked, whole = _group(group), {_name(each): each for each in PROJECT["project"]["dependencies"]}
    pinned, run = _pinned(f"requirements-{group}.txt"), _pinned("requirements.txt")
    assert asked.keys() <= pinned <= run
    assert not [name for name in pinned if OF_CUDA.match(name) or name in ("torch", "torchvision", "onnxruntime-gpu")]
    for name in asked.keys() & whole.keys():
        assert asked[name] == whole[name].partition(";")[0].strip()


def test_the_gate_alone_has_no_runtime_of_models():
    assert not _pinned("requirements-gate.txt") & {"onnx", "onnxruntime", "scikit-learn", "scipy", "torch"}


def test_without_cuda_all_is_there_but_torch_and_torchvision():
    pinned = _pinned("requirements-cpu.txt")
    needed = {_name(each) for each in PROJECT["project"]["dependencies"]} - {"onnxruntime-gpu"}
    assert needed - pinned == {"torch", "torchvision"}
    of_torch = {_name(each) for each in requires("torch") or () if "extra ==" not in each}
    assert {name for name in of_torch if not OF_CUDA.match(name)} <= pinned


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


def _files_of(lock: str) -> dict[str, list[tuple[str, ...]]]:
    """Of each package the versions that are pinned, each with the hashes of its files."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for requirement in re.split(r"\n(?=\S)", (ROOT / lock).read_text("utf-8").strip()):
        name, version = re.match(r"([a-z0-9-]+)==(\S+)", requirement).groups()
        found.setdefault(name, []).append((version, *re.findall(r"sha256:[0-9a-f]{64}", requirement)))
    return found


def _group(name: str) -> dict[str, str]:
    """The packages of a dependency group, with those of the groups that it includes, and what it asks of each."""
    asked: dict[str, str] = {}
    for each in PROJECT["dependency-groups"][name]:
        asked |= _group(each["include-group"]) if isinstance(each, dict) else {_name(each): each}
    return asked


def _name(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match
    return match[0].lower()
