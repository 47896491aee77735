"""Names what looks like an agent and is none: whoever writes an agent's file shall hear of a slip when it is packaged.

An agent that cannot be imported needs no word here: the import test names it, and the last package stays as it was.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

_BUILD = re.compile(r"^def build\(", re.MULTILINE)


def agent_flaws(chalice_app: Path) -> list[str]:
    """Return a line for each file that is no agent though nothing else uses it, and for each name that two agents have.

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


def agent_names(chalice_app: Path) -> list[str]:
    """Return the names of all agents, sorted."""
    folder = chalice_app / "chalicelib" / "agents"
    found = {**_builds(folder / "demo"), **_builds(folder)}
    return sorted(name for name, builds in found.items() if builds)


def _builds(folder: Path) -> dict[str, bool]:
    """Each file of a folder, and whether it exports `build`."""
    return {path.stem: bool(_BUILD.search(path.read_text())) for path in sorted(folder.glob("*.py"))}


def _imported(tree: ast.Module) -> Iterator[str]:
    """Yield every name that a file imports from anywhere, and the last part of every module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = getattr(node, "module", None)
            for name in [module or "", *(alias.name for alias in node.names)]:
                yield name.rpartition(".")[2]
