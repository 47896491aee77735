"""Plays the cases of tests/vectors on the local machine: several at once, each heard by a subscription to its job.

A case's own playbook is a file in the package, as a user's would be: what is deployed is the package that Terraform has
deployed, with these files in `chalicelib/playbooks`.
"""

import asyncio
import contextlib
import json
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.e2e.conftest import deployed
from tests.e2e.demo.jobs import DEADLINE_SECONDS, cancel, read_to_its_end

PLAYBOOKS = ("site-assessment", "compare-layouts")
REMOVED, REFUSES = "the playbook is removed", "the state machine refuses"
_VECTORS = Path(__file__).parents[2] / "vectors"
_SHIPPED = Path(__file__).parents[3] / "chalice_app" / "chalicelib" / "agents" / "demo" / "playbooks"
_ENDS = ("complete", "error", "cancelled", "agent_complete", "agent_error")
# Each job occupies as many workers as it has agents in a stage, and new workers take longer than the cases themselves.
_JOBS_AT_ONCE = 3


@dataclass(frozen=True)
class Case:
    """One of tests/vectors, whose README says what is in it."""

    id: str
    shipped: str
    given: dict
    job_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def playbook(self):
        """The name of the playbook that is asked for."""
        return self.given.get("playbook", self.shipped)

    def file(self):
        """Return the text of a changed copy of a shipped playbook."""
        playbook = json.loads((_SHIPPED / f"{self.shipped}.json").read_text())
        for pointer, value in self.given["changes"].items():
            *path, name = (int(part) if part.isdigit() else part for part in pointer.split("/")[1:])
            place = playbook
            for part in path:
                place = place[part]
            if value is None:
                del place[name]
            else:
                place[name] = value
        return json.dumps(playbook)


@dataclass(frozen=True)
class Played:
    """What came of a case.

    Attributes:
        answered: What `startJob` was answered, as GraphQL has it.
        messages: The status messages that came, by their record, in its order.
        job: The job's record.
    """

    answered: dict
    messages: dict
    job: dict


def cases():
    return [
        Case(f"{name}: {given['case']}", name, given)
        for name in PLAYBOOKS
        for given in json.loads((_VECTORS / f"{name}.json").read_text())
    ]


async def play(stack, alice, bob, there):
    """Play these cases; return what came of each by its id."""
    files = {case.playbook: case.file() for case in there if "changes" in case.given}
    unknown = [case for case in there if case.playbook not in (*PLAYBOOKS, *files)]
    refused = [case for case in there if case.given.get("meanwhile") == REFUSES]
    removed = [case for case in there if case.given.get("meanwhile") == REMOVED]
    others = [case for case in there if case not in (*unknown, *refused, *removed)]
    played = {}
    async with Heard.by(alice, [case.job_id for case in there]) as heard, bob.socket() as his:
        assert (await his.start(userId=bob.user.user_id))["type"] == "start_ack"

        async def play_one(case):
            played[case.id] = await _play(case, alice, heard)

        async def play_all(some):
            places = asyncio.Semaphore(_JOBS_AT_ONCE)

            async def play_in_turn(case):
                async with places:
                    await play_one(case)

            await asyncio.gather(*map(play_in_turn, some))

        await play_all(unknown)
        with _refused_executions(stack):
            await play_all(refused)
        with _deployed(stack, "run_starter_function_name", files):
            await play_all(removed)
            with _deployed(stack, "orchestrator_function_name", files):
                await play_all(others)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(his.receive("data"), 0.1)
    return played


async def _play(case, alice, heard):
    given, job_id = case.given, case.job_id
    answered = await asyncio.to_thread(
        alice.ask, "startJob", jobId=job_id, playbook=case.playbook, query=given["query"],
        parameters=json.dumps(given.get("parameters", {})),
    )  # fmt: skip
    if name := given.get("cancelDuring"):
        run = str(uuid.uuid5(uuid.UUID(job_id), f"{name}/1"))
        await heard.until(lambda: any(each["status"] == "thinking" for each in heard.messages(job_id).get(run, ())))
        cancelled = await asyncio.to_thread(cancel, alice, job_id)
        assert (cancelled["status"], cancelled["liveness"]) == ("cancelled", "done")
    if not given["statuses"]:
        return Played(answered, heard.messages(job_id), await asyncio.to_thread(alice.read, job_id))
    await heard.until(lambda: heard.whole(job_id))
    job = await asyncio.to_thread(read_to_its_end, alice, job_id)
    begun = {run["requestId"] for run in job["runs"] if run["status"]}
    await heard.until(lambda: begun <= heard.messages(job_id).keys() and heard.whole(job_id))
    return Played(answered, heard.messages(job_id), job)


class Heard:
    """What the subscriptions of one socket have brought so far."""

    def __init__(self):
        self._jobs = defaultdict(lambda: defaultdict(dict))
        self._more = asyncio.Condition()

    @classmethod
    @contextlib.asynccontextmanager
    async def by(cls, caller, job_ids):
        """Listen to these jobs of this user, for the length of the block."""
        heard = cls()
        async with caller.socket() as socket:
            for job_id in job_ids:
                assert (await socket.start(userId=caller.user.user_id, jobId=job_id))["type"] == "start_ack"
            listening = asyncio.create_task(heard._listen(socket))
            try:
                yield heard
            finally:
                listening.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await listening

    def messages(self, job_id):
        """The messages of a job by their record, as far as they have come."""
        records = self._jobs[job_id].items()
        return {request_id: [by_seq[seq] for seq in sorted(by_seq)] for request_id, by_seq in records}

    def whole(self, job_id):
        """Whether each record's messages have come without a gap up to its end, the job's among them."""
        messages = self.messages(job_id)
        return job_id in messages and all(
            len(some) == some[-1]["seq"] and some[-1]["status"] in _ENDS for some in messages.values()
        )

    async def until(self, condition):
        """Wait until what has come fulfils a condition."""
        async with self._more:
            await asyncio.wait_for(self._more.wait_for(condition), DEADLINE_SECONDS)

    async def _listen(self, socket):
        while True:
            frame = await socket.receive("data")
            update = frame["payload"]["data"]["onStatusUpdate"]
            if update["seq"] is None:  # such as `cancelling`: in no record
                continue
            by_seq = self._jobs[update["jobId"]][update["requestId"]]
            assert by_seq.setdefault(update["seq"], update) == update
            async with self._more:
                self._more.notify_all()


@contextlib.contextmanager
def _refused_executions(stack):
    """Within this context, who starts jobs lacks the right to start an execution."""
    functions, iam = stack.client("lambda"), stack.client("iam")
    starter = functions.get_function_configuration(FunctionName=stack.state.outputs["run_starter_function_name"])
    role = starter["Role"].split("/")[-1]
    statement = {"Effect": "Deny", "Action": "states:StartExecution", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=role, PolicyName="refused-executions", PolicyDocument=document)
    try:
        yield
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="refused-executions")


def _deployed(stack, output, files):
    """Within this context, a function's package has these playbooks, too."""
    return deployed(stack, [output], {f"chalicelib/playbooks/{name}.json": text for name, text in files.items()})
