"""Files of users on the whole system: a page uploads a picture, an agent measures it, and nobody else can use it."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from runcast.record.model import Owner
from runcast.record.objects import UPLOADS, owner_prefix
from tests.e2e.conftest import DEADLINE_SECONDS
from tests.e2e.identities import NOBODYS, Graphql, Rest, headers_of_identities, rows
from tests.fakes.png import png

PICTURE = png([bytes((200, 16, 16)) * 3, bytes((16, 200, 16)) * 3])
ABOUT = {"name": "site.png", "contentType": "image/png", "bytes": len(PICTURE)}
START = {"agent": "picture", "query": "What is there?"}
ORIGIN = "http://localhost:5173"
OVER_GRAPHQL = """
identity                      upload  attach
alice                         own     own
colleague of the same tenant  own     unknown
user of another tenant        own     unknown
user without a tenant         own     unknown
tenant named as alice         own     unknown
API key of another API        401     401
# in the tenant               denied  denied
alice's access token          denied  denied
token of another client       401     401
forged token                  401     401
unsigned token                401     401
nobody                        401     401
"""
TITLES = ["identity", "upload", "attach"]
GRAPHQL, REST = rows(OVER_GRAPHQL, TITLES), rows(OVER_GRAPHQL.replace("denied", "401   "), TITLES)


class OverGraphql(Graphql):
    """The operations by GraphQL."""

    def upload(self) -> Any:
        answer = self.refused_or_answered("createUpload", **ABOUT)
        return answer if isinstance(answer, tuple) else {**answer, "fields": json.loads(answer["fields"])}

    def start(self, attachment_id: str) -> Any:
        return self.refused_or_answered("startAgentRun", **START, attachments=[attachment_id])


class OverRest(Rest):
    """The same by REST."""

    def upload(self) -> Any:
        return self.refused_or_answered("POST", "/uploads", json=ABOUT)

    def start(self, attachment_id: str) -> Any:
        return self.refused_or_answered("POST", "/runs", json={**START, "attachments": [attachment_id]})


def send(form: dict[str, Any]) -> requests.Response:
    """Send a form as a page does."""
    page = {"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"}
    return requests.post(
        form["url"], data=form["fields"], files={"file": PICTURE}, headers=page, timeout=DEADLINE_SECONDS
    )


@pytest.fixture(scope="module")
def credentials(stack, alice) -> dict[str, dict[str, str]]:
    return headers_of_identities(stack, alice, "-with-attachments")


@pytest.fixture(scope="module")
def alices(stack, alice) -> str:
    """An upload of Alice's."""
    form = OverGraphql(stack.state.outputs["graphql_url"], {"Authorization": alice.id_token}).upload()
    assert send(form).status_code == 204
    return form["attachmentId"]


@pytest.fixture(scope="module", params=["GraphQL", "API Gateway", "chalice local"])
def way(request, stack, credentials):
    """Return what makes each API's operations for an identity, and its table."""
    if request.param == "GraphQL":
        return lambda name: OverGraphql(stack.state.outputs["graphql_url"], credentials[name]), GRAPHQL
    url = stack.state.outputs["rest_url"] if request.param == "API Gateway" else request.getfixturevalue("dev").url
    return lambda name: OverRest(url, credentials[name]), REST


def refused(answer: Any) -> str:
    return {"Unauthorized": "denied"}.get(answer[0], answer[0]) if isinstance(answer, tuple) else ""


@pytest.mark.parametrize("identity", GRAPHQL)
def test_each_identity_may_use_its_own_files_alone(way, alice, alices, identity):
    as_identity, table = way
    api = as_identity(identity)
    form = api.upload()
    uploaded = refused(form)
    if not uploaded:
        of_alice = form["fields"]["key"].startswith(owner_prefix(UPLOADS, Owner(alice.user.tenant, alice.user.user_id)))
        uploaded = "own" if send(form).status_code == 204 and of_alice == (identity == "alice") else "something else"
    attached = api.start(alices)
    if refused(attached) == "BadRequest":
        kind, message = api.start(NOBODYS)
        attached = ("unknown" if attached == (kind, message.replace(NOBODYS, alices)) else "something else", "")
    assert {"upload": uploaded, "attach": refused(attached) or "own"} == table[identity]


def test_an_agent_measures_the_picture_that_a_page_has_uploaded(stack, alice, alices):
    api = OverGraphql(stack.state.outputs["graphql_url"], {"Authorization": alice.id_token})
    form = api.upload()
    sent = send(form)
    assert (sent.status_code, sent.headers["Access-Control-Allow-Origin"]) == (204, "*")
    preflight = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    assert requests.options(form["url"], headers=preflight, timeout=DEADLINE_SECONDS).status_code == 200
    run = alice.read_to_its_end(api.start(form["attachmentId"])["requestId"])
    facts = {name: fact["value"] for name, fact in json.loads(run["result"])["facts"].items()}
    assert (run["status"], facts["width"], facts["height"], facts["mean_colour"]) == ("complete", 3, 2, "#6c6c10")
    assert (facts["green_share"], facts["blue_share"], facts["other_share"]) == (50, 0, 50)


def test_a_form_is_refused_with_other_content(stack, alice):
    form = OverGraphql(stack.state.outputs["graphql_url"], {"Authorization": alice.id_token}).upload()
    for changed in ({"key": form["fields"]["key"] + "0"}, {"Content-Type": "text/html"}, {"x-amz-meta-name": "other"}):
        assert send({**form, "fields": {**form["fields"], **changed}}).status_code == 403
    longer = requests.post(form["url"], data=form["fields"], files={"file": PICTURE + b"0"}, timeout=DEADLINE_SECONDS)
    assert (longer.status_code, "EntityTooLarge" in longer.text) == (400, True)
