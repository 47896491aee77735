"""The console in a real browser, as `make up` serves it."""

import gzip
import http.client
import re
import secrets
import uuid

import pytest
import requests

from local.console import BUILT
from local.users import User
from tests.e2e.answering_agents import FUNCTIONS as WRITING_FUNCTIONS
from tests.e2e.answering_agents import LOOKING_AGENT, WRITING_AGENT
from tests.e2e.conftest import Caller, deployed
from tests.e2e.console import play, recorded
from tests.e2e.test_answers import ASKING_AGENT
from tests.e2e.test_answers import FUNCTIONS as ASKING_FUNCTIONS

ROWS_MAX = 60


def test_a_user_signs_in_starts_a_run_and_sees_each_step(stack, alice):
    seen = play(stack, alice, "run")

    assert seen["refused"] == "Incorrect username or password."
    steps = recorded(alice, seen["id"])
    assert seen["steps"] == steps
    assert seen["reloaded"] == steps
    assert seen["connection"] == "live"
    assert (seen["violations"], seen["problems"]) == ([], [])


@pytest.mark.long
def test_a_new_user_chooses_a_password_and_starts_a_run_by_keyboard(stack, alice):
    cognito, pool = stack.client("cognito-idp"), stack.state.outputs["user_pool_id"]
    name, temporary, password = f"new-{secrets.token_hex(4)}", "Aa1!temporary-password", "Aa1!a-password-of-my-own"
    cognito.admin_create_user(
        UserPoolId=pool,
        Username=name,
        TemporaryPassword=temporary,
        MessageAction="SUPPRESS",
        UserAttributes=[{"Name": "custom:tenantId", "Value": "acme"}],
    )

    seen = play(stack, alice, "newcomer", newcomer={"name": name, "password": temporary, "newPassword": password})

    assert (seen["empty"], seen["focused"], seen["current"]) == ("No runs yet.", "H1", "complete")
    newcomer = Caller(stack, User(name=name, tenant="acme", user_id="", password=password))
    assert seen["steps"] == recorded(newcomer, seen["id"])
    assert (seen["violations"], seen["problems"]) == ([], [])


@pytest.mark.long
def test_two_tabs_show_a_cancel_and_a_sign_out(stack, alice):
    seen = play(stack, alice, "tabs")

    steps = recorded(alice, seen["id"])
    assert seen["steps"] == [steps, steps]
    assert set(seen["states"]) == {"cancelled"}
    assert alice.get("cancelAgentRun", requestId=seen["again"])["success"] is True
    assert seen["again"] != seen["id"]
    assert (seen["violations"], seen["problems"]) == ([], [])


@pytest.mark.long
def test_a_question_is_answered_once_and_only_by_its_user(stack, alice, bob):
    with deployed(
        stack, (*ASKING_FUNCTIONS, "progress_reader_function_name"), {"chalicelib/agents/buyer.py": ASKING_AGENT}
    ):
        seen = play(stack, alice, "question", strangers=bob.start("Where is it flat?"))

    assert "Bought" in seen["result"]
    assert seen["open"] == 0
    assert seen["steps"] == recorded(alice, seen["id"])
    assert seen["strangers"] == "You have no run with this id, or its record has expired."
    assert (seen["violations"], seen["problems"]) == ([], [])


def test_a_user_chats_with_an_agent_by_keyboard(stack, alice):
    seen = play(stack, alice, "chat")

    turns = [message["text"] for message in seen["shown"] if message["role"] == "user"]
    # The agent may forget the beginning of a long conversation.
    assert turns == seen["queries"][-len(turns) :]
    assert seen["shown"][-1]["role"] == "assistant"
    assert seen["shown"][-1]["text"] == seen["texts"][-1]
    assert seen["reloaded"] == seen["shown"]
    assert seen["listed"] == seen["queries"][0]
    assert alice.get("getConversation", conversationId=seen["id"])["success"] is False
    assert (seen["violations"], seen["problems"]) == ([], [])


@pytest.mark.long
def test_a_chat_shows_each_answer_while_it_is_written(stack, alice):
    with deployed(stack, WRITING_FUNCTIONS, {"chalicelib/agents/writer.py": WRITING_AGENT}):
        seen = play(stack, alice, "chat", agent="writer")

    answers = [message["text"] for message in seen["shown"] if message["role"] == "assistant"]
    assert answers == [f"This is the answer to question {turn} . " for turn in (1, 2, 3)]
    for answer in answers:
        assert len({text for text in seen["texts"] if answer.startswith(text)}) > 1, seen["texts"]
    assert (seen["violations"], seen["problems"]) == ([], [])


