"""Who may do what with a run and a job of Alice's: each identity with each operation, by every API.

The tables hold the expected answers. `unknown` is the whole answer to an id that nobody has, with the id replaced, so
that no caller learns which ids exist. After each row, Alice's records are the same as before.
"""

import json
import uuid
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from runcast.record.model import Owner, RunStatus, Step
from runcast.record.store import End, RunStore
from tests.e2e.conftest import AGENT, DEADLINE_SECONDS, OPERATIONS, Caller, Socket
from tests.e2e.identities import NOBODYS, Graphql, Rest, headers_of_identities, rows

RESULT = {"summary": "A wind farm fits.", "facts": {}, "texts": {}, "conflicts": [], "runs": {}}

OVER_GRAPHQL = """
identity                      read     result   list       cancel   answer   start     start as run agents  publish
alice                         own      own      listed     own      Conflict own       Conflict     listed  Unauthorized
colleague of the same tenant  unknown  unknown  not listed unknown  unknown  Conflict  Conflict     listed  Unauthorized
user of another tenant        unknown  unknown  not listed unknown  unknown  Conflict  Conflict     listed  Unauthorized
user without a tenant         unknown  unknown  not listed unknown  unknown  Conflict  Conflict     listed  Unauthorized
tenant named as alice         unknown  unknown  not listed unknown  unknown  Conflict  Conflict     listed  Unauthorized
API key of another API        401      401      401        401      401      401       401          401     401
# in the tenant               denied   denied   denied     denied   denied   denied    denied       denied  Unauthorized
alice's access token          denied   denied   denied     denied   denied   denied    denied       denied  Unauthorized
token of another client       401      401      401        401      401      401       401          401     401
forged token                  401      401      401        401      401      401       401          401     401
unsigned token                401      401      401        401      401      401       401          401     401
nobody                        401      401      401        401      401      401       401          401     401
"""
OVER_REST = """
identity                      read     result   list        cancel   answer   start     start as run agents
alice                         own      own      listed      own      Conflict own       Conflict     listed
colleague of the same tenant  unknown  unknown  not listed  unknown  unknown  Conflict  Conflict     listed
user of another tenant        unknown  unknown  not listed  unknown  unknown  Conflict  Conflict     listed
user without a tenant         unknown  unknown  not listed  unknown  unknown  Conflict  Conflict     listed
tenant named as alice         unknown  unknown  not listed  unknown  unknown  Conflict  Conflict     listed
API key of another API        401      401      401         401      401      401       401          401
# in the tenant               401      401      401         401      401      401       401          401
alice's access token          401      401      401         401      401      401       401          401
token of another client       401      401      401         401      401      401       401          401
forged token                  401      401      401         401      401      401       401          401
unsigned token                401      401      401         401      401      401       401          401
nobody                        401      401      401         401      401      401       401          401
"""


TITLES = ["identity", "read", "result", "list", "cancel", "answer", "start ", "start as run", "agents", "publish"]
GRAPHQL, REST = rows(OVER_GRAPHQL, TITLES), rows(OVER_REST, TITLES)


@dataclass(frozen=True)
class Alices:
    """What belongs to Alice: a run and a job that have ended, and the job's large result."""

    run: str
    job: str
    cursor: str


@pytest.fixture(scope="module")
def alices(stack, alice) -> Alices:
    table = stack.state.outputs["agent_progress_table_name"]
    dynamodb, owner = stack.client("dynamodb"), Owner(alice.user.tenant, alice.user.user_id)
    store = RunStore(dynamodb, table)
    run, job = str(uuid.uuid4()), str(uuid.uuid4())
    for request_id, more in ((run, {}), (job, {"job_id": job, "playbook": "site-assessment"})):
        put = store.create(request_id, owner=owner, agent="orchestrator" if more else AGENT, **more)
        end = Step("complete", "Done", 0.1, put.created_at_ms, 1, status="agent_complete")
        store.end(put, end, End(RunStatus.COMPLETE))
    key = f"results/{job}.json"
    dynamodb.update_item(
        TableName=table,
        Key={"requestId": {"S": job}},
        UpdateExpression="SET resultKey = :key",
        ExpressionAttributeValues={":key": {"S": key}},
    )
    bucket = stack.state.outputs["results_bucket_name"]
    stack.client("s3").put_object(Bucket=bucket, Key=key, Body=json.dumps(RESULT).encode())
    return Alices(run, job, alice.get("listAgentRuns", limit=1)["nextCursor"])


