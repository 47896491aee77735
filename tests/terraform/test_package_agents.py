import importlib
import json
import shutil
import sys
from pathlib import Path

import pytest

import packager.build
from packager.agents import agent_flaws, agent_names, playbook_flaws
from packager.build import ARCHIVE_NAME, EXPORT_NAME, build
from packager.errors import PackagingError

APP = Path(__file__).parents[2] / "chalice_app"
AGENT = '"""Mine."""\n\n\ndef build(run):\n    ...\n'


@pytest.fixture
def app(tmp_path: Path) -> Path:
    return shutil.copytree(APP, tmp_path / "chalice_app", ignore=shutil.ignore_patterns("__pycache__"))


def test_the_project_has_no_flaw(app: Path):
    assert [*agent_flaws(app), *playbook_flaws(app)] == []


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


def test_a_faulty_playbook_is_named_with_all_its_faults(app: Path):
    (app / "chalicelib" / "agents" / "mine.py").write_text(AGENT)
    own, demo = app / "chalicelib" / "playbooks", app / "chalicelib" / "agents" / "demo" / "playbooks"
    good = {"description": "Mine.", "stages": [{"name": "one", "agents": [{"agent": "mine", "query": "?"}]}]}
    for folder in (own, demo):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "good.json").write_text(json.dumps(good))
    (own / "bad.json").write_text(json.dumps({"stages": [{"name": "one", "agents": [{"agent": "mine"}]}]}))
    assert playbook_flaws(app) == [
        "chalicelib/playbooks/bad.json: $: 'description' is a required property.",
        "chalicelib/playbooks/bad.json: $.stages[0].agents[0]: 'query' is a required property.",
        "Two playbooks are named good: chalicelib/playbooks/good.json is used, "
        "chalicelib/agents/demo/playbooks/good.json is not.",
    ]


@pytest.mark.parametrize(
    ("schema", "fault"),
    [
        ("{'type': 'text'}", "PARAMETERS_SCHEMA.type: 'text' is not valid under any of the given schemas."),
        ("{'properties': {'a': {'pattern': '['}}}", 'PARAMETERS_SCHEMA: "[" is not a regular expression.'),
        ("{'patternProperties': {'(': {}}}", 'PARAMETERS_SCHEMA: "(" is not a regular expression.'),
        ("{'$ref': '#/$defs/a'}", 'PARAMETERS_SCHEMA: it refers to "#/$defs/a", which is not a schema in it.'),
        ("{'$ref': 'https://a.b/'}", 'PARAMETERS_SCHEMA: it refers to "https://a.b/", which is not a schema in it.'),
        ("{'$ref': '#'}", "PARAMETERS_SCHEMA: \"#\" refers to itself without end."),
        ("Model.schema()", "PARAMETERS_SCHEMA must be a dict literal of JSON values, because it is read without "
         "importing the file. Write the schema itself, without names and calls."),
    ],
)  # fmt: skip
def test_an_agent_whose_schema_is_invalid_is_not_packaged(app: Path, tmp_path: Path, schema: str, fault: str):
    (app / "chalicelib" / "agents" / "mine.py").write_text(f"PARAMETERS_SCHEMA = {schema}\n{AGENT}")
    (app / "chalicelib" / "agents" / "good.py").write_text(
        f"PARAMETERS_SCHEMA = {{'properties': {{'pattern': {{'enum': ['[']}}}}}}\n{AGENT}"
    )
    with pytest.raises(PackagingError) as refused:
        build(app.parent, work=tmp_path / "work", target=tmp_path / "target", interpreter=Path(sys.executable))
    assert str(refused.value) == f"chalicelib/agents/mine.py: {fault}"


def test_whoever_builds_reports_what_is_invalid_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """`make up`, `make dev`, `make plan`, `make deploy` and `make package` all build; how is not what is tried here."""
    project = tmp_path / "project"
    shutil.copytree(APP, project / "chalice_app", ignore=shutil.ignore_patterns("__pycache__"))
    (project / "runcast").mkdir()
    (project / "chalice_app" / "chalicelib" / "agents" / "mine.py").write_text("")
    playbooks = project / "chalice_app" / "chalicelib" / "playbooks"
    playbooks.mkdir(exist_ok=True)
    (playbooks / "bad.json").write_text("{")

    def make(_project: Path, _work: Path, results: Path, *_: object) -> None:
        for name in (ARCHIVE_NAME, EXPORT_NAME):
            (results / name).write_text("")

    monkeypatch.setattr(packager.build, "_make", make)
    for built in (True, False):
        target = tmp_path / "target"
        assert build(project, work=tmp_path / "work", target=target, interpreter=Path(sys.executable)) is built
        told = capsys.readouterr().err.splitlines()
        assert told[0] == "Note: chalicelib/agents/mine.py exports no build(run), so it is no agent."
        assert [line for line in told if line.startswith("Note: chalicelib/playbooks/bad.json: ")]


@pytest.mark.parametrize("command", ["packager.__main__", "deploy.__main__", "local.functions"])
def test_each_command_that_packages_builds(command: str):
    assert importlib.import_module(command).build is build
