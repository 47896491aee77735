"""Who may do what with a conversation of Alice's, and whose runs a user deletes: each identity by every API.

As in `test_isolation`, the tables hold the expected answers, and `unknown` is the whole answer to an id that nobody
has. `new` is a new conversation of the caller's own, which holds nothing of Alice's. After each row, Alice's
conversation and its runs are the same as before.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from runcast.record.model import Owner, Run, RunStatus, Step
from runcast.record.objects import CONVERSATIONS, private_key
from runcast.record.store import End, RunStore
from tests.e2e.conftest import AGENT
from tests.e2e.identities import NOBODYS, Graphql, Rest, headers_of_identities, rows

TITLES = ["identity", "list", "read", "delete ", "continue", "branch", "delete all"]
OVER_GRAPHQL = """
identity                      list       read    delete   continue branch     delete all
alice                         listed     own     Conflict Conflict BadRequest not tried
colleague of the same tenant  not listed unknown unknown  new      unknown    deleted
user of another tenant        not listed unknown unknown  new      unknown    deleted
user without a tenant         not listed unknown unknown  new      unknown    deleted
tenant named as alice         not listed unknown unknown  new      unknown    deleted
API key of another API        401        401     401      401      401        401
# in the tenant               denied     denied  denied   denied   denied     denied
alice's access token          denied     denied  denied   denied   denied     denied
token of another client       401        401     401      401      401        401
forged token                  401        401     401      401      401        401
unsigned token                401        401     401      401      401        401
nobody                        401        401     401      401      401        401
"""
OVER_REST = OVER_GRAPHQL.replace("denied", "401   ")
GRAPHQL, REST = rows(OVER_GRAPHQL, TITLES), rows(OVER_REST, TITLES)


@dataclass(frozen=True)
class Chat:
    """A conversation of Alice's: a complete run, and an open one."""

    id: str
    complete_run: str
    open_run: str


class OverGraphql(Graphql):
    """The operations by GraphQL."""

    def start(self, **given: Any) -> Any:
        return self.refused_or_answered("startAgentRun", agent=AGENT, query="How steep?", **given)

    def list(self) -> Any:
        return self.refused_or_answered("listConversations")

    def read(self, conversation_id: str) -> Any:
        return self.refused_or_answered("getConversation", conversationId=conversation_id)

    def delete(self, conversation_id: str) -> Any:
        return self.refused_or_answered("deleteConversation", conversationId=conversation_id)

    def delete_all(self) -> Any:
        return self.refused_or_answered("deleteMyRuns")


class OverRest(Rest):
    """The same by REST."""

    def start(self, **given: Any) -> Any:
        return self.refused_or_answered("POST", "/runs", json={"agent": AGENT, "query": "How steep?", **given})

    def list(self) -> Any:
        return self.refused_or_answered("GET", "/conversations")

    def read(self, conversation_id: str) -> Any:
        return self.refused_or_answered("GET", f"/conversations/{conversation_id}")

    def delete(self, conversation_id: str) -> Any:
        return self.refused_or_answered("DELETE", f"/conversations/{conversation_id}")

    def delete_all(self) -> Any:
        return self.refused_or_answered("DELETE", "/runs")


def done(api: OverGraphql | OverRest, operation: str, chat: Chat) -> str:
    """Do an operation, and return what its answer amounts to."""
    match operation:
        case "list":
            return refused(answer := api.list()) or listed(answer, chat)
        case "read":
            return refused(answer := api.read(chat.id)) or told(answer, chat, api.read(NOBODYS))
        case "delete":
            return refused(answer := api.delete(chat.id)) or told(answer, chat, api.delete(NOBODYS))
        case "continue":
            run = str(uuid.uuid4())
            answer = api.start(conversationId=chat.id, requestId=run)
            if refused(answer):
                return refused(answer)
            read = api.read(chat.id)
            texts = [message["text"] for message in read["messages"]]
            return "new" if [each["requestId"] for each in read["runs"]] == [run] and "Where?" not in texts else "old"
        case "branch":
            answer = api.start(branchFrom=chat.open_run)
            same = answer == api.start(branchFrom=NOBODYS) and refused(answer) == "BadRequest"
            return "unknown" if same else refused(answer)
    answer = api.delete_all()
    return refused(answer) or ("deleted" if answer.keys() == {"deleted", "remaining"} else "something else")


