"""The state `InvokeAgent`: starts the run of one agent of a job, and looks at it until it has ended.

The state does not wait here. Its task in the state machine has a token, which is stored in the run's record, and
`run_closer` reports the run's end with it. Because that report is best effort, the task has a timeout, after which the
state looks at the record again with a new token: every few minutes while the run works, and every hour while it waits
for an answer.

Each decision is based on the run's record, so the state can be retried at any point.
"""

from __future__ import annotations

import json
import logging
import random
import string
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.agents.agent_functions import AgentFunctions
from chalicelib.orchestrator.errors import AgentFailed, AgentTimedOut, JobEnded, JobTimedOut, RunChanged, RunWaits
from chalicelib.orchestrator.job import Job
from chalicelib.orchestrator.job_record import JobRecord
from chalicelib.orchestrator.outputs import latest_runs
from chalicelib.orchestrator.playbook import Entry
from chalicelib.runtime.request import RunRequest, run_request
from runcast.errors import AppendRefused, InvalidInput, JobClosed, RunExists, RunGone, Unavailable, WriteConflict
from runcast.record.cancel import cancel
from runcast.record.close import CloseResult, close_dead, close_unclaimed, worker_died
from runcast.record.model import Run, RunStatus
from runcast.record.planned import require_of_job
from runcast.record.store import RunStore
from runcast.text import shortened

logger = logging.getLogger(__name__)

COMPLAINT_MAX_CHARACTERS = 2_000

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

# The task's timeout begins before the run's, so a look at the end of the run's time comes a moment early, and waits.
_SOON_MS = 5_000

# A transaction takes a few milliseconds, and a stage has at most 20 agents.
_PUT_MAX_TRIES = 8
_CONFLICT_MAX_SECONDS = 0.2


