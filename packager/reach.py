"""Finds the files of the dependencies that the code can reach, so that the zip can omit the rest.

Most installed files are never imported: Strands alone brings a web server and a cryptography library for features that
a project may not use. Static analysis is not enough, because modules are also imported by strings and by lazy
attributes. So the code runs first (`import_test`), which shows what it certainly loads. Then the import statements of
the loaded files are followed, including those inside functions.
"""

import ast
import json
from collections.abc import Collection, Iterable, Iterator
from importlib.metadata import distributions
from importlib.util import resolve_name
from pathlib import Path

from packager.lock import normalised

_Modules = dict[str, tuple[str, list[str]]]


def reached_files(loaded: Iterable[str], site_packages: Path) -> frozenset[str]:
    """Return the loaded files and all files that their import statements lead to, transitively.

    Three kinds of imports are not followed, because the run has already loaded what they need: imports for type
    checkers, imports for lazy attributes (PEP 562), and optional imports, whose ImportError is caught.

    Args:
        loaded: Files of the dependencies that the run loaded, relative to `site_packages`.
        site_packages: The installed dependencies.
    """
    modules = _modules(site_packages)
    names = {path: name for name, (path, _) in modules.items()}
    found = {names[path] for path in loaded if path in names}
    waiting = list(found)
    while waiting:
        for name in modules[waiting.pop()][1]:
            parts = name.split(".")
            ways = {".".join(parts[:end]) for end in range(1, len(parts) + 1)}
            new = (ways & modules.keys()) - found
            found |= new
            waiting += new
    return frozenset(modules[name][0] for name in found)


def reached_distributions(reached: frozenset[str], site_packages: Path) -> frozenset[str]:
    """Return the names of the distributions that have any of the files."""
    return frozenset(
        distribution.name
        for distribution in distributions(path=[str(site_packages)])
        if not reached.isdisjoint(file.as_posix() for file in distribution.files or ())
    )


def outermost_modules(names: Collection[str], site_packages: Path) -> list[str]:
    """Return the files of some distributions' outermost modules, by which they are imported.

    Args:
        names: Normalised names of distributions; one that is not installed is left out.
        site_packages: The installed dependencies.
    """
    found = []
    for distribution in distributions(path=[str(site_packages)]):
        if normalised(distribution.name) in names:
            depths = {
                file.as_posix(): len(file.parts) - (file.name == "__init__.py")
                for file in distribution.files or ()
                if file.suffix == ".py" and file.parts[0] != ".."
            }
            found += [name for name, depth in depths.items() if depth == min(depths.values())]
    return found


def _modules(site_packages: Path) -> _Modules:
    """Return each module's file and imports; cached for each installation, because it takes seconds."""
    kept = site_packages.with_suffix(".imports.json")
    if not kept.is_file():
        kept.write_text(json.dumps(dict(_read(site_packages))))
    modules: _Modules = json.loads(kept.read_text())
    return modules


def _read(site_packages: Path) -> Iterator[tuple[str, tuple[str, list[str]]]]:
    for file in sorted(site_packages.rglob("*")):
        path = file.relative_to(site_packages)
        if file.suffix == ".so":
            yield ".".join([*path.parent.parts, path.name.partition(".")[0]]), (path.as_posix(), [])
        elif file.suffix == ".py":
            is_package = path.name == "__init__.py"
            name = ".".join(path.parent.parts if is_package else path.with_suffix("").parts)
            package = name if is_package else name.rpartition(".")[0]
            imported = {name for node in _imports(ast.parse(file.read_bytes())) for name in _names(node, package)}
            yield name, (path.as_posix(), sorted(imported))


def _imports(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Find the import statements to follow."""
    children: Iterable[ast.AST] = ast.iter_child_nodes(node)
    match node:
        case ast.Import() | ast.ImportFrom():
            yield node
        case ast.Module():
            children = [child for child in node.body if not _hands_out_names(child)]
        case ast.If(test=ast.Name("TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
            children = node.orelse
        case ast.Try() if any(_catches_import_error(handler) for handler in node.handlers):
            children = [*node.handlers, *node.orelse, *node.finalbody]
    for child in children:
        yield from _imports(child)


def _hands_out_names(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name == "__getattr__"


def _catches_import_error(handler: ast.ExceptHandler) -> bool:
    caught = ast.walk(handler.type) if handler.type else ()
    names = {node.id for node in caught if isinstance(node, ast.Name)}
    return not handler.type or bool(names & {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})


def _names(node: ast.Import | ast.ImportFrom, package: str) -> Iterator[str]:
    """Return the modules that a statement may import: a name after `from … import` may be a module or not."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif node.level <= package.count(".") + 1:  # else it points outside of the package, and fails when it runs
        module = resolve_name("." * node.level + (node.module or ""), package)
        yield from (module, *(f"{module}.{alias.name}" for alias in node.names))
