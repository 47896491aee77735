import shutil
from pathlib import Path

import pytest

from packager.agents import agent_flaws, agent_names

APP = Path(__file__).parents[2] / "chalice_app"
AGENT = '"""Mine."""\n\n\ndef build(run):\n    ...\n'


@pytest.fixture
def app(tmp_path: Path) -> Path:
    return shutil.copytree(APP, tmp_path / "chalice_app", ignore=shutil.ignore_patterns("__pycache__"))


def test_the_project_has_no_flaw(app: Path):
    assert agent_flaws(app) == []


def test_an_agent_and_what_it_uses_are_no_flaw(app: Path):
    agents = app / "chalicelib" / "agents"
    (agents / "mine.py").write_text("from chalicelib.agents import measures\n" + AGENT)
    (agents / "measures.py").write_text("def slope(): ...\n")
    assert agent_flaws(app) == []


@pytest.mark.parametrize("text", ["", "def rebuild(run): ...\n", "class Agent:\n    def build(self): ...\n"])
def test_a_file_without_build_that_nothing_uses_is_named(app: Path, text: str):
    (app / "chalicelib" / "agents" / "mine.py").write_text(text)
    assert agent_flaws(app) == ["chalicelib/agents/mine.py exports no build(run), so it is no agent."]


def test_two_agents_of_one_name_are_named(app: Path):
    agents = app / "chalicelib" / "agents"
    (agents / "demo").mkdir(exist_ok=True)
    for path in (agents / "mine.py", agents / "demo" / "mine.py"):
        path.write_text(AGENT)
    assert agent_flaws(app) == [
        "Two agents are named mine: chalicelib/agents/mine.py is used, chalicelib/agents/demo/mine.py is not."
    ]
    assert agent_names(app).count("mine") == 1
