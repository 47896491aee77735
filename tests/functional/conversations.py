"""What the tests of conversations share: both APIs as one, and turns."""

from __future__ import annotations

import boto3

from tests.fakes.scripted_model import Call, Say
from tests.functional.conftest import ANA, GraphqlCaller

CHAT, OTHER = "0c0ffee0-52f0-4b57-9a38-0c4f6f6f2a11", "0c0ffee0-52f0-4b57-9a38-0c4f6f6f2a12"
RUNS = [f"6f1c9d3e-52f0-4b57-9a38-0c4f6f6f2a0{n}" for n in range(10)]
BOB = ANA | {"sub": "bob", "cognito:username": "bob"}
UNKNOWN = "There is no such conversation, or it has expired."


class OverGraphql(GraphqlCaller):
    def start(self, claims=ANA, **given):
        return self.ask("run_starter", "startAgentRun", claims, {"agent": "survey", "query": "Hello", **given})

    def list(self, claims=ANA, **given):
        return self.ask("progress_reader", "listConversations", claims, given)

    def get(self, conversation_id=CHAT, claims=ANA):
        return self.ask("progress_reader", "getConversation", claims, {"conversationId": conversation_id})

    def delete(self, conversation_id=CHAT, claims=ANA):
        return self.ask("run_starter", "deleteConversation", claims, {"conversationId": conversation_id})


class OverRest:
    def __init__(self, lambdas, event):
        self.lambdas = lambdas

    def start(self, claims=ANA, **given):
        body = {"query": "Hello", **given} if "rerunOf" in given else {"agent": "survey", "query": "Hello", **given}
        return self._answer("POST", "/runs", claims, json_body=body)

    def list(self, claims=ANA, **given):
        query = "&".join(f"{name}={value}" for name, value in given.items())
        return self._answer("GET", f"/conversations?{query}", claims)

    def get(self, conversation_id=CHAT, claims=ANA):
        return self._answer("GET", f"/conversations/{conversation_id}", claims)

    def delete(self, conversation_id=CHAT, claims=ANA):
        return self._answer("DELETE", f"/conversations/{conversation_id}", claims)

    def _answer(self, method, path, claims, **more):
        answer = self.lambdas.request(method, path, claims=claims, **more)
        if answer.status in (200, 202, 404):
            assert answer.body.get("success", True) is (answer.status != 404)
            return answer.body
        assert answer.status == {"BadRequest": 400, "Conflict": 409, "Unavailable": 503}[answer.refusal[1]]
        return answer.refusal[1:]


def turn(way, query, says, number, conversation_id=CHAT, **given):
    """Start a run and do it; return its record."""
    way.lambdas.model.script = [says if isinstance(says, Exception | Call) else Say(says)]
    started = way.start(query=query, requestId=RUNS[number], conversationId=conversation_id, **given)
    assert (started["requestId"], started["conversationId"]) == (RUNS[number], conversation_id)
    way.lambdas.run_queue()
    return way.lambdas.request("GET", f"/runs/{RUNS[number]}").body


def heard(way):
    """The texts that the model was given at its last call."""
    return [block["text"] for message in way.lambdas.model.calls[-1] for block in message["content"] if "text" in block]


def objects():
    listed = boto3.client("s3").list_objects_v2(Bucket="results", Prefix="conversations/")
    return [each["Key"] for each in listed.get("Contents", [])]
