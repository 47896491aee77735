"""The state `InvokeAgent`: runs one agent of a job to its end, and raises an error if it has no result.

Each decision is based on the run's record, never on the answer of the agent's function, which may be lost, belong to
another delivery, or be cut off with its worker. The state can therefore be retried at any point: it finds the run that
it started and continues.
"""

from __future__ import annotations

import json
import math
import random
import string
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.orchestrator.errors import AgentFailed, AgentTimedOut, JobEnded, RunStillLive, WorkerDied
from chalicelib.orchestrator.function_call import Answer, call_function
from chalicelib.orchestrator.job import Job
from chalicelib.orchestrator.job_record import JobRecord
from chalicelib.orchestrator.outputs import latest_runs
from chalicelib.orchestrator.playbook import Entry
from chalicelib.runtime.request import RunRequest, run_request
from runcast import limits
from runcast.errors import InvalidInput, JobClosed, RunExists, RunGone, Unavailable, WriteConflict
from runcast.record.cancel import cancel
from runcast.record.close import CloseResult, close_dead, close_unclaimed, worker_died
from runcast.record.model import Json, Run, RunStatus
from runcast.record.planned import require_of_job
from runcast.record.store import RunStore
from runcast.text import shortened

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

COMPLAINT_MAX_CHARACTERS = 2_000

# The invoker stops waiting when it has this much time left, which is enough to decide from the record.
_OWN_TIME_MS = 10_000

# One read per second costs little: the end is usually there already, and the lease expires within 15 s.
_READ_AGAIN_SECONDS = 1.0

# A transaction takes a few milliseconds, and a stage has at most 20 agents.
_PUT_MAX_TRIES = 8
_CONFLICT_MAX_SECONDS = 0.2


class AgentInvoker:
    """Invokes the agents of one job.

    Args:
        job: The job.
        record: The job's record.
        store: The records of the runs.
        functions: The Lambda that runs each agent, by the agents' names.
        client: Creates a Lambda client that does not retry, given its read timeout in seconds.
        announce: Announces an end; must not raise.
        remaining_ms: Returns the time until this worker is stopped.
        now_ms: The time, epoch milliseconds; by default the store's.
        sleep: Waits for the given number of seconds.
    """

    def __init__(
        self,
        job: Job,
        record: JobRecord,
        *,
        store: RunStore,
        functions: Mapping[str, str],
        client: Callable[[int], LambdaClient],
        announce: Callable[[CloseResult | None], None],
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
            entry: The agent's entry in the playbook.
            first_attempt: The first attempt to use. The outputs of earlier attempts were rejected.
            complaint: Why the previous attempt's output was rejected.

        Returns:
            `name`, `attempt` and `requestId` of the completed run.

        Raises:
            AgentFailed: The agent failed, its input is over a limit, or its worker died in every attempt.
            AgentTimedOut: The agent exceeded its timeout; its run is cancelled.
            WorkerDied: The agent's worker died. A retry makes the next attempt.
            RunStillLive: The run is still in progress. A retry checks it again.
            Conflict: The job's record, or a run under one of its ids, belongs to another owner or job.
            JobEnded: The job was cancelled in the meantime.
            Unavailable: A service did not answer. A retry continues.
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
        """Create the run's record if the job is open.

        The agents of a stage check the job's record concurrently, so their transactions may conflict.
        """
        job = self._job
        for _ in range(_PUT_MAX_TRIES):
            try:
                return self._store.create_in_job(request_id, owner=job.owner, agent=entry.agent, job_id=job.job_id)
            except RunExists as exists:
                return self._own(exists.run)
            except (JobClosed, RunGone) as closed:
                raise JobEnded("The job has ended, so none of its runs can start.") from closed
            except WriteConflict:
                self._sleep(random.uniform(0, _CONFLICT_MAX_SECONDS))  # noqa: S311 - spreads load, keeps no secret
        raise Unavailable(f"{entry.name}: its record could not be created: other writes kept conflicting. Try again.")

    def _own(self, run: Run) -> Run:
        return require_of_job(run, self._job.owner, self._job.job_id)

    def _ended(self, entry: Entry, run: Run, complaint: str | None) -> Run:
        """Invoke the agent if necessary, end the run if its worker is dead or late, and return the run's record."""
        answer = Answer()
        if run.worker is None and not run.status.ended:
            answer = self._answer(entry, run, complaint)
            if answer.end_pending:
                self._await_end(run.request_id)
        if answer.refused:
            self._announce(close_unclaimed(self._store, run, message=answer.refused, now_ms=self._now_ms))
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
            result = self._cancel(now)
            self._announce(result)
            now = result.run if result else now
        return now

    def _await_end(self, request_id: str) -> None:
        """Read the record until the run has ended or its lease has expired: its end may have been handed over."""
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

    def _cancel(self, run: Run) -> CloseResult | None:
        job = self._job
        return cancel(self._store, job.owner, run.request_id, job_id=job.job_id, now_ms=self._now_ms)

    def _answer(self, entry: Entry, run: Run, complaint: str | None) -> Answer:
        try:
            request = self._request(entry, complaint)
        except InvalidInput as error:
            return Answer(refused=str(error))
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
            return Answer()
        return call_function(
            self._client(math.ceil(left_ms / 1000)), self._functions[entry.agent], event, agent_name=entry.name
        )

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
        return run_request({"agent": entry.agent, "query": query, "parameters": parameters}, self._functions)

    def _require_complete(self, entry: Entry, run: Run) -> None:
        in_time = (run.updated_at_ms if run.status.ended else self._now_ms()) < _deadline_ms(entry, run)
        match run.status:
            case RunStatus.COMPLETE:
                return
            case RunStatus.ERROR:
                raise AgentFailed(f"{entry.name}: {run.error}")
            case RunStatus.CANCELLED if any(step.step == "waiting" for step in run.steps[-2:]):
                raise AgentFailed(f"{entry.name}: it asked a question, but nobody can answer within a job.")
        if not in_time:
            raise AgentTimedOut(f"{entry.name}: it took longer than {entry.timeout_seconds} seconds.")
        if run.status is RunStatus.CANCELLED:
            raise AgentFailed(f"{entry.name}: its run was cancelled.")
        if run.worker is None:
            raise Unavailable(f"{entry.name}: its function did not answer. Try again.")
        raise RunStillLive(f"{entry.name}: its run {run.request_id} is still in progress.")


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _deadline_ms(entry: Entry, run: Run) -> int:
    """Return the run's deadline. It depends on the record alone, so all retries agree on it."""
    return run.created_at_ms + entry.timeout_seconds * 1000
