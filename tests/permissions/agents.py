"""Agents and playbooks that use each permission of the roles, which the proof deploys beside the others."""

from __future__ import annotations

import json

from tests.e2e.answering_agents import COUNTING_AGENT, LOOKING_AGENT
from tests.e2e.test_answers import ALL_KINDS_AGENT, FUNCTIONS

LARGE_CHARACTERS = 50_000
"""Two answers of this length do not fit into the record of a job."""

_PLAIN_AGENT = '''
from strands import Agent


def build(run):
    """Lets the deployment's model answer."""
    return Agent(name="plain", model=run.model, callback_handler=None)
'''
# Its turn is stored, and the answer of S3 is lost: it has to delete what it may have stored.
_UNSURE_AGENT = COUNTING_AGENT.replace(
    "def build(run):",
    """
def build(run):
    from botocore.client import BaseClient
    from botocore.exceptions import EndpointConnectionError

    send = BaseClient._make_api_call

    def lose_the_answer(client, operation, request):
        answer = send(client, operation, request)
        if operation == "PutObject" and request["Key"].startswith("conversations/"):
            BaseClient._make_api_call = send
            raise EndpointConnectionError(endpoint_url="s3")
        return answer

    BaseClient._make_api_call = lose_the_answer""",
)
_LONG_AGENT = COUNTING_AGENT.replace('yield f"{len(asked)}, first {asked[0]}"', f'yield "x" * {LARGE_CHARACTERS}')
# Its model says nothing for so long that only a look at the hint can find a cancel in time.
_SILENT_AGENT = COUNTING_AGENT.replace('yield f"', 'await asyncio.sleep(600)\n    yield f"')
# Hands over to the next part after its tool.
_DIGGING_AGENT = '''
from runcast.runs.scope import current_scope
from strands import Agent, tool


@tool
def dig() -> str:
    """Dig."""
    current_scope().run.stop.hand_over()  # as the worker's timer does when its time is nearly up
    return "dug"


def build(run):
    """Digs in one part and answers in the next."""
    return Agent(name="digging", model=run.model, tools=[dig], checkpointing=True, callback_handler=None)
'''


def _playbook(*agents: dict[str, str]) -> str:
    return json.dumps({"description": "Proves.", "stages": [{"name": "only", "agents": [*agents]}]})


FILES = {
    "chalicelib/agents/asker.py": ALL_KINDS_AGENT,
    "chalicelib/agents/digging.py": _DIGGING_AGENT,
    "chalicelib/agents/long.py": _LONG_AGENT,
    "chalicelib/agents/looker.py": LOOKING_AGENT,
    "chalicelib/agents/memory.py": COUNTING_AGENT,
    "chalicelib/agents/plain.py": _PLAIN_AGENT,
    "chalicelib/agents/silent.py": _SILENT_AGENT,
    "chalicelib/agents/unsure.py": _UNSURE_AGENT,
    "chalicelib/playbooks/asking.json": _playbook({"agent": "asker", "query": "tool"}),
    "chalicelib/playbooks/remembering.json": _playbook({"agent": "memory", "query": "${query}"}),
    "chalicelib/playbooks/remembering_and_waiting.json": _playbook(
        {"agent": "memory", "query": "${query}"}, {"agent": "silent", "query": "${query}"}
    ),
    "chalicelib/playbooks/waiting.json": _playbook({"agent": "silent", "query": "${query}"}),
    "chalicelib/playbooks/writing.json": _playbook(
        {"agent": "long", "query": "${query}", "name": "one"}, {"agent": "long", "query": "${query}", "name": "two"}
    ),
}
"""The sources of the agents and the playbooks, by their places in the package."""

DEPLOYED_TO = (*FUNCTIONS, "progress_reader_function_name")
"""The outputs with the functions that know agents or playbooks."""