@pytest.fixture(scope="module")
def credentials(stack, alice) -> dict[str, dict[str, str]]:
    return headers_of_identities(stack, alice)


class OverGraphql(Graphql):
    """The operations by GraphQL, each with what its answer amounts to."""

    def do(self, operation: str, alices: Alices) -> str:
        start = {"agent": AGENT, "query": "How steep?"}
        match operation:
            case "read":
                return self._about(alices.run, "getAgentProgress")
            case "result":
                return self._about(alices.job, "getAgentProgress")
            case "cancel":
                return self._about(alices.run, "cancelAgentRun")
            case "answer":
                return self._about(alices.run, "answerAgentRun", answers='{"i1": "yes"}')
            case "list":
                answers = [self.ask("listAgentRuns", cursor=cursor) for cursor in (None, alices.cursor)]
                return self._word(answers[0]) or listed(answers, alices)
            case "start" | "start as run":
                request_id = alices.run if operation == "start" else alices.job
                answer = self.ask("startAgentRun", requestId=request_id, **start)
                return self._word(answer) or own(answer["requestId"] == request_id)
            case "agents":
                answer = self.ask("listAgents")
                return self._word(answer) or ("listed" if answer["agents"] else "empty")
        answer = self.ask("publishStatus", input={"userId": "u", "tenantId": "t", "status": "x"})
        return "Unauthorized" if self._word(answer) == "denied" else self._word(answer) or "published"

    def _about(self, request_id: str, name: str, **more: str) -> str:
        answer = self.ask(name, requestId=request_id, **more)
        return self._word(answer) or told(answer, request_id, self.ask(name, requestId=NOBODYS, **more))

    @staticmethod
    def _word(answer: Any) -> str:
        return "" if isinstance(answer, dict) else "denied" if answer == "Unauthorized" else answer


class OverRest(Rest):
    """The same by REST."""

    def do(self, operation: str, alices: Alices) -> str:
        match operation:
            case "read":
                return self._about("GET", alices.run)
            case "result":
                return self._about("GET", alices.job)
            case "cancel":
                return self._about("DELETE", alices.run)
            case "answer":
                return self._about("POST", alices.run, "/answers", json={"answers": {"i1": "yes"}})
            case "list":
                answers = [self.ask("GET", path) for path in ("/runs", f"/runs?cursor={alices.cursor}")]
                return answers[0] if isinstance(answers[0], str) else listed(answers, alices)
            case "start" | "start as run":
                request_id = alices.run if operation == "start" else alices.job
                given = {"agent": AGENT, "query": "How steep?", "requestId": request_id}
                answer = self.ask("POST", "/runs", json=given)
                return answer if isinstance(answer, str) else own(answer["requestId"] == request_id)
        answer = self.ask("GET", "/agents")
        return answer if isinstance(answer, str) else "listed" if answer["agents"] else "empty"

    def _about(self, method: str, request_id: str, of_run: str = "", **request: Any) -> str:
        answer = self.ask(method, f"/runs/{request_id}{of_run}", **request)
        if isinstance(answer, str):
            return answer
        return told(answer, request_id, self.ask(method, f"/runs/{NOBODYS}{of_run}", **request))


def told(answer: dict[str, Any], request_id: str, unknown: dict[str, Any]) -> str:
    """Return `unknown` if the answer is the one to an id that nobody has, and `own` if it is Alice's record."""
    if answer == {**unknown, "requestId": request_id} and unknown["requestId"] == NOBODYS:
        return "unknown"
    if answer.get("resultLink"):
        fetched = requests.get(answer["resultLink"]["url"], timeout=DEADLINE_SECONDS)
        return own(fetched.json() == RESULT)
    return own(answer["success"] and answer["status"] == "complete")


