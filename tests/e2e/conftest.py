"""The whole system, once a session: built by Terraform, with the zip that would be uploaded, and two users."""

import asyncio
import base64
import contextlib
import io
import json
import os
import socket
import subprocess
import sys
import threading
import time
import uuid
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import websockets.asyncio.client
from chalicelib.agents import registry

from local.deployment import client_environment
from local.settings import Settings
from local.stack import LocalStack
from local.users import User
from tests.copied import copy_of_project
from tests.waiting import wait_until
from verify.__main__ import check
from verify.checks import CHECKS
from verify.created import Created, remove
from verify.deployment import Aws, Deployment
from verify.verification import Wanted

# Whichever comes first: these tests are about what surrounds an agent. The scripted model calls each of its tools once.
AGENT = next(iter(registry.names()), "none")
OPERATIONS = Path(__file__).parents[2] / "graphql" / "operations"
DEADLINE_SECONDS = 60
DEPLOYED_SECONDS = 200
_PASSING = {"Unavailable", "TooManyRequests"}


@pytest.fixture(scope="session")
def stack(tmp_path_factory):
    settings = Settings(port=0, model_port=0, directory=tmp_path_factory.mktemp("local") / "stack")
    with LocalStack(settings) as stack:
        yield stack


@pytest.fixture(scope="session")
def alice(stack):
    return Caller(stack, stack.state.users[0])


@pytest.fixture(scope="session")
def bob(stack):
    return Caller(stack, stack.state.users[1])


@pytest.fixture(scope="session")
def dev(stack, tmp_path_factory):
    """`make dev` on the same machine; it follows a copy of the project, which tests may change and change back."""
    with Dev(stack, copy_of_project(tmp_path_factory.mktemp("project"))) as dev:
        yield dev


@pytest.fixture
def verdict_of(stack, monkeypatch):
    """Do one check as `make verify` does it; return its result."""
    for name, value in client_environment(stack.state, stack.state.users[0]).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    deployment = Deployment(**{name: stack.state.outputs[name] for name in Deployment.__dataclass_fields__})
    aws = Aws(deployment.region)

    def do(name):
        [chosen] = [each for each in CHECKS if each.name == name]
        created, results = Created(), []
        do.created = created
        try:
            asyncio.run(check(deployment, aws, Wanted(), created, results, [], say=lambda _: None, checks=[chosen]))
        finally:
            left = remove(created, deployment, aws, say=lambda _: None)
        assert left == []
        [result] = results
        return result

    return do


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def deployed(stack, outputs, files):
    """Within this context, the packages of functions, named by outputs of Terraform, have these files, too."""
    functions, names = stack.client("lambda"), [stack.state.outputs[output] for output in outputs]
    package = (stack.state.directory / "terraform" / "terraform" / "deployment.zip").read_bytes()
    more = io.BytesIO(package)
    with zipfile.ZipFile(more, "a") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    try:
        for name in names:
            functions.update_function_code(FunctionName=name, ZipFile=more.getvalue())
        yield
    finally:
        for name in names:
            functions.update_function_code(FunctionName=name, ZipFile=package)


@contextlib.contextmanager
def environment_of(stack, function, **variables):
    """Within this context, a function's environment has these variables, too."""
    functions = stack.client("lambda")
    before = functions.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
    functions.update_function_configuration(FunctionName=function, Environment={"Variables": before | variables})
    try:
        yield
    finally:
        functions.update_function_configuration(FunctionName=function, Environment={"Variables": before})


