"""Users of an OpenID Connect provider beside those of the user pool: the main flows, and what nobody else may see.

The module is deployed once more, with the variables `oidc_*`, a provider on this machine, and `tenant_isolation`, so
that tenants of the provider work in it, too.
"""

import asyncio
import base64
import contextlib
import json
import os
import shutil
import subprocess
import sys
import uuid
import zipfile
from dataclasses import replace

import pytest
import requests
import websockets.asyncio.client

from local.settings import ROOT, no_proxy
from local.terraform import Terraform, prepare
from local.users import User, create_user
from runcast.client.client import connect
from runcast.client.config import TokenConfig
from tests.e2e.conftest import AGENT, DEADLINE_SECONDS, Caller, Socket
from tests.e2e.identities import NOBODYS, Graphql, Rest
from tests.e2e.test_answers import ASKING_AGENT, PLAYBOOK
from tests.e2e.test_bad_input import forged
from tests.fakes.oidc_issuer import AUDIENCE, TENANT_CLAIM, new_key, oidc_issuer
from tests.waiting import wait_until

pytestmark = pytest.mark.long  # in `make test`, tests/local/appsync/test_appsync_oidc.py and the functional tests

TENANT = "acme"
STARTED = "start_ack"


class Deployment:
    """A second deployment on the machine of the tests."""

    def __init__(self, stack, outputs):
        self.state = replace(stack.state, outputs=outputs)
        self.client = stack.client


class OidcCaller(Caller):
    """A user with a token of the provider instead of a password."""

    def __init__(self, deployment, issuer, sub, **claims):
        token = issuer.token(sub, **claims)
        names = [f"{issuer.issuer}|{name}" for name in (claims.get(TENANT_CLAIM, sub), sub)]
        self.user = User(name=sub, tenant=names[0], user_id=names[1], password="")
        self.id_token = self.access_token = token
        self._stack, self._outputs = deployment, deployment.state.outputs
        self.url, self.realtime_url = self._outputs["graphql_url"], self._outputs["realtime_url"]


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    with oidc_issuer(tmp_path_factory.mktemp("issuer")) as made:
        yield made


@pytest.fixture(scope="module")
def deployment(stack, issuer, tmp_path_factory):
    """The module with the provider, and with an agent that asks and a playbook for it."""
    package, work = tmp_path_factory.mktemp("package"), tmp_path_factory.mktemp("oidc")
    module = stack.state.directory / "terraform" / "terraform"
    for name in ("chalice.tf.json", "deployment.zip"):
        shutil.copy2(module / name, package)
    with zipfile.ZipFile(package / "deployment.zip", "a") as archive:
        archive.writestr("chalicelib/agents/buyer.py", ASKING_AGENT)
        archive.writestr("chalicelib/playbooks/buying.json", json.dumps(PLAYBOOK))
    variables = json.loads((module / "local.auto.tfvars.json").read_text()) | {
        "name_prefix": "oidc-",
        "oidc_issuer": issuer.issuer,
        "oidc_audience": AUDIENCE,
        "oidc_tenant_id_claim": TENANT_CLAIM,
        "tenant_isolation": True,
    }
    prepare(ROOT, work, variables, package=package)
    terraform = Terraform(work, stack.state.endpoint.environment)
    terraform.init()
    terraform.apply()
    return Deployment(stack, terraform.output())


@pytest.fixture(scope="module")
def pool_user(deployment):
    """A user of the user pool."""
    cognito, pool = deployment.client("cognito-idp"), deployment.state.outputs["user_pool_id"]
    return Caller(deployment, create_user(cognito, pool, "alice", TENANT, "Aa1!" + uuid.uuid4().hex))


@pytest.fixture(scope="module")
def carol(deployment, issuer, pool_user):
    """A user of the provider whose `sub` and tenant are those of the user of the user pool."""
    return OidcCaller(deployment, issuer, pool_user.user.user_id, **{TENANT_CLAIM: TENANT})


@pytest.fixture(scope="module")
def others(deployment, issuer, pool_user, carol):
    """Those who must not see what is Carol's."""
    sub = carol.user.name
    colleague = OidcCaller(deployment, issuer, "dave", **{TENANT_CLAIM: TENANT})
    return {
        "the user of the user pool with the same sub and tenant": pool_user,
        "a colleague of the same tenant": colleague,
        "the same sub in another tenant": OidcCaller(deployment, issuer, sub, **{TENANT_CLAIM: "globex"}),
        "the same sub without a tenant": OidcCaller(deployment, issuer, sub),
        "a user named as her id": OidcCaller(deployment, issuer, carol.user.user_id, **{TENANT_CLAIM: TENANT}),
    }