def own(holds: bool) -> str:
    return "own" if holds else "something else"


def listed(answers: list[dict[str, Any]], alices: Alices) -> str:
    found = {run["requestId"] for answer in answers for run in answer["runs"]} & {alices.run, alices.job}
    return {0: "not listed", 2: "listed"}.get(len(found), "partly listed")


@pytest.fixture(scope="module", params=["GraphQL", "API Gateway", "chalice local"])
def way(request, stack, credentials):
    """Return what makes each API's operations for an identity, and its table."""
    if request.param == "GraphQL":
        return lambda name: OverGraphql(stack.state.outputs["graphql_url"], credentials[name]), GRAPHQL
    url = stack.state.outputs["rest_url"] if request.param == "API Gateway" else request.getfixturevalue("dev").url
    return lambda name: OverRest(url, credentials[name]), REST


@pytest.mark.parametrize("identity", GRAPHQL)
def test_each_operation_answers_each_identity_as_the_table_says(way, stack, alices, identity):
    def records() -> list[Any]:
        keys = [{"requestId": {"S": each}} for each in (alices.run, alices.job)]
        table = stack.state.outputs["agent_progress_table_name"]
        return [stack.client("dynamodb").get_item(TableName=table, Key=key)["Item"] for key in keys]

    as_identity, table = way
    before = records()
    assert {each: as_identity(identity).do(each, alices) for each in table[identity]} == table[identity]
    assert records() == before


def test_a_result_link_opens_this_result_alone(stack, alice, alices):
    url = alice.read(alices.job)["resultLink"]["url"]
    without_signature = url.partition("?")[0]
    of_another = url.replace(alices.job, str(uuid.uuid4()))
    assert urlsplit(url).path.endswith(f"/results/{alices.job}.json")
    answers = [requests.get(each, timeout=DEADLINE_SECONDS) for each in (url, without_signature, of_another)]
    assert [each.status_code for each in answers] == [200, 403, 403]
    assert requests.put(url, data=b"{}", timeout=DEADLINE_SECONDS).status_code == 403


WATCH = (OPERATIONS / "onStatusUpdate.graphql").read_text()
FIELDS = "{ userId tenantId requestId status message }"
OWN, BOBS, PUBLIC = "own id", "bob's id", "public"
SUBSCRIPTIONS = {
    # what Alice sends: (document, variables, the type of the answer)
    "her own": (WATCH, {"userId": OWN}, "start_ack"),
    "a foreign run": (WATCH, {"userId": OWN, "requestId": "secret-run"}, "start_ack"),
    "a foreign job": (WATCH, {"userId": OWN, "jobId": "secret-job"}, "start_ack"),
    "an alias": (f"subscription($u: ID!) {{ mine: onStatusUpdate(userId: $u) {FIELDS} }}", {"u": OWN}, "start_ack"),
    "bob": (WATCH, {"userId": BOBS}, "error"),
    "bob, in capitals": (WATCH, {"userId": BOBS.upper()}, "error"),
    "bob, after a space": (WATCH, {"userId": f" {BOBS}"}, "error"),
    "bob, by a default": (
        f'subscription($u: ID! = "{BOBS}") {{ onStatusUpdate(userId: $u) {FIELDS} }}', {}, "error",
    ),
    "bob, as a literal": (f'subscription {{ onStatusUpdate(userId: "{BOBS}") {FIELDS} }}', {"userId": OWN}, "error"),
    "bob, with an alias named as hers": (
        f'subscription {{ userId: onStatusUpdate(userId: "{BOBS}") {FIELDS} }}', {}, "error",
    ),
    "bob, by a fragment": (
        f'subscription {{ ...F }} fragment F on Subscription {{ onStatusUpdate(userId: "{BOBS}") {FIELDS} }}',
        {}, "error",
    ),
    "both in one": (
        f'subscription {{ a: onStatusUpdate(userId: "{OWN}") {FIELDS} b: onStatusUpdate(userId: "{BOBS}") {FIELDS} }}',
        {}, "error",
    ),
    "a list": (WATCH, {"userId": [OWN, BOBS]}, "error"),
    "an object": (WATCH, {"userId": {"ne": OWN}}, "error"),
    "a wildcard": (WATCH, {"userId": "*"}, "error"),
    "nothing": (WATCH, {}, "error"),
    "null": (WATCH, {"userId": None}, "error"),
    "an empty id": (WATCH, {"userId": ""}, "error"),
    "the API keys' user": (WATCH, {"userId": PUBLIC}, "error"),
    "another tenant": (
        f'subscription($u: ID!) {{ onStatusUpdate(userId: $u, tenantId: "globex") {FIELDS} }}', {"u": OWN}, "error",
    ),
    "a filter": (
        f'subscription($u: ID!) {{ onStatusUpdate(userId: $u, filter: "{{}}") {FIELDS} }}', {"u": OWN}, "error",
    ),
    "an empty run": (WATCH, {"userId": OWN, "requestId": ""}, "error"),
    "an endless job": (WATCH, {"userId": OWN, "jobId": "x" * 129}, "error"),
    "a query": ('{ getAgentProgress(requestId: "secret-run") { success } }', {}, "error"),
    "a mutation": ('mutation { cancelAgentRun(requestId: "secret-run") { success } }', {}, "error"),
}  # fmt: skip