@contextlib.contextmanager
def events_of(stack, detail_type):
    """Within this context, a rule sends one type of Runcast's events to a queue; yields what reads those of a run."""
    name = f"{detail_type.replace('.', '-')}-events"
    queues, events = stack.client("sqs"), stack.client("events")
    url = queues.create_queue(QueueName=name)["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["runcast"], "detail-type": [detail_type]}
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
    details = []

    def of(request_id):
        for message in queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            details.append(json.loads(message["Body"])["detail"])
            queues.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [detail for detail in details if detail["requestId"] == request_id]

    try:
        yield of
    finally:
        events.remove_targets(Rule=name, Ids=["queue"])
        events.delete_rule(Name=name)
        queues.delete_queue(QueueUrl=url)


def workers(stack, function):
    """The processes of this machine's function: others like it may run here, with another endpoint."""
    authority = stack.state.outputs["graphql_url"].split("/")[2].encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            environment = path.read_bytes().split(b"\0")
        except OSError:
            continue
        ours = any(authority in entry for entry in environment if entry.startswith(b"AWS_ENDPOINT_URL="))
        if ours and f"AWS_LAMBDA_FUNCTION_NAME={function}".encode() in environment:
            found.append(int(path.parent.name))
    return found


class Dev:
    """A running `make dev`; as a context manager it ends with the block.

    Attributes:
        project: the copy of the project that it follows.
        lines: what it has printed so far.
    """

    def __init__(self, stack: LocalStack, project: Path) -> None:
        port = free_port()
        self.project = project
        self.lines: list[str] = []
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "local", "dev"],
            cwd=project,
            env=os.environ | {"RUNCAST_LOCAL_DIR": str(stack.state.directory), "RUNCAST_LOCAL_REST_PORT": str(port)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def wait_for(self, line: str, *, after: int = 0) -> None:
        """Wait until it has printed a line beyond the first `after` ones."""
        deadline = time.monotonic() + DEPLOYED_SECONDS
        while not any(each.startswith(line) for each in self.lines[after:]):
            assert self._reader.is_alive(), f"it has ended: {self.lines}"
            failed = line == "Deployed." and any(each.startswith("Not deployed") for each in self.lines[after:])
            assert not failed, f"it could not deploy: {self.lines[after:]}"
            assert time.monotonic() < deadline, f"it has not printed {line!r}: {self.lines}"
            time.sleep(0.02)

    def end(self) -> int:
        """End it, and return its exit code."""
        self.process.terminate()
        code = self.process.wait(DEADLINE_SECONDS)
        self._reader.join(DEADLINE_SECONDS)
        return code

    def __enter__(self) -> "Dev":
        try:
            self.wait_for("It follows the sources.")
            # The routes are loaded after that; the sources have been watched for long when they answer.
            requests.get(f"{self.url}/health", timeout=DEADLINE_SECONDS)
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def _read(self) -> None:
        assert self.process.stdout
        with self.process.stdout as printed:
            self.lines.extend(line.rstrip("\n") for line in printed)


class Caller:
    """A signed-in user, speaking the wire's own protocols."""

    def __init__(self, stack: LocalStack, user: User) -> None:
        self.user = user
        self._stack = stack
        self._outputs = stack.state.outputs
        tokens = self.sign_in(self._outputs["user_pool_client_id"])
        self.id_token, self.access_token = tokens["IdToken"], tokens["AccessToken"]

    def sign_in(self, client_id: str) -> dict[str, Any]:
        answer = self._stack.client("cognito-idp").initiate_auth(
            ClientId=client_id,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": self.user.name, "PASSWORD": self.user.password},
        )
        return answer["AuthenticationResult"]

    def post(self, document: str, variables: dict[str, Any] | None = None, *, headers: dict[str, str] | None = None):
        """Send a document with the user's ID token, or with other headers; return the HTTP response."""
        headers = {"Authorization": self.id_token} if headers is None else headers
        body = {"query": document, "variables": variables or {}}
        return requests.post(self._outputs["graphql_url"], json=body, headers=headers, timeout=DEADLINE_SECONDS)

    def ask(self, operation: str, **variables: Any) -> dict[str, Any]:
        """Send one of the project's own documents; return the whole answer."""
        return self.post((OPERATIONS / f"{operation}.graphql").read_text(), variables).json()

    def get(self, operation: str, **variables: Any) -> Any:
        """Ask as clients do, again while a service does not answer in time; return what the operation gives.

        On a busy machine, the user of all tests may also have more runs in progress than are allowed.
        """
        answer = wait_until(
            lambda: self.ask(operation, **variables),
            lambda answer: not {error["errorType"] for error in answer.get("errors", ())} & _PASSING,
        )
        assert "errors" not in answer, answer
        return answer["data"][operation]

    def start(self, query: str, *, agent: str = AGENT, **variables: Any) -> str:
        """Start a run; return its requestId."""
        named = {"requestId": str(uuid.uuid4()), **variables}
        return self.get("startAgentRun", agent=agent, query=query, **named)["requestId"]

    def read(self, request_id: str) -> dict[str, Any]:
        """Return a run's record."""
        return self.get("getAgentProgress", requestId=request_id)

    def read_to_its_end(self, request_id: str) -> dict[str, Any]:
        """Wait until a run has ended, and return its record."""
        return wait_until(lambda: self.read(request_id), lambda record: record["liveness"] == "done")

    @contextlib.asynccontextmanager
    async def socket(self, **options: Any):
        """An open real-time connection; with the options of `websockets`."""
        url = self._outputs["realtime_url"]
        header = base64.urlsafe_b64encode(json.dumps(self._authorization()).encode()).decode().rstrip("=")
        protocols = ["graphql-ws", f"header-{header}"]
        async with websockets.asyncio.client.connect(url, subprotocols=protocols, **options) as connection:
            socket = Socket(connection, self._authorization())
            await socket.send({"type": "connection_init"})
            await socket.receive("connection_ack")
            yield socket

    def _authorization(self) -> dict[str, str]:
        return {"host": self._outputs["graphql_url"].split("/")[2], "Authorization": self.id_token}


@dataclass
class Socket:
    """One real-time connection."""

    connection: Any
    authorization: dict[str, str]

    async def send(self, frame: dict[str, Any]) -> None:
        await self.connection.send(json.dumps(frame))

    async def receive(self, *kinds: str) -> dict[str, Any]:
        """Return the next frame of one of these kinds; keep-alives are passed over, anything else is a failure."""
        while True:
            frame = json.loads(await asyncio.wait_for(self.connection.recv(), DEADLINE_SECONDS))
            if frame["type"] in kinds:
                return frame
            assert frame["type"] == "ka", frame

    async def start(self, **variables: Any) -> dict[str, Any]:
        """Subscribe to status updates; return the frame that answers."""
        document = (OPERATIONS / "onStatusUpdate.graphql").read_text()
        data = json.dumps({"query": document, "variables": variables})
        payload = {"data": data, "extensions": {"authorization": self.authorization}}
        await self.send({"id": str(uuid.uuid4()), "type": "start", "payload": payload})
        return await self.receive("start_ack", "error")

    async def updates(self, request_id: str) -> list[dict[str, Any]]:
        """Return all updates until every step of a run has arrived, in any order; includes other runs' updates."""
        updates: list[dict[str, Any]] = []
        while True:
            frame = await self.receive("data")
            updates.append(frame["payload"]["data"]["onStatusUpdate"])
            status_by_seq = {
                # An agent that another one uses also has an end.
                each["seq"]: None if "parentSeq" in (each["metadata"] or "") else each["status"]
                for each in updates
                if each["requestId"] == request_id
            }
            if {"agent_complete", "agent_error"} & set(status_by_seq.values()):
                last = max(status_by_seq)
                if len(status_by_seq) == last:
                    return updates