class AgentInvoker:
    """Invokes the agents of one job.

    Args:
        job: The job.
        record: The job's record.
        store: The records of the runs.
        functions: The Lambdas of the agents.
        announce: Announces an end; must not raise.
        report: Reports a run's state to the task whose token the run has.
        now_ms: The time, epoch milliseconds; by default the store's.
        sleep: Waits for the given number of seconds.
    """

    def __init__(
        self,
        job: Job,
        record: JobRecord,
        *,
        store: RunStore,
        functions: AgentFunctions,
        announce: Callable[[CloseResult | None], None],
        report: Callable[[Run], None],
        now_ms: Callable[[], int] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._job = job
        self._record = record
        self._store = store
        self._functions = functions
        self._announce = announce
        self._report = report
        self._now_ms = now_ms or store.now_ms
        self._sleep = sleep

    def invoke(
        self, entry: Entry, first_attempt: int, complaint: str | None = None, *, token: str, waiting: bool = False
    ) -> None:
        """Start an agent's run, or look at it again. The task with this token is told how the run ends.

        Args:
            entry: The agent's entry in the playbook.
            first_attempt: The first attempt to use. The outputs of earlier attempts were rejected.
            complaint: Why the previous attempt's output was rejected.
            token: The token of the task that waits for the run.
            waiting: Whether the task expects the run to wait for an answer.

        Raises:
            AgentFailed: The agent failed, its input is over a limit, or its worker died in every attempt.
            AgentTimedOut: The agent exceeded its timeout; its run is cancelled.
            JobTimedOut: The job exceeded its time limit; the agent's run is cancelled.
            RunWaits: The run waits for an answer, and the task did not expect it.
            RunChanged: The run does not wait for an answer any more.
            Conflict: The job's record, or a run under one of its ids, belongs to another owner or job.
            JobEnded: The job was cancelled in the meantime.
            Unavailable: A service did not answer. A retry continues.
        """
        job = self._record.require_open()
        job_deadline_ms = self._record.deadline_ms(job)
        for request_id in self._job.request_ids(entry.name)[first_attempt - 1 :]:
            run = self._current(entry, request_id, complaint, token, job_deadline_ms)
            if not worker_died(run):
                self._tell(entry, run, replace(run, task_token=token), waiting=waiting, job_deadline_ms=job_deadline_ms)
                if run.status is RunStatus.WAITING:
                    self._record.keep_for(job, run)
                return
        raise AgentFailed(f"{entry.name}: its worker died in every attempt. The last time: {run.error}")

    def _current(self, entry: Entry, request_id: str, complaint: str | None, token: str, job_deadline_ms: int) -> Run:
        """Return the attempt's run, started if necessary, and ended if its worker is dead or late."""
        found = self._store.read(request_id)
        if found is None and self._now_ms() >= job_deadline_ms:
            raise JobTimedOut(self._record.timed_out)
        run = self._awaited(self._own(found), token) if found else self._put(entry, request_id, token)
        if run.status.ended:
            return run
        result: CloseResult | None = None
        if run.part_has_begun:  # the sweep hands out later parts that have not begun
            result = close_dead(self._store, request_id, owner=self._job.owner, now_ms=self._now_ms)
        if result is None and run.status is not RunStatus.WAITING:
            deadline_ms = min(_deadline_ms(entry, run), job_deadline_ms)
            left_ms = deadline_ms - self._now_ms()
            if run.worker is not None and 0 < left_ms <= _SOON_MS:
                self._sleep(left_ms / 1000)
            if self._now_ms() >= deadline_ms:
                result = cancel(self._store, self._job.owner, request_id, job_id=self._job.job_id, now_ms=self._now_ms)
            elif run.worker is None and run.part == 1:
                result = self._hand_over(entry, run, complaint)
        self._announce(result)
        return result.run if result else run

    def _own(self, run: Run) -> Run:
        return require_of_job(run, self._job.owner, self._job.job_id)

    def _awaited(self, run: Run, token: str) -> Run:
        """Store the token, unless the run has ended; return the current record."""
        if run.status.ended:
            return run
        try:
            return self._store.await_in_job(run, token)
        except AppendRefused as refused:
            return self._own(refused.run)
        except RunGone as gone:
            raise JobEnded("The record of one of the job's runs is gone.") from gone

    def _put(self, entry: Entry, request_id: str, token: str) -> Run:
        """Create the run's record if the job is open.

        The agents of a stage check the job's record concurrently, so their transactions may conflict.
        """
        job = self._job
        for _ in range(_PUT_MAX_TRIES):
            try:
                return self._store.create_in_job(
                    request_id, owner=job.owner, agent=entry.agent, job_id=job.job_id, task_token=token
                )
            except RunExists as exists:
                return self._awaited(self._own(exists.run), token)
            except (JobClosed, RunGone) as closed:
                raise JobEnded("The job has ended, so none of its runs can start.") from closed
            except WriteConflict:
                self._sleep(random.uniform(0, _CONFLICT_MAX_SECONDS))  # noqa: S311 - not a secret
        raise Unavailable(f"{entry.name}: its record could not be created: other writes kept conflicting. Try again.")

    def _hand_over(self, entry: Entry, run: Run, complaint: str | None) -> CloseResult | None:
        """Invoke the agent's function; return the run's end if the function cannot take it.

        Handing a run over twice is safe, because only one worker's claim succeeds.
        """
        try:
            request = self._request(entry, complaint)
        except InvalidInput as error:
            return self._refused(run, str(error))
        event = {
            "agent": request.agent,
            "query": request.query,
            "parameters": request.parameters,
            "requestId": run.request_id,
            "userId": run.owner.user_id,
            "tenantId": run.owner.tenant_id,
            "jobId": self._job.job_id,
            "createdAt": run.created_at_ms,
            "awaited": False,
        }
        try:
            self._functions.invoke(entry.agent, event, run.owner)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _TRANSIENT_CODES:
                raise Unavailable(f"{entry.name}: its function is not available now ({code}). Try again.") from error
            logger.warning("the function of %s was not invoked: %s", entry.agent, error)
            return self._refused(run, f"The agent's function could not be invoked ({code}).")
        except BotoCoreError as error:
            raise Unavailable(f"{entry.name}: its function did not answer. Try again.") from error
        return None

    def _refused(self, run: Run, message: str) -> CloseResult | None:
        return close_unclaimed(self._store, run, message=message, now_ms=self._now_ms)

    def _request(self, entry: Entry, complaint: str | None) -> RunRequest:
        """Return the agent's request: the query and parameters with the outputs that it reads.

        Raises:
            InvalidInput: The request is over a limit.
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
        return run_request({"agent": entry.agent, "query": query, "parameters": parameters}, self._functions.by_agent)

    def _tell(self, entry: Entry, run: Run, awaited: Run, *, waiting: bool, job_deadline_ms: int) -> None:
        """Report a result to the task; raise an error if there will be none, or if the task must look differently."""
        match run.status:
            case RunStatus.COMPLETE:
                self._report(awaited)
                return
            case RunStatus.ERROR:
                raise AgentFailed(f"{entry.name}: {run.error}")
            case RunStatus.WAITING:
                if not waiting:
                    raise RunWaits(f"{entry.name}: its run {run.request_id} waits for an answer.")
                return
        ended_ms = run.updated_at_ms if run.status.ended else self._now_ms()
        if ended_ms >= job_deadline_ms:
            raise JobTimedOut(self._record.timed_out)
        if ended_ms >= _deadline_ms(entry, run):
            raise AgentTimedOut(f"{entry.name}: it took longer than {entry.timeout_seconds} seconds.")
        if run.status is RunStatus.CANCELLED:
            raise AgentFailed(f"{entry.name}: its run was cancelled.")
        if waiting:
            raise RunChanged(f"{entry.name}: its run {run.request_id} continues.")


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _deadline_ms(entry: Entry, run: Run) -> int:
    """Return the run's deadline. It depends on the record alone, so all retries agree on it."""
    return run.created_at_ms + run.waited_ms + entry.timeout_seconds * 1000
