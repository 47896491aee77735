"""Lists the agents without importing them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import chalicelib
import pytest
from chalicelib.agents import registry

from tests.fakes.own_agents import own_agents

ROOT = Path(__file__).parents[4]


def test_each_agent_can_be_loaded_and_is_described_in_a_line():
    for name in registry.names():
        assert callable(registry.load(name))
        assert registry.description(name)


def test_agents_elsewhere_stand_beside_those_here_which_hide_them():
    with own_agents():
        functions = registry.functions("own", {"zebra": "arn:1", "alpha": "arn:2", "survey": "arn:3"})
        assert list(functions.items()) == [("alpha", "arn:2"), ("survey", "own"), ("zebra", "arn:1")]
        assert registry.description("zebra") == ""


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


def test_a_version_is_the_files_even_if_another_module_has_wrapped_build(tmp_path, monkeypatch):
    name = "versioned_agent_for_this_test"
    monkeypatch.setattr(registry, "_FOLDER", tmp_path)
    monkeypatch.setattr(registry, "__package__", "agents_for_this_test")
    package = ModuleType("agents_for_this_test")
    package.__path__ = [str(tmp_path)]
    monkeypatch.setitem(sys.modules, "agents_for_this_test", package)
    source = "from functools import partial\nMEMORY_VERSION = 2\ndef build(run): ...\nbuild = partial(build)\n"
    (tmp_path / f"{name}.py").write_text(source)
    registry._files.cache_clear()
    try:
        assert registry.memory_version(name) == 2
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
        ("chalicelib.api.mutations", ("strands", "requests", "boto3", "pydantic", "jsonschema")),
        ("chalicelib.api.queries", ("strands", "requests", "boto3", "pydantic", "chalicelib.lifecycle.start")),
        ("chalicelib.api.rest", ("strands", "requests", "pydantic", "jsonschema")),
        ("chalicelib.api.http", ("strands", "requests", "boto3")),
        ("chalicelib.lifecycle.closer", ("strands", "requests", "pydantic", "jsonschema")),
        ("chalicelib.publisher.publish", ("strands", "pydantic", "requests", "boto3")),
        ("chalicelib.agents.runner", ("strands", "requests", "boto3")),
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
