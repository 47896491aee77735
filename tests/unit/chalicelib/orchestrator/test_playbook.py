"""Playbooks: found, described, and refused with all their faults at once."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path

import pytest
from chalicelib.orchestrator import playbook
from chalicelib.orchestrator.errors import InvalidPlaybook
from chalicelib.orchestrator.faults import faults_of
from chalicelib.orchestrator.playbook import Playbook

from runcast.errors import InvalidInput
from tests.fakes.own_playbooks import own_playbooks
from tests.unit.chalicelib.orchestrator.agent_functions import FUNCTIONS
from tests.unit.chalicelib.orchestrator.conftest import TWO_STAGES

CHALICE_APP = Path(playbook.__file__).parents[2]


def changed(*path, **members):
    """`TWO_STAGES` with some members of one part of it changed, or taken away (None)."""
    given = copy.deepcopy(TWO_STAGES)
    part = given
    for step in path:
        part = part[step]
    part.update(members)
    for name, value in members.items():
        if value is None:
            del part[name]
    return given


def faults(given):
    return faults_of(json.dumps(given), FUNCTIONS)


EAST = ("stages", 0, "agents", 0)
REPORT = ("stages", 1, "agents", 0)
RULE = "$.stages[0].agents[0].output.rules[0]"


def with_rule(**rule):
    return changed(*EAST, output={"rules": [rule]})


def test_a_playbook_says_what_its_file_says_with_what_it_leaves_out(playbooks):
    loaded = Playbook.of(playbook.load("two-stages", FUNCTIONS))
    assert [stage.name for stage in loaded.stages] == ["surveys", "reports"]
    assert list(loaded.entries) == ["east", "west", "report"]
    report = loaded.entries["report"]
    assert (report.agent, report.reads, report.parameters, report.timeout_seconds, report.schema, report.rules) == (
        "elsewhere", ("east", "west"), {}, 840, True, (),
    )  # fmt: skip


def test_an_agent_is_named_by_its_agent_unless_it_has_a_name(tmp_path):
    alone = {"description": "One.", "stages": [{"name": "one", "agents": [{"agent": "survey", "query": "?"}]}]}
    with own_playbooks(tmp_path, {"alone": alone}):
        assert list(Playbook.of(playbook.load("alone", FUNCTIONS)).entries) == ["survey"]


def test_they_are_listed_and_described_whatever_is_wrong_with_one(tmp_path):
    with own_playbooks(tmp_path, {"b": TWO_STAGES, "a": "{", "c": [], "d": {"description": 5}}):
        assert playbook.names() == ("a", "b", "c", "d")
        assert [playbook.description(name) for name in (*playbook.names(), "e")] == [
            "", "Surveys twice, then reports.", "", "", "",
        ]  # fmt: skip
        assert playbook.load("b", FUNCTIONS)["name"] == "b"


def test_ones_own_hides_the_demos_of_the_same_name(tmp_path, monkeypatch):
    folders = [tmp_path / "demo", tmp_path / "own"]
    for folder in folders:
        folder.mkdir()
        (folder / "a.json").write_text(json.dumps({"description": folder.name}))
    monkeypatch.setattr(playbook, "_FOLDERS", folders)
    playbook._files.cache_clear()
    assert playbook.description("a") == "own"
    playbook._files.cache_clear()


def test_listing_them_imports_no_schema_library():
    script = "import sys, chalicelib.orchestrator.playbook as p; p.names(); print('jsonschema' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=CHALICE_APP, timeout=60
    )
    assert done.stdout == "False\n"


@pytest.mark.parametrize("name", ["volcano", "", None, 5, "../two-stages"])
def test_an_unknown_playbook_is_told_those_that_there_are(playbooks, name):
    with pytest.raises(InvalidInput) as refused:
        playbook.load(name, FUNCTIONS)
    assert str(refused.value) == "playbook must be one of: two-stages."


def test_all_faults_are_told_at_once_with_their_paths(tmp_path):
    wrong = copy.deepcopy(TWO_STAGES)
    del wrong["description"]
    wrong["colour"] = "red"
    wrong["stages"][0]["agents"][0] |= {"agent": "volcano", "timeoutSeconds": 900, "query": "$"}
    wrong["stages"][1]["agents"][0]["reads"] = ["north"]
    with own_playbooks(tmp_path, {"wrong": wrong}), pytest.raises(InvalidPlaybook) as refused:
        playbook.load("wrong", FUNCTIONS)
    assert str(refused.value) == (
        "The playbook wrong is not valid: "
        "$: 'description' is a required property; "
        "$: Additional properties are not allowed ('colour' was unexpected); "
        "$.stages[0].agents[0].timeoutSeconds: 900 is greater than the maximum of 840; "
        '$.stages[0].agents[0].agent: unknown agent "volcano"; the agents are elsewhere, survey; '
        "$.stages[0].agents[0].query: a $ must begin a ${name}, or be doubled; "
        '$.stages[1].agents[0].reads[0]: "north" is not an agent of an earlier stage.'
    )
    assert len(refused.value.faults) == 6


def test_a_good_playbook_has_no_fault():
    assert faults(TWO_STAGES) == []


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (changed(*EAST, reads=["west"]), '$.stages[0].agents[0].reads[0]: "west" is not an agent of an earlier stage'),
        (changed(*REPORT, name="west", reads=[]), '$.stages[1].agents[0]: there is another agent named "west"'),
        (changed("stages", 1, name="surveys"), '$.stages[1].name: there is another stage named "surveys"'),
        (changed(*REPORT, name="Re"), "$.stages[1].agents[0].name: 'Re' does not match '^[a-z][a-z0-9_-]{0,63}$'"),
        (changed(*EAST, timeoutSeconds=0), "$.stages[0].agents[0].timeoutSeconds: 0 is less than the minimum of 1"),
        (changed(*EAST, query="${"), "$.stages[0].agents[0].query: a $ must begin a ${name}, or be doubled"),
        (changed(*EAST, query=None), "$.stages[0].agents[0]: 'query' is a required property"),
        (with_rule(kind="wish"), f"{RULE}.kind: 'wish' is not one of ['required', 'range', 'unit', 'agreement']"),
        (with_rule(kind="required"), f"{RULE}: 'facts' is a required property"),
        (with_rule(kind="range", fact="a"), f"{RULE}: {{'kind': 'range', 'fact': 'a'}} is not valid under any of the "
         "given schemas"),
        (with_rule(kind="range", fact="a", minimum=2, maximum=1), f"{RULE}: minimum is greater than maximum"),
        (with_rule(kind="unit", fact="a"), f"{RULE}: 'unit' is a required property"),
        (with_rule(kind="agreement", fact="a", tolerance=0, **{"with": "report"}),
         f'{RULE}.with: "report" is not another agent of this stage or an earlier one'),
        (with_rule(kind="agreement", fact="a", tolerance=0, **{"with": "east"}),
         f'{RULE}.with: "east" is not another agent of this stage or an earlier one'),
        (changed(*EAST, output={"schema": {"type": "wish"}}),
         "$.stages[0].agents[0].output.schema.type: 'wish' is not valid under any of the given schemas"),
        (changed(*EAST, output={"schema": {"$ref": "#/$defs/none"}}),
         '$.stages[0].agents[0].output.schema: it refers to "#/$defs/none", which is not a schema in it'),
        (changed(*EAST, output={"schema": {"items": [{"$ref": "https://example.com/"}]}}),
         "$.stages[0].agents[0].output.schema.items: [{'$ref': 'https://example.com/'}] is not of type 'object', "
         "'boolean'"),
        (changed(*EAST, output={"schema": {"items": {"$ref": "https://example.com/"}}}),
         '$.stages[0].agents[0].output.schema: it refers to "https://example.com/", which is not a schema in it'),
        ([], "$: [] is not of type 'object'"),
        ({"description": "None.", "stages": []}, "$.stages: [] should be non-empty"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_path(given, fault):
    assert faults(given) == [fault]


def test_agents_that_read_one_another_are_a_circle():
    assert faults(changed(*EAST, reads=["report"])) == [
        '$.stages[0].agents[0].reads[0]: "report" is not an agent of an earlier stage',
        "$.stages: agents read one another in a circle: east → report → east",
    ]


def test_twenty_agents_are_enough():
    agents = [{"name": f"a{n}", "agent": "survey", "query": "?"} for n in range(11)]
    stages = [
        {"name": "one", "agents": agents},
        {"name": "two", "agents": [agent | {"name": f"b{n}"} for n, agent in enumerate(agents)]},
    ]
    assert faults({"description": "Many.", "stages": stages}) == [
        "$.stages: it has 22 agents in total; the maximum is 20"
    ]


def test_a_file_that_is_no_json_or_too_large_is_told_so():
    assert faults_of("{", FUNCTIONS)[0].startswith("$: it is not JSON (Expecting property name")
    assert faults_of(" " * 65_537, FUNCTIONS) == ["$: it is over 64 KB"]


@pytest.mark.parametrize("odd", [None, 5, "text", [], {}, [None], {"name": {}}, [[]]])
@pytest.mark.parametrize("path", [("stages",), ("stages", 0), (*EAST,), (*EAST, "reads"), (*EAST, "output")])
def test_whatever_has_the_wrong_form_is_told_and_raises_nothing(path, odd):
    given = copy.deepcopy(TWO_STAGES)
    part = given
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = odd
    allowed = (path[-1] == "reads" and odd == []) or (path[-1] == "output" and odd == {})
    assert bool(faults(given)) is not allowed