@pytest.mark.long
def test_a_question_about_a_file_is_answered_within_a_chat_on_a_phone(stack, alice):
    with deployed(
        stack,
        (*ASKING_FUNCTIONS, "progress_reader_function_name"),
        {"chalicelib/agents/buyer.py": f"{ASKING_AGENT}\nATTACHMENTS = True\n"},
    ):
        seen = play(stack, alice, "chatQuestion")

    query = {"role": "user", "text": "Buy three turbines."}
    assert seen["asked"][0] == query
    assert seen["shown"][0] == query
    assert seen["attachedTo"] == [["offers.csv"], ["offers.csv"]]
    assert "Bought" in seen["shown"][-1]["text"]
    assert seen["width"] == 390
    assert (seen["violations"], seen["problems"]) == ([], [])


@pytest.mark.long
def test_a_second_tab_of_a_chat_gets_the_turn_in_progress_to_answer(stack, alice):
    schema = "PARAMETERS_SCHEMA = {'properties': {'site': {'type': 'string'}}, 'required': ['site']}"
    chat_id = str(uuid.uuid4())
    with deployed(
        stack,
        (*ASKING_FUNCTIONS, "progress_reader_function_name"),
        {"chalicelib/agents/buyer.py": f"{ASKING_AGENT}\n{schema}\n"},
    ):
        seen = play(stack, alice, "chatTabs", chatId=chat_id)

    assert seen["focused"] == "site *"
    assert "was not sent, because another turn was in progress" in seen["notice"]
    assert seen["shown"][0] == {"role": "user", "text": "Buy three turbines."}
    assert "Bought" in seen["answered"][-1]["text"]
    runs = alice.ask("getConversation", conversationId=chat_id)["data"]["getConversation"]["runs"]
    assert [(run["query"], run["status"]) for run in runs] == [
        ("Buy four turbines.", "cancelled"),
        ("Buy three turbines.", "complete"),
    ]
    assert (seen["violations"], seen["problems"]) == ([], [])


@pytest.mark.long
def test_files_are_attached_to_a_message_and_to_a_run_on_a_phone(stack, alice):
    with deployed(stack, WRITING_FUNCTIONS, {"chalicelib/agents/looker.py": LOOKING_AGENT}):
        seen = play(stack, alice, "attachments")

    assert seen["refused"].startswith("run.exe is of another type than those that agents take")
    assert (seen["focused"], seen["listed"]) == ("file", ["map.png", "notes.md"])
    assert seen["shown"][0]["text"] == "What do you see?"
    assert seen["named"] == [["map.png, notes.md"], ["map.png, notes.md"]]
    assert seen["shown"][1]["text"] == "I see png of 70 bytes, md of 6 bytes."
    assert "I see csv of 3 bytes." in seen["result"]
    assert seen["width"] == 390
    assert (seen["violations"], seen["problems"]) == ([], [])


@pytest.mark.long
def test_ten_thousand_hostile_steps_take_few_rows_and_stay_text(stack, alice):
    seen = play(stack, alice, "large")

    assert 0 < max(seen["rows"]) <= ROWS_MAX
    assert seen["last"].endswith("</script> 10000")
    assert (seen["images"], seen["title"]) == (0, "Run: complete - Runcast")
    assert seen["width"] == 640
    assert (seen["violations"], seen["problems"]) == ([], [])


def test_it_may_load_its_own_files_and_reach_this_deployment_only(stack):
    page = requests.get(stack.state.console_url, timeout=10)

    directives = [directive.split() for directive in page.headers["Content-Security-Policy"].split(";")]
    policy = {name: set(values) for name, *values in directives}
    host = stack.state.endpoint.url.removeprefix("http://")
    assert policy["default-src"] == {"'self'"}
    assert policy["connect-src"] == {"'self'", f"http://{host}", f"ws://{host}"}
    assert re.findall(r"<script(?![^>]* src=)|<style| style=| on\w+=", page.text) == []
    config = requests.get(f"{stack.state.console_url}/config.json", timeout=10)
    assert config.json()["API"] == stack.state.outputs["frontend_config"]["API"]


@pytest.mark.parametrize("path", ["/assets/", "/../package.json", "/%2e%2e/vite.config.ts", "/missing.js"])
def test_it_serves_nothing_but_its_files(stack, path):
    connection = http.client.HTTPConnection(stack.state.console_url.removeprefix("http://"), timeout=10)
    connection.request("GET", path)  # `requests` would leave the dots out
    with connection.getresponse() as answer:
        assert answer.status == 404
    connection.close()


def test_its_first_view_has_at_most_200_kb():
    files = [path.read_bytes() for path in BUILT.rglob("*") if path.is_file()]
    assert len(files) >= 3
    assert sum(len(gzip.compress(content)) for content in files) <= 200_000
