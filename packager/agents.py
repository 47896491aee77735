"""Reports files that look like an agent or a playbook but are invalid, so that authors see mistakes at packaging.

An agent that cannot be imported is not reported here: the import test names it, and the last package stays unchanged.
"""

import ast
import re
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

_BUILD = re.compile(r"^def build\(", re.MULTILINE)


def flaws(chalice_app: Path) -> list[str]:
    """Return a line for each flaw of an agent or a playbook.

    Args:
        chalice_app: The application's folder.
    """
    return [*agent_flaws(chalice_app), *playbook_flaws(chalice_app)]


def agent_flaws(chalice_app: Path) -> list[str]:
    """Return a line for each unused file that is not an agent, and for each name that two agents share.

    Args:
        chalice_app: The application's folder.
    """
    folder = chalice_app / "chalicelib" / "agents"
    own, demo = _builds(folder), _builds(folder / "demo")
    used = {name for path in chalice_app.rglob("*.py") for name in _imported(ast.parse(path.read_text()))}
    flaws = [
        f"chalicelib/agents/{name}.py exports no build(run), so it is no agent."
        for name, builds in own.items()
        if not builds and name not in used and name != "__init__"
    ]
    return flaws + [
        f"Two agents are named {name}: chalicelib/agents/{name}.py is used, chalicelib/agents/demo/{name}.py is not."
        for name in own
        if own[name] and demo.get(name)
    ]


def playbook_flaws(chalice_app: Path) -> list[str]:
    """Return a line for each fault of a playbook's file, and for each name that two playbooks share.

    An unknown agent is reported, too, although it may run elsewhere: only the deployment knows that.

    Args:
        chalice_app: The application's folder.
    """
    faults_of = _checker(chalice_app / "chalicelib" / "orchestrator" / "faults.py").faults_of
    own, demo = (chalice_app / "chalicelib" / folder for folder in ("playbooks", "agents/demo/playbooks"))
    files = [*sorted(own.glob("*.json")), *sorted(demo.glob("*.json"))]
    flaws = [
        f"{file.relative_to(chalice_app)}: {fault}."
        for file in files
        for fault in faults_of(file.read_text(), agent_names(chalice_app))
    ]
    return flaws + [
        f"Two playbooks are named {path.stem}: {path.relative_to(chalice_app)} is used, the demo's is not."
        for path in files
        if path.parent == own and (demo / path.name).is_file()
    ]


def agent_names(chalice_app: Path) -> list[str]:
    """Return the names of all agents, sorted."""
    folder = chalice_app / "chalicelib" / "agents"
    found = {**_builds(folder / "demo"), **_builds(folder)}
    return sorted(name for name, builds in found.items() if builds)


def _checker(file: Path) -> Any:
    """Load the application's own checks, which do not import the rest of it."""
    spec = spec_from_file_location("playbook_faults", file)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(file)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _builds(folder: Path) -> dict[str, bool]:
    """Return the name of each file in a folder, and whether it exports `build`."""
    return {path.stem: bool(_BUILD.search(path.read_text())) for path in sorted(folder.glob("*.py"))}


def _imported(tree: ast.Module) -> Iterator[str]:
    """Yield every name that a file imports from anywhere, and the last part of every module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = getattr(node, "module", None)
            for name in [module or "", *(alias.name for alias in node.names)]:
                yield name.rpartition(".")[2]
