"""Invoking agents, with and without Lambda's tenant isolation."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import boto3
import botocore.session
import pytest
from botocore.stub import Stubber
from chalicelib.agents.agent_functions import AgentFunctions, agent_functions, isolated_tenant
from chalicelib.runtime import clients
from chalicelib.runtime.config import RunCloserConfig

from runcast.record.model import PUBLIC, Owner
from tests.fakes.own_agents import own_agents

CHALICELIB = Path(__file__).parents[4] / "chalice_app" / "chalicelib"
ELSEWHERE = "arn:aws:lambda:us-east-1:123456789012:function:elsewhere"
OWN = "runcast-agent"
ANA, BOB, CLEO = Owner("acme", "ana"), Owner("acme", "bob"), Owner("globex", "cleo")
SERVICE = botocore.session.get_session().get_service_model("lambda")


@pytest.fixture
def client():
    about = {"region_name": "us-east-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return boto3.client("lambda", **about)


def invoked(client, functions, agent, owner=ANA):
    """Invoke an agent; return the request, which botocore has compared with its model of Lambda."""
    requests = []
    client.meta.events.register("before-parameter-build.lambda.Invoke", lambda params, **_: requests.append(params))
    with Stubber(client) as lambda_:
        lambda_.add_response("invoke", {"StatusCode": 202})
        functions.invoke(agent, {"requestId": "run-1"}, owner)
    [request] = requests
    return request


@pytest.mark.parametrize(
    "owner", [ANA, CLEO, PUBLIC, Owner("Bürger & Söhne", "ana"), Owner("x" * 128, "ana"), Owner("ana", "ana")]
)
def test_a_tenants_id_is_one_that_lambda_takes(owner):
    shape = SERVICE.shape_for("TenantId")
    assert re.fullmatch(shape.metadata["pattern"], isolated_tenant(owner))
    assert shape.metadata["min"] <= len(isolated_tenant(owner)) <= shape.metadata["max"]


def test_only_users_of_one_tenant_share_an_id():
    assert isolated_tenant(ANA) == isolated_tenant(BOB)
    # A user without a tenant is their own tenant, and shares nothing with the tenant that has their name.
    others = [ANA, CLEO, PUBLIC, Owner("ana", "ana"), Owner("bob", "bob"), Owner("acme", "acme"), Owner("ana", "bob")]
    assert len({isolated_tenant(owner) for owner in others}) == len(others)


def test_without_isolation_no_function_gets_a_tenant(client):
    functions = AgentFunctions(client, {"survey": OWN, "elsewhere": ELSEWHERE})
    for agent, function in functions.by_agent.items():
        request = invoked(client, functions, agent)
        assert request == {"FunctionName": function, "InvocationType": "Event", "Payload": b'{"requestId":"run-1"}'}


def test_with_isolation_only_the_applications_function_gets_the_tenant(client):
    functions = AgentFunctions(client, {"survey": OWN, "elsewhere": ELSEWHERE}, OWN)
    assert invoked(client, functions, "survey")["TenantId"] == isolated_tenant(ANA)
    assert "TenantId" not in invoked(client, functions, "elsewhere")


@pytest.mark.parametrize("isolated", [None, OWN])
def test_a_check_names_a_tenant_where_an_invocation_does(client, isolated):
    expected = {"FunctionName": OWN, "InvocationType": "DryRun"}
    if isolated:
        expected["TenantId"] = isolated_tenant(PUBLIC)
    with Stubber(client) as lambda_:
        lambda_.add_response("invoke", {"StatusCode": 204}, expected)
        AgentFunctions(client, {}, isolated).check(OWN)
        lambda_.assert_no_pending_responses()


@pytest.mark.parametrize("isolation", [False, True])
def test_the_settings_say_which_function_is_isolated(monkeypatch, client, isolation):
    monkeypatch.setattr(clients, "invoker", lambda: client)
    config = RunCloserConfig("AgentProgress", "publisher", OWN, {"elsewhere": ELSEWHERE}, isolation)
    with own_agents():
        functions = agent_functions(config)
    assert functions.by_agent["elsewhere"] == ELSEWHERE
    assert OWN in functions.by_agent.values()
    assert functions.isolated == (OWN if isolation else None)


def test_nothing_else_in_the_application_invokes_a_function():
    found = {
        (file.relative_to(CHALICELIB).as_posix(), ast.unparse(node.func))
        for file in CHALICELIB.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and any(keyword.arg == "FunctionName" for keyword in node.keywords)
    }
    assert found == {("agents/agent_functions.py", "self.client.invoke")}
