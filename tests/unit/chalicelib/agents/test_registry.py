"""Which agents there are, told without importing them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import chalicelib
import pytest
from chalicelib.agents import registry

ROOT = Path(__file__).parents[4]


def test_the_demo_has_one_agent():
    assert registry.names() == ("terrain",)


@pytest.mark.parametrize("name", registry.names())
def test_each_agent_can_be_loaded(name):
    assert callable(registry.load(name))


@pytest.mark.parametrize("name", registry.names())
def test_each_agent_is_described_in_a_line(name):
    assert registry.description(name)


def test_an_agent_is_a_file_that_defines_build(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text('"""Mine.\n\nMore."""\n\ndef build(run):\n    ...\n')
    (tmp_path / "aid.py").write_text("def rebuild(run):\n    ...\n\ndef f():\n    def build(run): ...\n")
    monkeypatch.setattr(registry, "_FOLDER", tmp_path)
    registry._files.cache_clear()
    try:
        assert registry.names() == ("mine",)  # and no demo: its folder can be deleted
        assert registry.description("mine") == "Mine."
    finally:
        registry._files.cache_clear()


def test_an_agent_that_cannot_be_imported_leaves_the_others_alone(tmp_path, monkeypatch):
    good, broken = "agent_for_this_test", "broken_agent_for_this_test"
    monkeypatch.setattr(registry, "_FOLDER", tmp_path)
    monkeypatch.setattr(registry, "__package__", "agents_for_this_test")
    package = ModuleType("agents_for_this_test")
    package.__path__ = [str(tmp_path)]
    monkeypatch.setitem(sys.modules, "agents_for_this_test", package)
    (tmp_path / f"{good}.py").write_text("def build(run): ...\n")
    (tmp_path / f"{broken}.py").write_text("raise RuntimeError('broken')\n\ndef build(run): ...\n")
    registry._files.cache_clear()
    try:
        assert registry.names() == (good, broken)
        with pytest.raises(RuntimeError, match="broken"):
            registry.load(broken)
        assert callable(registry.load(good))
    finally:
        registry._files.cache_clear()


@pytest.mark.parametrize(
    ("module", "never"),
    [
        ("chalicelib.graphql", ("strands", "requests", "pydantic")),
        ("chalicelib.rest", ("strands", "requests", "pydantic")),
        ("chalicelib.http", ("strands", "requests", "boto3")),
        ("chalicelib.publisher.publish", ("strands", "pydantic")),
        ("chalicelib.agents.runner", ("strands", "requests")),
        ("app", ("strands", "requests", "boto3")),
        ("runcast", ("strands", "boto3", "gql")),
    ],
)
def test_each_lambda_imports_only_what_it_needs(module, never):
    code = f"import sys, {module}; print([name for name in {never!r} if name in sys.modules])"
    path = f"{ROOT}:{Path(chalicelib.__path__[0]).parent}"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": path}, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
