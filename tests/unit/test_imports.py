"""Who may import whom, as `docs/architecture.md` draws it."""

import ast
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
WITH_STRANDS = {f"agents/{module}.py" for module in ("track", "invocation", "model_call", "parts")}
FOUNDATIONS = {
    *("runcast", "runcast.limits", "runcast.errors", "runcast.clock"),
    *("runcast.text", "runcast.plain_json", "runcast.json_text", "runcast.parameters"),
}
PICTURE = {
    "runcast.agents.base_agent": {
        "runcast.live.publish",
        "runcast.record.assignment",
        "runcast.record.identity",
        "runcast.record.model",
        "runcast.record.recorder",
        "runcast.runs.outcome",
        "runcast.runs.tracked",
    },
    "runcast.record.model": set(),
    "runcast.record.table": {"runcast.record.model"},
    "runcast.record.store": {
        "runcast.record.conditions",
        "runcast.record.ids",
        "runcast.record.model",
        "runcast.record.reads",
        "runcast.record.table",
    },
    "runcast.record.assignment": {"runcast.record.model", "runcast.record.store"},
    "runcast.record.draft": {
        "runcast.record.assignment",
        "runcast.record.model",
        "runcast.record.step_queue",
        "runcast.record.store",
    },
    "runcast.record.outbox": {"runcast.record.model", "runcast.live.message"},
    "runcast.record.cancel_hint": {"runcast.record.store"},
    "runcast.record.reads": {
        "runcast.record.model",
        "runcast.record.table",
    },
    "runcast.record.conditions": {
        "runcast.record.model",
        "runcast.record.table",
    },
    "runcast.record.step_queue": {
        "runcast.record.assignment",
    },
    "runcast.record.stop_signal": {
        "runcast.record.assignment",
    },
    "runcast.record.handover": {
        "runcast.record.assignment",
        "runcast.record.identity",
        "runcast.record.model",
        "runcast.record.outbox",
        "runcast.record.step_queue",
        "runcast.record.stop_signal",
        "runcast.record.store",
        "runcast.record.writer",
    },
    "runcast.record.end_watch": {
        "runcast.record.assignment",
        "runcast.record.handover",
        "runcast.record.model",
        "runcast.record.step_queue",
        "runcast.record.writer",
    },
    "runcast.record.at_exit": set(),
    "runcast.record.writer": {
        "runcast.live.message",
        "runcast.record.assignment",
        "runcast.record.cancel_hint",
        "runcast.record.draft",
        "runcast.record.model",
        "runcast.record.outbox",
        "runcast.record.step_queue",
        "runcast.record.stop_signal",
        "runcast.record.store",
    },
    "runcast.record.recorder": {
        "runcast.record.assignment",
        "runcast.record.at_exit",
        "runcast.record.end_watch",
        "runcast.record.ids",
        "runcast.record.model",
        "runcast.record.outbox",
        "runcast.record.step_queue",
        "runcast.record.stop_signal",
        "runcast.record.store",
        "runcast.record.writer",
    },
    "runcast.record.reader": {
        "runcast.record.ids",
        "runcast.record.model",
        "runcast.record.planned",
        "runcast.record.store",
    },
    "runcast.record.ending": {
        "runcast.record.ids",
        "runcast.record.model",
        "runcast.record.planned",
        "runcast.record.store",
        "runcast.live.message",
    },
    "runcast.record.ids": set(),
    "runcast.record.planned": {"runcast.record.model"},
    "runcast.record.listing": {
        "runcast.record.ids",
        "runcast.record.model",
        "runcast.record.reader",
        "runcast.record.store",
    },
    "runcast.live.message": {"runcast.record.model"},
    "runcast.live.publish": {
        "runcast.live.message",
        "runcast.record.identity",
        "runcast.record.ids",
        "runcast.record.model",
    },
    "runcast.record.identity": {"runcast.record.ids", "runcast.record.model"},
    "runcast.runs.facts": {"runcast.record.model"},
    "runcast.runs.outcome": {"runcast.record.assignment", "runcast.record.model", "runcast.runs.facts"},
    "runcast.runs.stop": {"runcast.record.assignment"},
    "runcast.runs.from_environment": {
        "runcast.live.publish",
        "runcast.record.handover",
        "runcast.record.model",
        "runcast.record.store",
    },
    "runcast.runs.tracked": {
        "runcast.record.assignment",
        "runcast.record.identity",
        "runcast.record.recorder",
        "runcast.runs.from_environment",
        "runcast.runs.outcome",
        "runcast.runs.stop",
    },
    "runcast.runs.scope": {
        "runcast.live.publish",
        "runcast.record.assignment",
        "runcast.runs.facts",
        "runcast.runs.tracked",
        "runcast.runs.stop",
    },
    "runcast.agents.pace": set(),
    "runcast.agents.harmless": set(),
    "runcast.agents.parts": set(),
    "runcast.agents.tracked_class": set(),
    "runcast.agents.model_call": {"runcast.runs.stop"},
    "runcast.agents.text": {"runcast.agents.pace", "runcast.runs.scope"},
    "runcast.agents.streamed": {"runcast.record.assignment", "runcast.runs.scope"},
    "runcast.agents.tool_call": {
        "runcast.record.model",
        "runcast.runs.facts",
        "runcast.agents.pace",
        "runcast.runs.scope",
        "runcast.agents.streamed",
    },
    "runcast.agents.invocation": {
        "runcast.agents.harmless",
        "runcast.runs.outcome",
        "runcast.runs.scope",
        "runcast.runs.stop",
        "runcast.agents.text",
    },
    "runcast.agents.track": {
        "runcast.runs.from_environment",
        "runcast.runs.facts",
        "runcast.agents.harmless",
        "runcast.agents.invocation",
        "runcast.agents.model_call",
        "runcast.agents.pace",
        "runcast.agents.parts",
        "runcast.runs.tracked",
        "runcast.runs.scope",
        "runcast.runs.stop",
        "runcast.agents.text",
        "runcast.agents.tool_call",
        "runcast.agents.tracked_class",
    },
}


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


@pytest.mark.parametrize("module", PICTURE)
def test_the_picture_is_true(module):
    found = imports(PROJECT / f"{module.replace('.', '/')}.py")
    assert {name for name in found if name.startswith("runcast")} - FOUNDATIONS == PICTURE[module]


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
