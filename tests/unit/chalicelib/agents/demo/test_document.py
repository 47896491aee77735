"""docs/demo.md: its tables name the agents, their parameters and facts, and the playbooks, as they are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from chalicelib.agents import registry
from chalicelib.orchestrator import playbook

ROOT = Path(__file__).parents[5]
DOCUMENT = (ROOT / "docs" / "demo.md").read_text()
NAMES = re.compile(r"`([\w-]+)`")
AGENTS, PLAYBOOKS = (
    [line.strip("|").split("|") for line in table.splitlines()]
    for table in re.findall(r"^\| (?:agent|playbook) \|.*\n\|[-|]+\n((?:\|.*\n)+)", DOCUMENT, re.MULTILINE)
)
# None of these is the default.
VALUES = {
    "area": "south_west",
    "max_slope_degrees": 10,
    "max_roughness_metres": 30,
    "turbines": 5,
    "spacing_diameters": 6,
    "wake_constant": 0.04,
}


def parameters_of(cell: str, layout: set[str]) -> set[str]:
    return set(NAMES.findall(cell)) | (layout if "the same" in cell else set())


def test_its_agents_and_playbooks_are_those_there_are():
    of_demo = {name for name in registry.names() if (ROOT / f"chalice_app/chalicelib/agents/demo/{name}.py").exists()}
    assert [NAMES.findall(row[0])[0] for row in AGENTS] == ["terrain", "layout", "simulation", "report", "picture"]
    assert of_demo == {"terrain", "layout", "simulation", "report", "picture"}
    assert {NAMES.findall(row[0])[0] for row in PLAYBOOKS} <= set(playbook.names())


@pytest.mark.parametrize("row", [row for row in AGENTS if row[3].strip()], ids=lambda row: row[0].strip(" `"))
def test_each_agent_notes_the_facts_and_takes_the_parameters(row, facts_of):
    [name] = NAMES.findall(row[0])
    parameters = parameters_of(row[2], parameters_of(AGENTS[0][2], set()))
    settings = {parameter: VALUES[parameter] for parameter in parameters}
    facts = facts_of(name, **settings)
    assert set(NAMES.findall(row[3])) <= facts.keys()
    for parameter, value in settings.items():
        without = facts_of(name, **{other: settings[other] for other in settings if other != parameter})
        assert without != facts, f"{parameter}={value} changes nothing"


def test_its_command_shows_an_agent():
    [command] = re.findall(r"^```sh\nmake demo AGENT=(\w+) QUERY=.*\n```$", DOCUMENT, re.MULTILINE)
    assert command in registry.names()
