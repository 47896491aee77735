"""The state `InvokeAgent`: sees one agent of a job through to a result, or says in a word why there is none.

Whatever happens is decided from the run's record and never from the answer of its function, which may be lost, come
from another delivery, or be cut off with its worker. So this may be run again at any point: it finds the run that it
had begun, and goes on from there.
"""

from __future__ import annotations

import json
import logging
import math
import random
import string
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError

from chalicelib.orchestrator.errors import AgentFailed, AgentTimedOut, JobEnded, RunStillLive, WorkerDied
from chalicelib.orchestrator.failures import lambda_error
from chalicelib.orchestrator.job import Job
from chalicelib.orchestrator.job_record import JobRecord
from chalicelib.orchestrator.outputs import latest_runs
from chalicelib.orchestrator.playbook import Entry
from chalicelib.runtime.request import RunRequest, run_request
from runcast import limits
from runcast.errors import InvalidInput, JobClosed, RunExists, RunGone, Unavailable, WriteConflict
from runcast.json_text import json_text
from runcast.record.ending import Ending, cancel, close_dead, end_unclaimed, worker_died
from runcast.record.model import Json, Run, RunStatus
from runcast.record.planned import require_of_job
from runcast.record.store import RunStore
from runcast.text import shortened

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

logger = logging.getLogger(__name__)

COMPLAINT_MAX_CHARACTERS = 2_000

# What is left of the invoker's own time when it stops waiting: enough to say how the run stands.
_OWN_TIME_MS = 10_000

# A second per read costs little: the end is usually there at once, and the lease passes within 15 s.
_READ_AGAIN_SECONDS = 1.0

# A transaction takes some milliseconds, and a stage has at most a few dozen agents.
_PUT_MAX_TRIES = 8
_CONFLICT_MAX_SECONDS = 0.2

# Source: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_Errors
_TRANSIENT_CODES = {
    "CodeArtifactUserPendingException",
    "EC2ThrottledException",
    "ENILimitReachedException",
    "ResourceConflictException",
    "ResourceNotReadyException",
    "ServiceException",
    "SnapStartNotReadyException",
    "ThrottlingException",
    "TooManyRequestsException",
}


@dataclass(frozen=True)
class _Answer:
    """What is known once the agent's function was invoked.

    Attributes:
        invocation: The id of the invocation, if it is over and may have had the run.
        detail: What it said, for people.
        ending: The function answered, and the run's end may still be on its way.
        refused: Why it did not take the run at all.
    """

    invocation: str | None = None
    detail: str | None = None
    ending: bool = False
    refused: str | None = None