async def test_no_subscription_of_alices_receives_a_message_of_bobs(stack, alice, bob):
    ids = {OWN: alice.user.user_id, BOBS: bob.user.user_id, BOBS.upper(): bob.user.user_id.upper()}

    def filled(text: str) -> str:
        for placeholder, real in ids.items():
            text = text.replace(placeholder, real)
        return text

    def publish(caller: Caller, **more: str) -> None:
        update = {"userId": caller.user.user_id, "tenantId": caller.user.tenant, "status": "working", **more}
        stack.client("lambda").invoke(
            FunctionName=stack.state.outputs["status_publisher_function_name"],
            Payload=json.dumps({"messages": [update]}).encode(),
        )

    answered, accepted = {}, {}
    async with alice.socket() as hers, bob.socket() as his:
        assert (await his.start(userId=bob.user.user_id))["type"] == "start_ack"
        for name, (document, variables, _) in SUBSCRIPTIONS.items():
            frame = await start(hers, filled(document), json.loads(filled(json.dumps(variables))))
            answered[name] = frame["type"]
            if frame["type"] == "start_ack":
                accepted[frame["id"]] = name
        # A token of Alice's on a connection that Bob has opened gives her no more than on her own.
        as_alice = replace(his, authorization=hers.authorization)
        assert (await as_alice.start(userId=bob.user.user_id))["type"] == "error"

        publish(bob, requestId="secret-run", jobId="secret-job", message="secret")
        assert (await his.receive("data"))["payload"]["data"]["onStatusUpdate"]["message"] == "secret"
        publish(alice, requestId="secret-run", jobId="secret-job", message="own")
        received = {}
        for _ in accepted:
            frame = await hers.receive("data")
            [update] = frame["payload"]["data"].values()
            received[accepted[frame["id"]]] = update["message"]
    assert answered == {name: expected for name, (_, _, expected) in SUBSCRIPTIONS.items()}
    assert received == dict.fromkeys(accepted.values(), "own")


async def start(socket: Socket, document: str, variables: dict[str, Any]) -> dict[str, Any]:
    """Subscribe by any document; return the frame that answers."""
    data = json.dumps({"query": document, "variables": variables})
    payload = {"data": data, "extensions": {"authorization": socket.authorization}}
    await socket.send({"id": str(uuid.uuid4()), "type": "start", "payload": payload})
    return await socket.receive("start_ack", "error")
