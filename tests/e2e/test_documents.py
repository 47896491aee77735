"""Runs the commands of the documents as written, with the files and variables that a reader has at that point."""

import json
import re
import shlex
import sys
from pathlib import Path

import pytest

from local.console import BUILT
from local.settings import ROOT
from local.terraform import find_terraform
from tests.e2e.conftest import AGENT
from tests.e2e.reader import blocks_of, read_in_a_shell
from tests.waiting import wait_until

AWS_CLI = ROOT / ".local" / "validators-venv" / "bin" / "aws"
# Nothing is deployed, upgraded or destroyed here: tests/terraform does that.
DEPLOYING = re.compile(r"^(make|git checkout) ", re.MULTILINE)
# The tests that run the commands of each document.
RUN_BY = {
    "README.md": "tests/e2e/test_documents.py",
    "docs/demo.md": "tests/e2e/demo/test_demo_document.py",
    "docs/local.md": "tests/e2e/test_verify.py",
    "docs/operations.md": "tests/e2e/test_documents.py",
    "docs/frontend.md": "tests/e2e/test_web_page.py",
    "docs/your-agent.md": "tests/e2e/test_your_agent.py",
    "docs/your-agents.md": "tests/e2e/test_your_agents.py",
    "examples/my_agents/README.md": "tests/e2e/test_your_agents.py",
    "examples/terraform-root/README.md": "tests/terraform/test_package_dist.py",
}
# The job that docs/operations.md looks for.
FAILED_JOB = "7a0f0a53-6c3e-4bb3-8d0b-2f6f4f0c9d11"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    # curl's own settings make a refusal a failure, without a word added to the lines.
    (tmp_path / ".curlrc").write_text('fail-with-body\nmax-time = 60\nnoproxy = "127.0.0.1"\n')
    return tmp_path


def test_each_document_with_commands_has_a_test_that_runs_them():
    pages = [
        *ROOT.glob("*.md"),
        *(page for folder in ("docs", "examples", "terraform") for page in (ROOT / folder).rglob("*.md")),
    ]
    found = {str(page.relative_to(ROOT)) for page in pages if "```sh\n" in page.read_text()}
    assert found == {page for page in RUN_BY if (ROOT / page).exists()}
    for page in found:
        test = ROOT / RUN_BY[page]
        if not test.parent.exists():
            continue  # `make remove-demo` has deleted it
        assert page.rpartition("/")[2] in test.read_text(), f"{test} does not name {page}"


def shell_settings(stack) -> str:
    return f". {shlex.quote(str(stack.state.directory / 'env'))}\n"


def assert_health_agents_start_and_read(printed: str) -> None:
    answers = [json.loads(line) for line in printed.splitlines() if line.startswith('{"')]
    health, agents, started, read = answers
    assert health == {"status": "ok", "checks": {"agentProgressTable": "ok", "agentFunction": "ok"}}
    assert AGENT in [agent["name"] for agent in agents["agents"]]
    assert (started["requestId"], True) == (read["requestId"], read["success"])


@pytest.mark.parametrize("way", ["API Gateway", "chalice local"])
def test_the_readme_by_rest(way, stack, dev, home):
    [block] = [block for block in blocks_of("README.md") if "curl" in block]
    other = f"export RUNCAST_REST_URL={dev.url}\n" if way == "chalice local" else ""
    assert_health_agents_start_and_read(read_in_a_shell(shell_settings(stack) + other + block, home=home))


def test_the_readme_by_the_command(stack, home):
    [block] = [block for block in blocks_of("README.md") if block.startswith("runcast run ")]
    run, job, *of_an_id = block.replace("runcast run terrain", f"runcast run {AGENT}").splitlines()
    assert job.startswith("runcast job site-assessment ")  # tests/e2e/demo plays it
    printed = read_in_a_shell(shell_settings(stack) + run, home=home)
    whole = r"run (\S+): complete, (\d+) steps recorded, \2 received live, 0 missing"
    summary = re.fullmatch(whole, printed.splitlines()[-1])
    assert summary, printed
    request_id = summary[1]
    printed_by_command = {
        line.split()[1]: read_in_a_shell(shell_settings(stack) + re.sub(r"\bID\b", request_id, line), home=home)
        for line in of_an_id
    }
    assert list(printed_by_command) == ["watch", "show", "list", "rerun", "cancel", "agents"]
    assert AGENT in printed_by_command.pop("agents")
    printed = printed_by_command.pop("rerun")
    # It is watched once it has started, so its first steps may come from the record.
    again = re.fullmatch(
        r"run (\S+): complete, \d+ steps recorded, \d+ received live, 0 missing", printed.splitlines()[-1]
    )
    assert again, printed
    assert again[1] != request_id
    assert f"run {request_id}: complete, {summary[2]} steps recorded" in printed_by_command["watch"]
    assert all(json.loads(line) for line in printed_by_command["show"].splitlines())
    assert all(request_id in printed for printed in printed_by_command.values())