class AgentInvoker:
    """Invokes the agents of one job.

    Args:
        job: Which job.
        record: The job's.
        store: The records of the runs.
        functions: The Lambda that runs each agent, by the agents' names.
        client: Makes a Lambda client that does not retry, given how many seconds it shall wait for an answer.
        announce: Tells of an end; must not raise.
        remaining_ms: How long until this worker is stopped.
        now_ms: The time, epoch milliseconds; by default the store's.
        sleep: Waits for so many seconds.
    """

    def __init__(
        self,
        job: Job,
        record: JobRecord,
        *,
        store: RunStore,
        functions: Mapping[str, str],
        client: Callable[[int], LambdaClient],
        announce: Callable[[Ending | None], None],
        remaining_ms: Callable[[], float],
        now_ms: Callable[[], int] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._job = job
        self._record = record
        self._store = store
        self._functions = functions
        self._client = client
        self._announce = announce
        self._remaining_ms = remaining_ms
        self._now_ms = now_ms or store.now_ms
        self._sleep = sleep

    def invoke(self, entry: Entry, first_attempt: int, complaint: str | None = None) -> Json:
        """Run an agent to its end.

        Args:
            entry: Which agent of the playbook.
            first_attempt: The first attempt that may be used: those before were not accepted.
            complaint: What was wrong with the one before.

        Returns:
            `name`, `attempt` and `requestId` of the run that is complete.

        Raises:
            AgentFailed: It failed, or does not fit its limits, or its workers died in every attempt.
            AgentTimedOut: It took too long; its run is cancelled.
            WorkerDied: Its worker died; run again, this makes the next attempt.
            RunStillLive: Its run goes on without us; run again, this looks after it.
            Conflict: The job's record, or a run under one of its ids, is another's.
            JobEnded: The job was cancelled meanwhile.
            Unavailable: A service did not answer; run again, this goes on.
        """
        self._record.require_open()
        died: str | None = None
        for attempt, request_id in enumerate(self._job.request_ids(entry.name), start=1):
            if attempt < first_attempt:
                continue
            run = self._read(request_id)
            if run is None or not worker_died(run):
                run = self._ended(entry, run or self._put(entry, request_id), complaint)
                if not worker_died(run):
                    self._require_complete(entry, run)
                    return {"name": entry.name, "attempt": attempt, "requestId": request_id}
                if attempt < limits.ATTEMPTS_MAX:
                    raise WorkerDied(f"{entry.name}: {run.error}")
            died = run.error
        raise AgentFailed(f"{entry.name}: its worker died in every attempt. The last time: {died}")

    def _read(self, request_id: str) -> Run | None:
        run = self._store.read(request_id)
        return run and self._own(run)

    def _put(self, entry: Entry, request_id: str) -> Run:
        """Create the run's record, if the job is open.

        The agents of a stage check the job's record at the same time, so their transactions may conflict.
        """
        job = self._job
        for _ in range(_PUT_MAX_TRIES):
            try:
                return self._store.create_in_job(request_id, owner=job.owner, agent=entry.agent, job_id=job.job_id)
            except RunExists as exists:
                return self._own(exists.run)
            except (JobClosed, RunGone) as closed:
                raise JobEnded("The job has ended, so no run of it begins.") from closed
            except WriteConflict:
                self._sleep(random.uniform(0, _CONFLICT_MAX_SECONDS))  # noqa: S311 - spreads load, keeps no secret
        raise Unavailable(f"{entry.name}: its record could not be created: other writes kept conflicting. Try again.")

    def _own(self, run: Run) -> Run:
        return require_of_job(run, self._job.owner, self._job.job_id)

    def _ended(self, entry: Entry, run: Run, complaint: str | None) -> Run:
        """Return the run's record after all that could be done for its end."""
        answer = _Answer()
        if run.worker is None and not run.status.ended:
            answer = self._answer(entry, run, complaint)
            if answer.ending:
                self._await_end(run.request_id)
        if answer.refused:
            self._announce(end_unclaimed(self._store, run, message=answer.refused, now_ms=self._now_ms))
        else:
            self._announce(
                close_dead(
                    self._store,
                    run.request_id,
                    owner=self._job.owner,
                    invocation=answer.invocation,
                    detail=answer.detail,
                    now_ms=self._now_ms,
                )
            )
        now = self._read(run.request_id)
        if now is None:
            raise AgentFailed(f"{entry.name}: its record has expired.")
        if now.status is RunStatus.WAITING or (not now.status.ended and self._now_ms() >= _deadline_ms(entry, now)):
            ending = self._cancel(now)
            self._announce(ending)
            now = ending.run if ending else now
        return now

    def _await_end(self, request_id: str) -> None:
        """Read the record until the run has ended or its lease has passed: its end may have been handed over."""
        while self._remaining_ms() > _OWN_TIME_MS:
            run = self._store.read(request_id)
            if (
                run is None
                or run.status.ended
                or run.status is RunStatus.WAITING
                or self._now_ms() > run.lease_until_ms
            ):
                return
            self._sleep(_READ_AGAIN_SECONDS)

    def _cancel(self, run: Run) -> Ending | None:
        job = self._job
        return cancel(self._store, job.owner, run.request_id, job_id=job.job_id, now_ms=self._now_ms)

    def _answer(self, entry: Entry, run: Run, complaint: str | None) -> _Answer:
        try:
            request = self._request(entry, complaint)
        except InvalidInput as error:
            return _Answer(refused=str(error))
        event = {
            "agent": request.agent,
            "query": request.query,
            "parameters": request.parameters,
            "requestId": run.request_id,
            "userId": run.owner.user_id,
            "tenantId": run.owner.tenant_id,
            "jobId": self._job.job_id,
        }
        left_ms = min(_deadline_ms(entry, run) - self._now_ms(), self._remaining_ms() - _OWN_TIME_MS)
        if left_ms <= 0:
            return _Answer()
        try:
            answered = self._client(math.ceil(left_ms / 1000)).invoke(
                FunctionName=self._functions[entry.agent], Payload=json_text(event).encode()
            )
            payload = answered["Payload"].read()
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _TRANSIENT_CODES:
                raise Unavailable(f"{entry.name}: its function took no more work ({code}). Try again.") from error
            logger.warning("the function of %s was not invoked: %s", entry.agent, error)
            return _Answer(refused=f"The agent's function could not be invoked ({code}).")
        except ReadTimeoutError:
            return _Answer()
        except BotoCoreError as error:
            logger.warning("run %s: its function gave no answer: %s", run.request_id, error)
            return _Answer()
        return _understood(payload, answered["ResponseMetadata"]["RequestId"], failed="FunctionError" in answered)

    def _request(self, entry: Entry, complaint: str | None) -> RunRequest:
        """Return what the agent is asked.

        Raises:
            InvalidInput: It is over a limit.
        """
        inputs = {name: run.result for name, run in latest_runs(self._store, self._job, entry.reads).items()}
        given = {**entry.parameters, **self._job.parameters}
        texts = {name: _as_text(value) for name, value in given.items()}
        query = string.Template(entry.query).substitute({**texts, "query": self._job.query})
        parameters = {**given, "inputs": inputs}
        if complaint:
            complaint = shortened(complaint, COMPLAINT_MAX_CHARACTERS)
            query = f"{query}\n\nYour last answer was not accepted: {complaint}"
            parameters["complaint"] = complaint
        return run_request({"agent": entry.agent, "query": query, "parameters": parameters}, self._functions)

    def _require_complete(self, entry: Entry, run: Run) -> None:
        in_time = (run.updated_at_ms if run.status.ended else self._now_ms()) < _deadline_ms(entry, run)
        match run.status:
            case RunStatus.COMPLETE:
                return
            case RunStatus.ERROR:
                raise AgentFailed(f"{entry.name}: {run.error}")
            case RunStatus.CANCELLED if any(step.step == "waiting" for step in run.steps[-2:]):
                raise AgentFailed(f"{entry.name}: it asked a question, and in a job nobody answers.")
        if not in_time:
            raise AgentTimedOut(f"{entry.name}: it took longer than {entry.timeout_seconds} seconds.")
        if run.status is RunStatus.CANCELLED:
            raise AgentFailed(f"{entry.name}: its run was cancelled.")
        if run.worker is None:
            raise Unavailable(f"{entry.name}: its function did not answer. Try again.")
        raise RunStillLive(f"{entry.name}: its run {run.request_id} goes on.")


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _deadline_ms(entry: Entry, run: Run) -> int:
    """When the run has taken too long, whoever asks and whenever."""
    return run.created_at_ms + entry.timeout_seconds * 1000


def _understood(payload: bytes, invocation: str, *, failed: bool) -> _Answer:
    """Return what an answer tells: an invocation that is over has left its run behind, or ended it."""
    try:
        told: Any = json.loads(payload)
    except (ValueError, RecursionError):
        told = None
    told = told if isinstance(told, dict) else {}
    if failed:
        return _Answer(invocation, lambda_error(told) or None)
    match told.get("statusCode"):
        case 400:
            return _Answer(refused=_error_of(told))
        case 409:
            return _Answer()  # another has the run
    detail = "Its function answered, but the run's end is not recorded."
    return _Answer(invocation, detail, ending=_end_is_pending(told))


def _end_is_pending(told: Mapping[str, Any]) -> bool:
    try:
        return json.loads(told["body"]).get("endPending") is True
    except (AttributeError, KeyError, TypeError, ValueError):
        return False


def _error_of(told: Mapping[str, Any]) -> str:
    try:
        return shortened(json.loads(told["body"])["error"], limits.ERROR_MAX_CHARACTERS)
    except (KeyError, TypeError, ValueError, RecursionError):
        return "The agent's function refused the run."