def refused(answer: Any) -> str:
    """Return the status, or the type of the error; empty if there is none."""
    return {"Unauthorized": "denied"}.get(answer[0], answer[0]) if isinstance(answer, tuple) else ""


def listed(answer: dict[str, Any], chat: Chat) -> str:
    return "listed" if chat.id in [each["conversationId"] for each in answer["conversations"]] else "not listed"


def told(answer: dict[str, Any], chat: Chat, unknown: dict[str, Any]) -> str:
    if answer == {**unknown, "conversationId": chat.id} and unknown["conversationId"] == NOBODYS:
        return "unknown"
    texts = [message["text"] for message in answer["messages"]]
    return "own" if (texts, answer["openRun"]) == (["Where?"], chat.open_run) else "something else"


@pytest.fixture(scope="module")
def credentials(stack, alice) -> dict[str, dict[str, str]]:
    return headers_of_identities(stack, alice, "-in-conversations")


@pytest.fixture(scope="module", params=["GraphQL", "API Gateway", "chalice local"])
def way(request, stack, credentials):
    """Return what makes each API's operations for an identity, and its table."""
    if request.param == "GraphQL":
        return lambda name: OverGraphql(stack.state.outputs["graphql_url"], credentials[name]), GRAPHQL
    url = stack.state.outputs["rest_url"] if request.param == "API Gateway" else request.getfixturevalue("dev").url
    return lambda name: OverRest(url, credentials[name]), REST


@pytest.fixture
def chat(stack, alice) -> Iterator[Chat]:
    """A conversation that is new for each row, because a row leaves others' conversations with the same id."""
    table, bucket = (stack.state.outputs[name] for name in ("agent_progress_table_name", "results_bucket_name"))
    store, owner = RunStore(stack.client("dynamodb"), table), Owner(alice.user.tenant, alice.user.user_id)
    chat = Chat(*(str(uuid.uuid4()) for _ in range(3)))
    key = private_key(CONVERSATIONS, owner, chat.id, "state")
    saved = {"messages": [{"role": "user", "text": "Where?"}], "messagesOmitted": 0}
    stack.client("s3").put_object(Bucket=bucket, Key=key, Body=json.dumps(saved).encode())
    for request_id in (chat.complete_run, chat.open_run):
        before = store.read_conversation(owner, chat.id)
        run = store.create_turn(
            request_id, owner=owner, agent=AGENT, conversation_id=chat.id, before=before,
            snapshot_key=key if before else None, query="Where?",
        )  # fmt: skip
        if request_id == chat.complete_run:
            end(store, run, key)
    yield chat
    end(store, run, key)  # Alice may have twenty open runs


def end(store: RunStore, run: Run, key: str) -> None:
    """End a run as its worker does."""
    lease = run.lease_until_ms
    store.claim(run.request_id, worker="w", owner=run.owner, agent=AGENT, job_id=None, lease_until_ms=lease)
    store.append(
        run.request_id, worker="w", expected_seq=0, lease_until_ms=lease,
        steps=[Step("complete", "Done", 0.1, run.created_at_ms, 1)],
        end=End(RunStatus.COMPLETE, snapshot_key=key), conversation_key=run.conversation_key,
    )  # fmt: skip


@pytest.mark.parametrize("identity", GRAPHQL)
def test_each_operation_answers_each_identity_as_the_table_says(way, stack, alice, chat, identity):
    def conversation() -> Any:
        api = OverGraphql(stack.state.outputs["graphql_url"], {"Authorization": alice.id_token})
        records = [alice.read(each) | {"liveness": None} for each in (chat.complete_run, chat.open_run)]
        return api.read(chat.id) | {"runs": None}, records

    as_identity, table = way
    before = conversation()
    expected = {name: answer for name, answer in table[identity].items() if answer != "not tried"}
    assert {name: done(as_identity(identity), name, chat) for name in expected} == expected
    assert conversation() == before