@pytest.fixture
def operator(stack, home):
    """Somebody who has deployed from this folder: Terraform's state, the AWS CLI and credentials."""
    work_dir = stack.state.directory / "terraform"
    commands = home / "commands"
    commands.mkdir()
    runcast = [sys.executable, "-m", "runcast.client.terminal.command"]
    for name, command in {"terraform": find_terraform(), "aws": [str(AWS_CLI)], "runcast": runcast}.items():
        (commands / name).write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
        (commands / name).chmod(0o755)
    environment = {
        **stack.state.endpoint.environment,
        "TF_CLI_CONFIG_FILE": str(work_dir / "terraform.rc"),
        "TF_DATA_DIR": str(work_dir / "data"),
    }

    def type_in(lines: str, *, password: str = "") -> str:
        lines = f"PATH={shlex.quote(str(commands))}:$PATH\n{lines}"
        return read_in_a_shell(lines, home=home, environment=environment, cwd=work_dir, input=f"{password}\n")

    return type_in


def test_operations_from_the_first_user_to_a_run(stack, operator):
    others = re.compile(rf"{DEPLOYING.pattern}|JOB|RUN\b|CONSOLE_BUCKET", re.MULTILINE)
    blocks = [block for block in blocks_of("docs/operations.md") if not others.search(block)]
    session = "\n".join(blocks)
    assert [word in session for word in ("admin-create-user", "initiate-auth", "curl")] == [True] * 3
    # `make up` has made an alice.
    printed = operator(re.sub(r"\balice\b", "carol", session), password="Correct-horse-1")
    pool = {"UserPoolId": stack.state.outputs["user_pool_id"], "Username": "carol"}
    users = stack.client("cognito-idp")
    assert {"Name": "custom:tenantId", "Value": "acme"} in users.admin_get_user(**pool)["UserAttributes"]
    users.admin_delete_user(**pool)
    assert_health_agents_start_and_read(printed)


def test_operations_of_the_console_s_host(stack, operator):
    [block] = [block for block in blocks_of("docs/operations.md") if "CONSOLE_BUCKET" in block]
    assert "CONSOLE_BUCKET=my-console\n" in block
    storage = stack.client("s3")
    storage.create_bucket(Bucket="my-console")

    printed = operator(block.replace("web/console/dist", str(BUILT)))

    assert stack.state.outputs["content_security_policy"] in printed.splitlines()
    uploaded = {
        each["Key"]: storage.get_object(Bucket="my-console", Key=each["Key"])["Body"].read()
        for each in storage.list_objects_v2(Bucket="my-console")["Contents"]
    }
    assert json.loads(uploaded.pop("config.json")) == stack.state.outputs["frontend_config"]
    assert uploaded == {str(path.relative_to(BUILT)): path.read_bytes() for path in BUILT.rglob("*") if path.is_file()}


def test_operations_of_a_run_that_is_stuck(stack, alice, operator):
    as_operator, of_the_record = [block for block in blocks_of("docs/operations.md") if "$RUN" in block]
    request_id = alice.start("How steep is the ground?")
    ended = alice.read_to_its_end(request_id)
    named = re.sub(r"RUN=\S+", f"RUN={request_id}", as_operator, count=1)
    printed, record = operator(f"{named}\necho the record:\n{of_the_record}").split("the record:\n")
    assert f"run {request_id}: complete" in printed
    assert f"{request_id}: complete\n" in printed
    item = json.loads(record)["Item"]
    assert (item["status"]["S"], item["reason"]["S"]) == ("complete", "complete")
    assert int(item["seq"]["N"]) == len(ended["steps"])


