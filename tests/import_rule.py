"""The import rule of the package, as pure functions over the source text of its modules.

Rows from top to bottom; a module imports only from rows below its own or from its own package, and names on one row
do not know each other. On top of that: ``functional`` imports torch, the standard library, ``numbers`` and
``errors`` only; ``render``, ``policy``, ``documents`` and ``numbers`` never reach the tensor libraries, directly or
through another module; only ``cli``, ``models``, ``datasets``, ``worker``, ``engines``, the reader of bounded files,
the writer of whole files and the boundary instances touch the file system. No module imports itself by way of others.

An import under ``if TYPE_CHECKING`` counts for the rows (to know a name is to depend on it) and not for what is
reached (it never runs). An import inside a function counts for both, as does ``import_module`` of a literal.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

ROOT = "auditor"
ROWS = (
    ("cli", "__main__"),
    ("api", "testing"),
    ("pipeline", "render", "policy"),
    ("engines",),
    ("worker",),
    ("characteristics",),
    ("boundary",),
    ("models", "datasets"),
    ("functional",),
    ("documents",),
    ("class_names",),
    ("numbers", "plugin_registry", "bounded_file"),
    ("errors", "standard_streams"),
    ("untrusted_text",),
)
ROW_OF = {name: row for row, names in enumerate(ROWS) for name in names}

FUNCTIONAL_MAY_IMPORT = sys.stdlib_module_names | {"torch"}

WITHOUT_TENSORS = ("documents", "numbers", "class_names", "render", "policy")
TENSOR_LIBRARIES = frozenset(
    {"torch", "torchvision", "torchmetrics", "onnx", "onnxruntime", "onnxscript", "sklearn", "scipy"}
)

TOUCH_FILES = (
    "auditor.api", "auditor.cli", "auditor.__main__", "auditor.standard_streams", "auditor.models", "auditor.datasets",
    "auditor.bounded_file", "auditor.documents.whole_files", "auditor.pipeline.pairs.instance_files", "auditor.worker",
    "auditor.plugin_registry", "auditor.testing", "auditor.engines",
)  # fmt: skip
FILE_METHODS = frozenset(
    [
        "exists",
        "glob",
        "is_dir",
        "is_file",
        "iterdir",
        "lstat",
        "mkdir",
        "open",
        "read_bytes",
        "read_text",
        "rglob",
        "rmdir",
        "stat",
        "symlink_to",
        "touch",
        "unlink",
        "write_bytes",
        "write_text",
    ]
)
FILE_MODULES = frozenset({"os", "shutil", "tempfile"})
FILE_FUNCTIONS_OF_OS = frozenset(
    [
        "chdir",
        "fsync",
        "link",
        "listdir",
        "makedirs",
        "mkdir",
        "open",
        "remove",
        "removedirs",
        "rename",
        "replace",
        "rmdir",
        "scandir",
        "stat",
        "symlink",
        "truncate",
        "unlink",
        "walk",
    ]
)
READ_PACKAGE_DATA = ("auditor.documents.agreement.own_measures",)
"""Beside ``render``, which has its templates there."""
PACKAGE_DATA_METHODS = frozenset({"is_dir", "is_file", "iterdir", "read_bytes", "read_text"})


@dataclass(frozen=True)
class Import:
    """One imported module: its full dotted name, its line, and whether only a type checker sees it."""

    target: str
    line: int
    typing_only: bool


def violations(sources: Mapping[str, str]) -> list[str]:
    """Every breach of the rule, as ``module:line: what``.

    Args:
        sources: dotted module name (a package under its own name) to source text.
    """
    trees = {module: ast.parse(source) for module, source in sources.items()}
    imports = {module: list(_imports(module, tree, sources)) for module, tree in trees.items()}
    return [
        *_row_violations(imports),
        *_functional_violations(imports),
        *_reach_violations(imports),
        *_file_violations(trees),
        *_circles(imports),
    ]


def _row_violations(imports: Mapping[str, list[Import]]) -> Iterator[str]:
    for module, found in imports.items():
        if module != ROOT and part(module) not in ROW_OF:
            yield f"{module}:1: has no row in the import rule"
            continue
        for each in found:
            if not _inside(each.target, ROOT) or each.target == ROOT:
                continue
            if module == ROOT and not each.typing_only:
                yield f"{module}:{each.line}: imports {each.target}, and the package itself imports nothing of ours"
            elif module != ROOT and not _may_import(part(module), part(each.target)):
                yield f"{module}:{each.line}: imports {each.target}, which is not in a row below"


def _may_import(importer: str, imported: str) -> bool:
    return (
        importer == imported
        or ROW_OF.get(imported, -1) > ROW_OF[importer]
        or (importer, imported) == ("__main__", "cli")
    )


def _circles(imports: Mapping[str, list[Import]]) -> Iterator[str]:
    """Modules that import themselves by way of others, once they are all loaded; a package's ``__init__`` counts."""
    for module in imports:
        for chain in _chains(module, imports, with_parents=False):
            if any(each.target == module and not each.typing_only for each in imports.get(chain[-1], ())):
                yield f"{module}:1: imports itself by way of {' -> '.join(chain)}"
                break


