"""The allowed imports: each layer uses only those below it."""

import ast
import graphlib
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
FOLDERS = {"chalicelib": "chalice_app/chalicelib", "runcast": "runcast"}
WITH_STRANDS = {
    f"agents/{module}.py"
    for module in (
        *("track", "invocation", "model_call", "parts"),
        *(
            "streamed",
            "tool_watch",
            "tracked_class",
            "plugin",
            "snapshot",
            "checkpoints",
            "journal",
            "saved_part",
            "in_parts",
        ),
    )
}
FOUNDATIONS = {
    *("runcast", "runcast.limits", "runcast.errors", "runcast.clock"),
    *("runcast.text", "runcast.plain_json", "runcast.json_text", "runcast.parameters", "runcast.file_types"),
}
LAYERS = {
    "chalicelib": [["api"], ["lifecycle"], ["orchestrator"], ["agents", "publisher"], ["runtime"]],
    "runcast": [["agents", "client"], ["runs"], ["live"], ["record"]],
}
"""The packages of each folder from top to bottom; each imports only from those below it."""


def imports(file: Path) -> set[str]:
    """What a file imports at run time, wherever in it; not what only its types need."""
    tree = ast.parse(file.read_text())
    for_types = {
        node
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and isinstance(block.test, ast.Name) and block.test.id == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    found = set()
    for node in ast.walk(tree):
        if node in for_types:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def files(*folders: str) -> list[Path]:
    return [file for folder in folders for file in sorted((PROJECT / folder).rglob("*.py"))]


def heads(file: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(file)}


@pytest.mark.parametrize("name", ["chalicelib", "runcast"])
def test_packages_import_only_from_those_below(name):
    folder = PROJECT / FOLDERS[name]
    layer_of = {package: level for level, packages in enumerate(LAYERS[name]) for package in packages}
    assert {path.parent.name for path in folder.glob("*/__init__.py")} == set(layer_of)
    for package, level in layer_of.items():
        for file in files(f"{FOLDERS[name]}/{package}"):
            for imported in imports(file):
                head, _, rest = imported.partition(".")
                other = rest.split(".")[0]
                if head == name and other in layer_of and other != package:
                    assert layer_of[other] > level, f"{file.relative_to(PROJECT)} imports {imported}"


@pytest.mark.parametrize("name", ["chalicelib", "runcast"])
def test_no_modules_import_each_other(name):
    found = {
        ".".join((name, *file.relative_to(PROJECT / FOLDERS[name]).with_suffix("").parts)): imports(file)
        for file in files(FOLDERS[name])
    }
    graphlib.TopologicalSorter({module: imported & found.keys() for module, imported in found.items()}).prepare()


@pytest.mark.parametrize("file", files("local"), ids=lambda file: str(file.relative_to(PROJECT)))
def test_what_emulates_aws_knows_nothing_of_the_product(file):
    if file.parent == PROJECT / "local":
        return
    assert not heads(file) & {"runcast", "chalicelib", "app", "packager", "deploy"}


def test_the_client_shares_the_ids_and_the_model_and_nothing_else():
    found = set().union(*(imports(file) for file in files("runcast/client")))
    inside = {name for name in found if name.startswith("runcast") and not name.startswith("runcast.client")}
    assert inside - FOUNDATIONS == {"runcast.record.ids", "runcast.record.model"}


@pytest.mark.parametrize("file", files("runcast"), ids=lambda file: str(file.relative_to(PROJECT)))
def test_the_library_knows_neither_chalice_nor_an_agent(file):
    forbidden = {"chalice", "chalicelib", "app", "local", "packager"}
    # The rest is imported before Strands is, on a cold start, or without it.
    if file.relative_to(PROJECT / "runcast").as_posix() not in WITH_STRANDS:
        forbidden.add("strands")
    assert not heads(file) & forbidden


def test_the_doors_know_only_what_is_behind_them():
    assert heads(PROJECT / "chalice_app" / "app.py") <= {"__future__", "collections", "typing", "chalice", "chalicelib"}


@pytest.mark.parametrize(
    "file", files("chalice_app", "packager", "deploy"), ids=lambda file: str(file.relative_to(PROJECT))
)
def test_what_is_deployed_does_not_know_the_local_machine(file):
    assert "local" not in heads(file)
