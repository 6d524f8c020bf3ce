"""A registry: built-ins first, plug-ins apart, whatever is wrong with one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from auditor import plugin_registry as registry
from auditor.errors import UsageError
from auditor.plugin_registry import Registry, Source

Install = Callable[..., Registry[int]]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Install:
    """A registry of numbers whose plug-ins are the modules given by name, each of a distribution of its own."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(registry, "_registries", [])

    def installed(fault: Callable[[int], str | None] = lambda _: None, **modules: str) -> Registry[int]:
        (tmp_path / "numbers_here").mkdir(exist_ok=True)
        (tmp_path / "numbers_here" / "__init__.py").touch()
        found = []
        for name, text in modules.items():
            (tmp_path / f"{name}.py").write_text(f"from tests.test_plugin_registry import kind\n{text}")
            point = EntryPoint(name, name, "deepdig_audit.some_number")
            found.append((point, Source(f"dist-{name}", "1.0", name)))
        monkeypatch.setattr(registry, "_points", lambda: tuple(found))
        made = Registry[int]("some_number", "numbers_here", fault=lambda entry, _: fault(entry))
        monkeypatch.setattr(sys.modules[__name__], "kind", made, raising=False)
        for name in ("numbers_here", *modules):
            sys.modules.pop(name, None)
        return made

    return installed


def reasons(kind: Registry[int]) -> dict[str, str]:
    return {one.name: one.reason for one in kind.broken}


def test_plug_ins_stand_beside_each_other_with_their_source(install: Install) -> None:
    kind = install(one='kind.register("one")(1)', more='kind.register("two")(2)\nkind.register("three")(3)')
    assert dict(kind.items()) == {"one": 1, "two": 2, "three": 3}
    assert str(kind.source("three")) == "dist-more 1.0 (more)"
    assert kind.broken == []
    (record,) = kind.in_use({"two": "Two()"})
    assert record == {
        "kind": "some number", "name": "two", "distribution": "dist-more", "version": "1.0", "settings": "Two()",
    }  # fmt: skip
    assert registry.skipped() == ""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import nobody_has_this", "ModuleNotFoundError: No module named 'nobody_has_this'"),
        ("def half(:", "SyntaxError: invalid syntax (bad.py, line 2)"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ('raise ValueError("two\\nlines")', "ValueError: two lines"),
        ("", "bad registers no some number"),
        ('kind.register("odd")(-1)', "it is negative"),
        ('kind.register("odd")("text")', "TypeError: '<' not supported between instances of 'str' and 'int'"),
    ],
)
def test_what_is_broken_is_remembered_and_leaves_the_others_alone(install: Install, text: str, reason: str) -> None:
    kind = install(lambda n: "it is negative" if n < 0 else None, bad=text, good='kind.register("good")(1)')
    assert kind.names() == ["good"]
    ((name, found),) = reasons(kind).items()
    assert found == reason
    assert registry.skipped() == (
        f"Plug-ins that cannot be used are left out: some number {name!r} of dist-bad 1.0 (bad): {reason}."
    )
    with pytest.raises(UsageError) as refused:
        kind[name]
    assert str(refused.value) == (
        f"expected the some number {name!r} of dist-bad 1.0 (bad) to load; found {reason};"
        " mend or uninstall that distribution"
    )
    with pytest.raises(UsageError, match="unknown some number 'other'; known: good"):
        kind["other"]


@pytest.mark.parametrize("name", ["", "*", "..", "a/b", "a b", "x\0", "n" * 101, 3])
def test_a_name_is_a_word(install: Install, name: object) -> None:
    kind = install(bad=f"kind.register({name!r})(1)")
    assert kind.names() == []
    assert list(reasons(kind).values()) == [f"its name {str(name)[:60]!r} is no word of letters, digits, - and _"]


def test_what_a_module_registered_before_it_failed_is_gone(install: Install) -> None:
    kind = install(bad='kind.register("early")(1)\n1 / 0')
    assert kind.names() == []
    assert reasons(kind) == {"bad": "ZeroDivisionError: division by zero"}


def test_no_name_is_taken_twice(install: Install, tmp_path: Path) -> None:
    kind = install(first='kind.register("x")(1)', second='kind.register("x")(2)', third='kind.register("own")(3)')
    file_of_built_in = 'kind.register("own")(type("Own", (), {"__module__": "auditor.own"})())\n'
    (tmp_path / "numbers_here" / "own.py").write_text(
        f"from tests.test_plugin_registry import kind\n{file_of_built_in}"
    )
    sys.modules.pop("numbers_here.own", None)
    assert kind.names() == ["own", "x"]
    assert kind["x"] == 1
    assert kind["own"] != 3
    assert reasons(kind) == {
        "x": "the name 'x' is that of dist-first 1.0 (first)", "own": "the name 'own' is that of a built-in",
    }  # fmt: skip
    assert kind["x"] == 1  # who has it keeps it, though another of the name is broken


def test_a_program_hears_of_its_own_at_once_and_may_register_anew(install: Install) -> None:
    kind = install(lambda n: None if n else "it is nothing", one='kind.register("one")(1)')
    assert kind.names() == ["one"]
    kind.register("mine")(4)
    kind.register("mine")(5)
    assert kind["mine"] == 5
    assert kind.source("mine") == Source("", "", "")
    with pytest.raises(UsageError, match=r"the name 'one' is that of dist-one 1\.0"):
        kind.register("one")(7)
    with pytest.raises(UsageError, match="found it is nothing; correct it"):
        kind.register("none")(0)
    assert kind.names() == ["mine", "one"]


def test_a_module_that_a_program_imported_first_is_its_distributions(install: Install) -> None:
    kind = install(one='def own():\n    return 1\n\n\nkind.register("one")(own)')
    __import__("one")
    assert str(kind.source("one")) == "dist-one 1.0 (one)"
    assert kind.broken == []


def test_a_damaged_list_of_entry_points_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "damaged-2.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: damaged\nVersion: 2.0\n")
    (info / "entry_points.txt").write_text("[deepdig_audit.generator]\nno equals sign\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry._points.cache_clear()
    try:
        (point,) = [(p.name, str(source)) for p, source in registry._points() if source.distribution == "damaged"]
    finally:
        registry._points.cache_clear()
    assert point == ("entry_points.txt", "damaged 2.0 (entry_points.txt)")
