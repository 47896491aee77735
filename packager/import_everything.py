"""The program that `import_test` runs. It uses no other module of this project, because none is importable there.

It reads a JSON object: `folders` (the application's, then any of dependencies), `handlers`, `services`. It writes one:
`failures` (a line for each thing that failed), `loaded` (the files of all modules) and `tried` (the files of modules
whose import failed halfway, which the importing code allows).
"""

import ast
import contextlib
import importlib
import importlib.util
import json
import re
import sys
import types
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

_AGENTS = "runcast_agents"  # see `packager/agents_folder.py`
_BUILD = re.compile(r"^def build\(", re.MULTILINE)
_OWN = ("app.py", "chalicelib/**/*.py", "runcast/**/*.py")


def main() -> None:
    """Import everything, and write the failures and the loaded files."""
    asked = json.load(sys.stdin)
    executed: set[str] = set()

    def note(event: str, given: tuple[object, ...]) -> None:
        if event == "exec":
            executed.update(_files_of(given[0]))

    sys.addaudithook(note)
    sys.path[:0] = asked["folders"]
    with contextlib.redirect_stdout(sys.stderr):
        failures = [
            *_failed_imports(Path(asked["folders"][0])),
            *_failed_agents(Path(asked["folders"][0], _AGENTS)),
            *_failed_handlers(asked["handlers"]),
            *_failed_clients(asked["services"]),
            *_failed_run(),
        ]
    loaded = {getattr(module, "__file__", None) for module in [*sys.modules.values()]} - {None}
    tried = executed - loaded
    json.dump({"failures": [*dict.fromkeys(failures)], "loaded": sorted(loaded), "tried": sorted(tried)}, sys.stdout)


def _files_of(code: object) -> Iterator[str]:
    """Return the file of a module's code."""
    if isinstance(code, types.CodeType) and code.co_name == "<module>":
        yield code.co_filename


def _failed_imports(root: Path) -> Iterator[str]:
    for file in sorted(path for pattern in _OWN for path in root.glob(pattern)):
        yield from _failed_module(file, root, file.relative_to(root).as_posix())


def _failed_agents(folder: Path) -> Iterator[str]:
    """Import the agents of the user's folder and, of its other files, those that the agents lead to."""
    sys.path.append(str(folder))
    waiting = [file for file in sorted(folder.glob("*.py")) if _BUILD.search(file.read_text())]
    done: set[Path] = set()
    while waiting:
        file = waiting.pop(0)
        done.add(file)
        yield from _failed_module(file, folder, f"{_AGENTS}/{file.relative_to(folder).as_posix()}")
        names = {getattr(module, "__file__", None) for module in [*sys.modules.values()]} - {None}
        loaded = {Path(str(name)) for name in names}
        waiting += sorted(each for each in loaded - done - {*waiting} if each.is_relative_to(folder))


def _failed_module(file: Path, root: Path, shown: str) -> Iterator[str]:
    """Import a file, and then everything that any of its import statements names."""
    path = file.relative_to(root)
    is_package = path.name == "__init__.py"
    module = ".".join(path.parent.parts if is_package else path.with_suffix("").parts)
    package = module if is_package else module.rpartition(".")[0]
    yield from _attempt(shown, importlib.import_module, module)
    for statement in _imports(ast.parse(file.read_bytes())):
        yield from _attempt(f"{shown}:{statement.lineno}", _import, statement, package)


def _failed_handlers(handlers: list[str]) -> Iterator[str]:
    for handler in handlers:
        yield from _attempt(f"handler {handler}", _find_handler, handler)


def _failed_clients(services: list[str]) -> Iterator[str]:
    for service in services:
        yield from _attempt(f"client {service}", _make_client, service)


def _failed_run() -> Iterator[str]:
    if "strands" in sys.modules:
        yield from _attempt("a run of a Strands agent", _run_agent)


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


def _run_agent() -> None:
    """Run an agent that calls a tool, because Strands imports some modules only during a run."""
    strands = importlib.import_module("strands")
    called = []

    def measure(site: str) -> str:
        """Measure a site."""
        called.append(site)
        return site

    agent = strands.Agent(model=_scripted_model(), tools=[strands.tool(measure)], callback_handler=None)
    stop_reason = agent("Measure.").stop_reason
    if (called, stop_reason) != (["here"], "end_turn"):
        raise RuntimeError(f"the tool was called with {called}, and the run ended by {stop_reason}")


def _scripted_model() -> object:
    """Return a model that calls the tool once and then answers."""
    model: Any = importlib.import_module("strands.models").Model

    class ScriptedModel(model):  # type: ignore[misc]
        def update_config(self, **_: object) -> None: ...

        def get_config(self) -> dict[str, object]:
            return {}

        def structured_output(self, *_: object, **__: object) -> None: ...

        async def stream(self, messages: list[Any], *_: object, **__: object) -> AsyncIterator[dict[str, Any]]:
            first = len(messages) == 1
            yield {"messageStart": {"role": "assistant"}}
            yield {"contentBlockStart": {"start": {"toolUse": {"toolUseId": "1", "name": "measure"}} if first else {}}}
            yield {
                "contentBlockDelta": {"delta": {"toolUse": {"input": '{"site": "here"}'}} if first else {"text": "."}}
            }
            yield {"contentBlockStop": {}}
            yield {"messageStop": {"stopReason": "tool_use" if first else "end_turn"}}

    return ScriptedModel()


if __name__ == "__main__":
    main()
