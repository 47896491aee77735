"""The examples and messages in docs/playbooks.md are correct."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from chalicelib.orchestrator.faults import faults_of
from chalicelib.orchestrator.playbook import Playbook, load

from tests.fakes.own_playbooks import own_playbooks
from tests.unit.chalicelib.orchestrator.agent_functions import FUNCTIONS
from tests.unit.chalicelib.orchestrator.conftest import Machine, put_job

DOCUMENT = (Path(__file__).parents[4] / "docs" / "playbooks.md").read_text()
PLAYBOOK, OUTPUT, RESULT = re.findall(r"^```json\n(.*?)^```$", DOCUMENT, flags=re.MULTILINE | re.DOTALL)
EAST = json.loads(OUTPUT)
REPORT = EAST | {"text": "The east is flatter than the west."}
WEST = "The west is hilly."
AGENTS = {"survey", "report"}


@pytest.fixture
def run(store, clock, tmp_path, monkeypatch):
    """Run the document's playbook with these outputs, and return the job and what it has said."""
    monkeypatch.setitem(FUNCTIONS, "report", FUNCTIONS["survey"])
    with own_playbooks(tmp_path, {"compare-sites": PLAYBOOK}):

        def run(parameters=None, **outputs):
            outputs = {"east": [EAST], "west": [WEST], "report": [REPORT]} | outputs
            parameters = {"region": "Texas"} if parameters is None else parameters
            put_job(store, "compare-sites")
            job = Machine(store, clock, outputs, playbook="compare-sites", parameters=parameters)
            return job, job.run()

        yield run


def test_its_playbook_is_one_and_its_output_is_accepted(run):
    assert faults_of(PLAYBOOK, AGENTS) == []
    job, said = run()
    assert said == {"status": "complete", "error": None}
    assert job.own.result.keys() == json.loads(RESULT).keys()
    assert list(Playbook.of(load("compare-sites", AGENTS)).entries) == ["east", "west", "report"]


@pytest.mark.parametrize(
    ("outputs", "error"),
    [
        ({"east": [EAST | {"facts": {"slope": EAST["facts"]["slope"]}}] * 2},
         "The output was not accepted twice: east: the fact cells is missing."),
        ({"east": [ValueError("no such region")]}, "east: ValueError: no such region"),
        ({"parameters": {}}, "parameters must have: region (for the query of east)"),
    ],
)  # fmt: skip
def test_its_errors_are_those_that_are_said(run, outputs, error):
    _, said = run(**outputs)
    assert error in DOCUMENT
    assert said["error"].startswith(error)


def test_every_field_of_the_schema_is_in_it():
    schema = json.loads(Path(load.__code__.co_filename).with_name("playbook.schema.json").read_text())
    rules = [rule["then"]["properties"] for rule in schema["$defs"]["rule"]["allOf"]]
    parts = [schema["properties"], schema["$defs"]["agent"]["properties"], *rules]
    assert [name for part in parts for name in part if f'"{name}"' not in PLAYBOOK] == []