class Apis:
    """Both APIs of a deployment for one caller."""

    def __init__(self, deployment, caller):
        outputs, headers = deployment.state.outputs, {"Authorization": caller.id_token}
        self.graphql, self.rest = Graphql(outputs["graphql_url"], headers), Rest(outputs["rest_url"], headers)

    def seen(self, request_id):
        """What both APIs answer to requests with the id of a run."""
        graphql, rest = self.graphql, self.rest
        return {
            "read": _told(lambda each: graphql.ask("getAgentProgress", requestId=each), request_id),
            "cancel": _told(lambda each: graphql.ask("cancelAgentRun", requestId=each), request_id),
            "answer": _told(lambda each: graphql.ask("answerAgentRun", requestId=each, answers='{"x": 1}'), request_id),
            "list": any(run["requestId"] == request_id for run in graphql.ask("listAgentRuns")["runs"]),
            "GET": _told(lambda each: rest.ask("GET", f"/runs/{each}"), request_id),
            "DELETE": _told(lambda each: rest.ask("DELETE", f"/runs/{each}"), request_id),
            "GET all": any(run["requestId"] == request_id for run in rest.ask("GET", "/runs")["runs"]),
        }


NOTHING = dict.fromkeys(("read", "cancel", "answer", "GET", "DELETE"), "unknown") | {"list": False, "GET all": False}


def _told(ask, request_id):
    """Return `unknown` if the answer is the one to an id that nobody has."""
    answer, to_nobodys = ask(request_id), ask(NOBODYS)
    return "unknown" if answer == {**to_nobodys, "requestId": request_id} else answer


async def test_a_run_is_started_watched_answered_read_and_listed_by_its_owner_alone(deployment, carol, others):
    async with carol.socket() as hers, contextlib.AsyncExitStack() as stack:
        assert (await hers.start(userId=carol.user.user_id))["type"] == STARTED
        namesakes = {}
        for name, other in others.items():
            socket = await stack.enter_async_context(other.socket())
            # A user with this id in another tenant, and one whose `sub` it is, subscribe to their own messages.
            expected = STARTED if carol.user.user_id in (other.user.user_id, other.user.name) else "error"
            assert (await socket.start(userId=carol.user.user_id))["type"] == expected, name
            if expected == STARTED:
                namesakes[name] = other, socket
        request_id = await asyncio.to_thread(carol.start, "Buy turbines.", agent="buyer")
        question = await asyncio.to_thread(asked, carol, request_id)
        seen = {name: await asyncio.to_thread(Apis(deployment, each).seen, request_id) for name, each in others.items()}
        answers = json.dumps({question: "yes"})
        state = await asyncio.to_thread(carol.get, "answerAgentRun", requestId=request_id, answers=answers)
        updates = [each for each in await hers.updates(request_id) if each["requestId"] == request_id]
        for name, (other, socket) in namesakes.items():
            own = await asyncio.to_thread(other.start, "How rough is it?")
            assert {each["requestId"] for each in await socket.updates(own)} == {own}, name

    assert len(namesakes) == 3
    assert seen == dict.fromkeys(others, NOTHING)
    assert state["success"]
    record = await asyncio.to_thread(carol.read_to_its_end, request_id)
    assert (record["status"], "Bought" in record["result"]) == ("complete", True)
    assert sorted(each["seq"] for each in updates) == [step["seq"] for step in record["steps"]]
    assert {(each["tenantId"], each["userId"]) for each in updates} == {(carol.user.tenant, carol.user.user_id)}
    listed = await asyncio.to_thread(carol.get, "listAgentRuns")
    assert request_id in [run["requestId"] for run in listed["runs"]]


async def test_a_subscription_by_the_sub_alone_receives_the_messages_of_this_issuer_only(carol, pool_user):
    sub = carol.user.name
    assert sub == pool_user.user.user_id
    async with carol.socket() as hers, pool_user.socket() as his:
        assert (await hers.start(userId=sub))["type"] == STARTED
        assert (await his.start(userId=sub))["type"] == STARTED
        of_hers = await asyncio.to_thread(carol.start, "How steep is it?")
        of_his = await asyncio.to_thread(pool_user.start, "How rough is it?")
        received = {each["requestId"] for each in await hers.updates(of_hers)}
        received_by_him = {each["requestId"] for each in await his.updates(of_his)}
    assert (received, received_by_him) == ({of_hers}, {of_his})


def test_a_job_over_rest_is_answered_and_its_run_cancelled(deployment, carol, others):
    rest = Apis(deployment, carol).rest
    job_id = rest.ask("POST", "/jobs", json={"playbook": "buying", "query": "Buy turbines."})["jobId"]

    def read():
        return rest.ask("GET", f"/runs/{job_id}")

    job = wait_until(read, lambda job: job["status"] == "waiting", deadline_seconds=2 * DEADLINE_SECONDS)
    [run] = job["runs"]
    question = asked(carol, run["requestId"])
    for name, other in others.items():
        refused = Apis(deployment, other).rest.ask(
            "POST", f"/runs/{run['requestId']}/answers", json={"answers": {question: "yes"}}
        )
        assert refused["success"] is False, name
    assert rest.ask("POST", f"/runs/{run['requestId']}/answers", json={"answers": {question: "yes"}})["success"]
    job = wait_until(read, lambda job: job["liveness"] == "done", deadline_seconds=2 * DEADLINE_SECONDS)
    assert (job["status"], "Bought" in job["result"]["texts"]["buyer"]) == ("complete", True)

    request_id = rest.ask("POST", "/runs", json={"agent": "buyer", "query": "Buy more."})["requestId"]
    asked(carol, request_id)
    assert rest.ask("DELETE", f"/runs/{request_id}")["status"] == "cancelled"
    assert rest.ask("GET", "/agents")["agents"]