def _functional_violations(imports: Mapping[str, list[Import]]) -> Iterator[str]:
    for module, found in imports.items():
        if part(module) != "functional":
            continue
        for each in found:
            ours = _inside(each.target, ROOT) and part(each.target) in ("", "functional", "numbers", "errors")
            if not ours and each.target.partition(".")[0] not in FUNCTIONAL_MAY_IMPORT:
                allowed = "torch, the standard library, numbers and errors"
                yield f"{module}:{each.line}: imports {each.target}; functional may import {allowed} only"


def _reach_violations(imports: Mapping[str, list[Import]]) -> Iterator[str]:
    for module in imports:
        if part(module) not in WITHOUT_TENSORS:
            continue
        for chain in _chains(module, imports):
            if chain[-1].partition(".")[0] in TENSOR_LIBRARIES:
                yield f"{module}:1: reaches {chain[-1]} by way of {' -> '.join(chain)}"


def _chains(start: str, imports: Mapping[str, list[Import]], *, with_parents: bool = True) -> Iterator[tuple[str, ...]]:
    """The shortest chain of running imports from ``start`` to each module that it reaches.

    ``with_parents`` counts the packages as well that importing a module runs first.
    """
    seen, queue = {start}, [(start,)]
    for chain in queue:
        yield chain
        reached = [each.target for each in imports.get(chain[-1], ()) if not each.typing_only]
        for target in (name for each in reached for name in (_with_parents(each) if with_parents else (each,))):
            if target not in seen:
                seen.add(target)
                queue.append((*chain, target))


def _file_violations(trees: Mapping[str, ast.Module]) -> Iterator[str]:
    for module, tree in trees.items():
        if any(_inside(module, allowed) for allowed in TOUCH_FILES):
            continue
        reads_package_data = (
            part(module) == "render" or module in READ_PACKAGE_DATA
        ) and "importlib.resources" in ast.unparse(tree)
        for node in ast.walk(tree):
            name = _file_access(node)
            if name and not (reads_package_data and name.rpartition(".")[2] in PACKAGE_DATA_METHODS):
                assert isinstance(node, ast.expr)
                yield f"{module}:{node.lineno}: touches the file system by {name}"


def _file_access(node: ast.AST) -> str | None:
    """What a node does to the file system, judged by names: calls ``open``, a path's method or a function of os."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open":
        return "open"
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in FILE_MODULES:
        if node.value.id != "os" or node.attr in FILE_FUNCTIONS_OF_OS:
            return f"{node.value.id}.{node.attr}"
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in FILE_METHODS:
        if node.args and ast.unparse(node.args[0]).startswith(("BytesIO(", "io.BytesIO(")):
            return None  # Image.open and its like, of bytes in memory
        return f"{ast.unparse(node.func.value)}.{node.func.attr}"
    return None


def _imports(module: str, tree: ast.Module, sources: Mapping[str, str]) -> Iterator[Import]:
    is_package = any(other.startswith(f"{module}.") for other in sources)
    typing_only = {id(node) for block in _type_checking_blocks(tree) for node in ast.walk(block)}
    for node in ast.walk(tree):
        for target in _targets(node, module, is_package, sources):
            yield Import(target, node.lineno, id(node) in typing_only)  # type: ignore[attr-defined]


def _targets(node: ast.AST, module: str, is_package: bool, sources: Mapping[str, str]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = _absolute(node, module, is_package)
        for alias in node.names:
            submodule = f"{base}.{alias.name}"
            yield submodule if submodule in sources else base
    elif isinstance(node, ast.Call) and _is_dynamic_import(node.func) and node.args:
        argument = node.args[0]
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            yield argument.value


def _absolute(node: ast.ImportFrom, module: str, is_package: bool) -> str:
    if not node.level:
        return node.module or ""
    parents = module.split(".")[: None if is_package else -1]
    parents = parents[: len(parents) - node.level + 1]
    return ".".join([*parents, *([node.module] if node.module else [])])


def _is_dynamic_import(function: ast.expr) -> bool:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", None)
    return name in ("import_module", "__import__")


def _type_checking_blocks(tree: ast.Module) -> Iterator[ast.stmt]:
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            yield from node.body


def part(module: str) -> str:
    """The name under ``auditor`` that a module belongs to; empty for the package itself."""
    return module.removeprefix(ROOT).removeprefix(".").partition(".")[0]


def _inside(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def _with_parents(module: str) -> Iterator[str]:
    """The module and the packages that importing it runs first."""
    parts = module.split(".")
    return (".".join(parts[: end + 1]) for end in range(len(parts)))