def test_operations_of_a_job_that_has_failed(stack, operator):
    executions, state_machine = stack.client("stepfunctions"), stack.state.outputs["state_machine_arn"]
    arn = executions.start_execution(stateMachineArn=state_machine, name=FAILED_JOB, input="{}")["executionArn"]
    ended = wait_until(
        lambda: executions.describe_execution(executionArn=arn), lambda execution: execution["status"] != "RUNNING"
    )
    assert ended["status"] == "FAILED"
    [block] = [block for block in blocks_of("docs/operations.md") if "JOB" in block]
    assert f"JOB={FAILED_JOB}\n" in block
    printed = operator(block).splitlines()
    assert any(line.startswith(f"{FAILED_JOB}\t") for line in printed)
    assert any(line.startswith("FAILED\t") for line in printed)
    assert any("LoadPlaybook" in line for line in printed)


# What a page has: Amplify's session, signed in for real, and the project's documents. `blocks` are the page's own.
PAGE = """
import { readFileSync } from "node:fs";
const { endpoint, graphqlUrl, restUrl, clientId, user, jobId, operations } = JSON.parse(process.argv[2]);
const signIn = await fetch(endpoint, {
  method: "POST",
  headers: {
    "content-type": "application/x-amz-json-1.1",
    "x-amz-target": "AWSCognitoIdentityProviderService.InitiateAuth",
  },
  body: JSON.stringify({
    ClientId: clientId,
    AuthFlow: "USER_PASSWORD_AUTH",
    AuthParameters: { USERNAME: user.name, PASSWORD: user.password },
  }),
});
const { IdToken } = (await signIn.json()).AuthenticationResult;
const fetchAuthSession = async () => ({ tokens: { idToken: { toString: () => IdToken } } });
const getAgentProgress = readFileSync(`${operations}/getAgentProgress.graphql`, "utf8");
async function query(document, variables) {
  const headers = { Authorization: IdToken, "content-type": "application/json" };
  const body = JSON.stringify({ query: document, variables });
  const answer = await fetch(graphqlUrl, { method: "POST", headers, body });
  return (await answer.json()).data.getAgentProgress;
}
"""
# A run that waits, and what the page sends to answer it.
ASKED = """
const requestId = "r1", questions = [{ id: "q1", name: "approve" }], answerOf = () => "yes", answerAgentRun = "";
const query = async (_, variables) => { seen.sent = variables; };
"""
# A query in a conversation, as the page sends it.
TURN = """
const agent = "terrain", text = "And in the north?", startAgentRun = "";
const query = async (_, variables) => { seen.turn = variables; };
"""


def test_the_code_for_a_frontend(stack, alice, home):
    request_id = alice.start("How steep is the ground?")
    record = alice.read_to_its_end(request_id)
    # test_frontends runs those with the name of a library.
    unnamed = [block for block in blocks_of("docs/frontend.md", "js") if not block.startswith("// ")]
    answering, taking_turns, of_a_job, by_rest, joining = unnamed
    (home / "page.mjs").write_text(
        f"{PAGE}\nlet seen;\n{{ {of_a_job}\nseen = {{ job, result }}; }}\n"
        f"{{ {ASKED}\n{answering}\n}}\n{{ {TURN}\n{taking_turns}\n}}\n"
        f"{by_rest}\n{joining}\nconst joined = join(join('Flat', 2, 'at gr'), 9, 'later');\n"
        "console.log(JSON.stringify({ ...seen, run, progress, joined }));\n"
    )
    outputs = stack.state.outputs
    settings = {
        "endpoint": stack.state.endpoint.url,
        "graphqlUrl": outputs["graphql_url"],
        "restUrl": outputs["rest_url"],
        "clientId": outputs["user_pool_client_id"],
        "user": {"name": alice.user.name, "password": alice.user.password},
        "jobId": request_id,  # A run is read by the same code: its result is never behind a link.
        "operations": str(ROOT / "graphql" / "operations"),
    }
    printed = read_in_a_shell(f"node page.mjs {shlex.quote(json.dumps(settings))}", home=home, cwd=home)
    seen = json.loads(printed)
    assert seen["job"]["status"] == "complete"
    assert seen["joined"] == "Flat gr"
    assert seen["sent"] == {"requestId": "r1", "answers": '{"q1":"yes"}'}
    turn = seen["turn"]
    assert (turn.pop("agent"), turn.pop("query")) == ("terrain", "And in the north?")
    assert len({turn.pop("requestId"), turn.pop("conversationId")}) == 2
    assert turn == {}
    assert seen["result"] == json.loads(record["result"])
    assert (seen["progress"]["requestId"], seen["progress"]["success"]) == (seen["run"]["requestId"], True)