def test_users_of_the_user_pool_are_who_they_are_without_a_provider(deployment, pool_user):
    request_id = pool_user.start("How steep is it?")
    apis = Apis(deployment, pool_user)
    assert apis.rest.ask("GET", f"/runs/{request_id}")["success"]
    record = pool_user.read_to_its_end(request_id)
    assert record["status"] == "complete"
    key = {"requestId": {"S": request_id}}
    table = deployment.state.outputs["agent_progress_table_name"]
    item = deployment.client("dynamodb").get_item(TableName=table, Key=key)["Item"]
    assert item["owner"]["S"] == f"{TENANT}#{pool_user.user.user_id}"


async def test_the_python_client_and_the_command_take_a_token_of_the_provider(deployment, carol):
    async with connect(TokenConfig(carol.url, lambda: carol.id_token)) as client:
        watch = client.run(AGENT, "How steep is it?")
        steps = [step async for step in watch]
        assert (watch.outcome.status, len(steps) > 1) == ("complete", True)
    listed = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "runcast.client.terminal.command", "show", watch.request_id, "--json"],
        env=os.environ | no_proxy() | {"RUNCAST_GRAPHQL_URL": carol.url, "RUNCAST_ID_TOKEN": carol.id_token},
        capture_output=True,
        text=True,
        timeout=2 * DEADLINE_SECONDS,
    )
    assert (listed.returncode, listed.stderr) == (0, "")
    assert watch.request_id in listed.stdout


REFUSED = {
    "expired": {"exp": 1_700_000_000},
    "of another audience": {"aud": "other"},
    "of another audience, with ours in azp": {"aud": "other", "azp": AUDIENCE},
    "without an audience": {"aud": None},
    "of another issuer": {"iss": "https://login.example.com"},
    "signed by another key": {"key": new_key()},
    "signed by a shared secret": {"key": "a shared secret of thirty-two bytes or more", "algorithm": "HS256"},
    "not signed": {"algorithm": "none"},
    "of a user with #": {"sub": f"{TENANT}#bob"},
}


@pytest.mark.parametrize("name", [*REFUSED, "forged", "of the user pool as the provider's", "access token", "none"])
async def test_a_token_that_proves_nothing_is_refused_everywhere(deployment, issuer, carol, pool_user, name):
    claims = {"sub": carol.user.name, **REFUSED.get(name, {})}
    token = {
        "forged": forged(carol.id_token),
        # The claims of a user of the user pool under the name of the provider.
        "of the user pool as the provider's": issuer.token(
            pool_user.user.user_id, key=new_key(), token_use="id", **{"custom:tenantId": TENANT}
        ),
        "access token": pool_user.access_token,
        "none": "",
    }.get(name) if name not in REFUSED else issuer.token(**claims)  # fmt: skip
    caller = OidcCaller(deployment, issuer, carol.user.name, **{TENANT_CLAIM: TENANT})
    caller.id_token = token
    headers = {"Authorization": token} if token else {}

    over_graphql = await asyncio.to_thread(caller.post, "{ listAgents { agents { name } } }", headers=headers)
    url = f"{deployment.state.outputs['rest_url']}/runs"
    over_rest = await asyncio.to_thread(requests.get, url, headers=headers, timeout=DEADLINE_SECONDS)
    body = over_graphql.json()
    assert not (body.get("data") or {}).get("listAgents"), body
    assert {each["errorType"] for each in body["errors"]} <= {"UnauthorizedException", "Unauthorized"}
    assert (over_rest.status_code, over_rest.json()["error"]["type"]) == (401, "Unauthorized")
    assert not await subscribes(caller, carol.user)


async def subscribes(caller, user):
    """Whether a subscription to a user's messages starts; the connection may be refused before."""
    authorization = {"host": caller.url.split("/")[2], "Authorization": caller.id_token}
    header = base64.urlsafe_b64encode(json.dumps(authorization).encode()).decode().rstrip("=")
    protocols = ["graphql-ws", f"header-{header}"]
    async with websockets.asyncio.client.connect(caller.realtime_url, subprotocols=protocols) as connection:
        socket = Socket(connection, authorization)
        with contextlib.suppress(websockets.exceptions.ConnectionClosed):  # its last frame says why
            await socket.send({"type": "connection_init"})
        if (await socket.receive("connection_ack", "connection_error"))["type"] == "connection_error":
            return False
        answers = [(await socket.start(userId=each))["type"] for each in (user.user_id, user.name)]
    return STARTED in answers


def asked(caller, request_id):
    """Wait until a run asks; return the id of its question."""
    record = wait_until(lambda: caller.read(request_id), lambda record: record["status"] == "waiting")
    [question] = json.loads(record["steps"][-1]["metadata"])["interrupts"]
    return question["id"]
