"""The program that `import_test` runs on the unpacked zip; it stands alone, because nothing of this project is there.

Arguments: the unpacked zip's directory, the handlers, `--`, the AWS services. Prints a line for each thing that fails
and exits with 1 if there was one.
"""

import ast
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

_OWN = ("app.py", "chalicelib/**/*.py", "runcast/**/*.py")


def main(root: Path, handlers: list[str], services: list[str]) -> int:
    """Import all there is to import; return the exit code."""
    sys.path.insert(0, str(root))
    failures = [*_failed_imports(root), *_failed_handlers(handlers), *_failed_clients(services)]
    print("\n".join(dict.fromkeys(failures)))
    return 1 if failures else 0


def _failed_imports(root: Path) -> Iterator[str]:
    for file in sorted(path for pattern in _OWN for path in root.glob(pattern)):
        path = file.relative_to(root)
        is_package = path.name == "__init__.py"
        module = ".".join(path.parent.parts if is_package else path.with_suffix("").parts)
        package = module if is_package else module.rpartition(".")[0]
        yield from _attempt(path.as_posix(), importlib.import_module, module)
        for statement in _imports(ast.parse(file.read_bytes())):
            yield from _attempt(f"{path.as_posix()}:{statement.lineno}", _import, statement, package)


def _failed_handlers(handlers: list[str]) -> Iterator[str]:
    for handler in handlers:
        yield from _attempt(f"handler {handler}", _find_handler, handler)


def _failed_clients(services: list[str]) -> Iterator[str]:
    for service in services:
        yield from _attempt(f"client {service}", _make_client, service)


def _attempt(what: str, action: Callable[..., object], *arguments: object) -> Iterator[str]:
    try:
        action(*arguments)
    except Exception as error:  # noqa: BLE001 - a module may fail in any way while it is imported, and all are reported
        yield f"{what}: {type(error).__name__}: {error}"


def _imports(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Find the import statements at any depth, except those that only type checkers read."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif not (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)):
            yield from _imports(child)


def _import(statement: ast.Import | ast.ImportFrom, package: str) -> None:
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            importlib.import_module(alias.name)
        return
    name = importlib.util.resolve_name("." * statement.level + (statement.module or ""), package)
    module = importlib.import_module(name)
    for alias in statement.names:
        if not hasattr(module, alias.name):
            importlib.import_module(f"{name}.{alias.name}")


def _find_handler(handler: str) -> None:
    module, _, function = handler.rpartition(".")
    getattr(importlib.import_module(module), function)


def _make_client(service: str) -> None:
    importlib.import_module("boto3").client(service, region_name="us-east-1")


if __name__ == "__main__":
    separator = sys.argv.index("--")
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:separator], sys.argv[separator + 1 :]))
