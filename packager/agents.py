"""Reports invalid agents and playbooks during packaging, so that their authors see the mistakes early.

An agent that cannot be imported is not reported here: the import test names it, stops packaging, and leaves the last
package unchanged. An invalid PARAMETERS_SCHEMA also stops packaging, because no run of its agent could start.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from packager import agents_folder
from packager.errors import PackagingError

_BUILD = re.compile(rb"^(?:\xef\xbb\xbf)?def build\(", re.MULTILINE)  # in any encoding


def flaws(chalice_app: Path, own: Path | None = None) -> list[str]:
    """Return one line for each flaw of an agent or a playbook.

    Args:
        chalice_app: The application's folder.
        own: The folder of the user's agents, which replace the demo's.
    """
    return [*agent_flaws(chalice_app, own), *playbook_flaws(chalice_app, own)]


def agent_flaws(chalice_app: Path, own: Path | None = None) -> list[str]:
    """Return one line for each unused file that is not an agent, and for each name that two agents share.

    Args:
        chalice_app: The application's folder.
        own: The folder of the user's agents.
    """
    first, second = _folders(chalice_app, own)
    by_the_app = _names_imported(chalice_app.rglob("*.py"))
    # The application imports nothing from the user's folder. The demo's helper files need no report.
    used = {own: _names_imported(agents_folder.sources(own)), second: by_the_app} if own else {first: by_the_app}
    flaws = [
        f"{_shown(path, chalice_app)} exports no build(run), so it is no agent."
        for folder, names in used.items()
        for path, builds in _builds(folder).items()
        if not builds and path.stem not in names and path.stem != "__init__"
    ]
    hidden = {path.stem: path for path, builds in _builds(second).items() if builds}
    return flaws + [
        f"Two agents are named {path.stem}: {_shown(path, chalice_app)} is used, "
        f"{_shown(hidden[path.stem], chalice_app)} is not."
        for path, builds in _builds(first).items()
        if builds and path.stem in hidden
    ]


def playbook_flaws(chalice_app: Path, own: Path | None = None) -> list[str]:
    """Return one line for each fault in a playbook's file, and for each name that two playbooks share.

    An agent that is not in the package is also reported. It may run elsewhere, but only the deployment knows that.

    Args:
        chalice_app: The application's folder.
        own: The folder of the user's agents, with its `playbooks`.
    """
    faults_of = _application(chalice_app, "chalicelib.orchestrator.faults").faults_of
    in_clone = chalice_app / "chalicelib" / "playbooks"
    demo = chalice_app / "chalicelib" / "agents" / "demo" / "playbooks"
    first, second = (own / "playbooks", in_clone) if own else (in_clone, demo)
    files = [*sorted(first.glob("*.json")), *sorted(second.glob("*.json"))]
    flaws = [
        f"{_shown(file, chalice_app)}: {fault}."
        for file in files
        for fault in _faults_of_file(file, lambda text: faults_of(text, agent_names(chalice_app, own)))
    ]
    return flaws + [
        f"Two playbooks are named {path.stem}: {_shown(path, chalice_app)} is used, "
        f"{_shown(second / path.name, chalice_app)} is not."
        for path in files
        if path.parent == first and (second / path.name).is_file()
    ]


def require_valid_declarations(chalice_app: Path, own: Path | None = None) -> None:
    """Check PARAMETERS_SCHEMA and ATTACHMENTS of each agent that declares them.

    Args:
        chalice_app: The application's folder.
        own: The folder of the user's agents, which replace the demo's.

    Raises:
        PackagingError: A declaration is invalid; the message lists all faults with their files and JSON paths.
    """
    declared = _application(chalice_app, "chalicelib.agents.declarations")
    faults_of_schema = _application(chalice_app, "chalicelib.runtime.json_schema").faults_of_schema
    faults = []
    for path in (path for folder in _folders(chalice_app, own) for path, builds in _builds(folder).items() if builds):
        try:
            tree = ast.parse(path.read_bytes())
            schema = declared.declared_schema(tree)
            found = faults_of_schema(schema, declared.PARAMETERS_SCHEMA) if schema is not None else []
            declared.takes_attachments(tree)
        except SyntaxError:
            continue  # packaging rejects the file and names the line
        except ValueError as error:
            found = [str(error)]
        faults += [f"{_shown(path, chalice_app)}: {fault.rstrip('.')}." for fault in found]
    if faults:
        raise PackagingError("\n".join(faults))


def agent_names(chalice_app: Path, own: Path | None = None) -> list[str]:
    """Return the names of all agents, sorted.

    Args:
        chalice_app: The application's folder.
        own: The folder of the user's agents, which replace the demo's.
    """
    found = {path.stem for folder in _folders(chalice_app, own) for path, builds in _builds(folder).items() if builds}
    return sorted(found)


def _faults_of_file(file: Path, faults_of: Callable[[str], list[str]]) -> list[str]:
    try:
        text = file.read_bytes().decode()
    except UnicodeDecodeError as error:
        return [f"$: it is not UTF-8 text (byte {error.start})"]
    return faults_of(text)


def _folders(chalice_app: Path, own: Path | None) -> tuple[Path, Path]:
    """Return the two folders with agents. An agent in the first hides an agent of the same name in the second."""
    in_clone = chalice_app / "chalicelib" / "agents"
    return (own, in_clone) if own else (in_clone, in_clone / "demo")


def _shown(path: Path, chalice_app: Path) -> Path:
    """Return a path as its author knows it: relative to the application, or to the parent of the author's folder."""
    return path.relative_to(chalice_app if path.is_relative_to(chalice_app) else _top(path))


def _top(path: Path) -> Path:
    return path.parents[2] if path.parent.name == "playbooks" else path.parents[1]


def _application(chalice_app: Path, module: str) -> Any:
    """Import a module of the application, to use its checks here. The module must import little itself."""
    sys.path.insert(0, str(chalice_app))
    try:
        return import_module(module)
    finally:
        sys.path.remove(str(chalice_app))


def _builds(folder: Path) -> dict[Path, bool]:
    """Return each Python file of a folder that goes into the zip, and whether it exports `build`."""
    files = [path for path in sorted(folder.glob("*.py")) if path.is_file() and agents_folder.is_packaged(path)]
    return {path: bool(_BUILD.search(path.read_bytes())) for path in files}


def _names_imported(files: Iterable[Path]) -> set[str]:
    return {name for path in files if path.suffix == ".py" for name in _imported(path)}


def _imported(file: Path) -> Iterator[str]:
    """Yield every name that a file imports from anywhere, and the last part of every module."""
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return  # packaging rejects the file and names the line
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = getattr(node, "module", None)
            for name in [module or "", *(alias.name for alias in node.names)]:
                yield name.rpartition(".")[2]
