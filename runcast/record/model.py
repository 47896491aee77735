"""The data model of a run's record, which all readers and writers share."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Json = dict[str, Any]


class RunStatus(StrEnum):
    """A run's status: open (`in_progress`, `waiting`) or terminal (the others)."""

    IN_PROGRESS = "in_progress"
    WAITING = "waiting"
    COMPLETE = "complete"
    ERROR = "error"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether the status is terminal: no more steps can be appended."""
        return self not in (RunStatus.IN_PROGRESS, RunStatus.WAITING)


class Liveness(StrEnum):
    """How alive a run looks to a reader. It is computed on each read and never stored."""

    LIVE = "live"
    LATE = "late"
    CANCELLING = "cancelling"
    LOST = "lost"
    DONE = "done"


class EndReason(StrEnum):
    """Why a run or a job has ended. Code reads this and never the error's text, which is for people.

    Records may also hold the codes of other versions, so readers pass on any text.
    """

    COMPLETE = "complete"
    """The agent or the job finished its work."""
    AGENT_FAILED = "agent_failed"
    """The agent raised an error. In a job, an agent failed, took too long, or its output was rejected."""
    AGENT_STOPPED = "agent_stopped"
    """The agent stopped before it was done: `max_tokens`, a content filter, a guardrail or another limit."""
    AGENT_CANCELLED = "agent_cancelled"
    """The agent, or the code that runs it, cancelled it, without a cancel request."""
    CANCEL_REQUESTED = "cancel_requested"
    """The owner cancelled it. A job's run is also cancelled if the job ends, or if it is late."""
    BUDGET = "budget"
    """It used up its budget of tokens, or its user's budget of the day."""
    TIMED_OUT = "timed_out"
    """The time of the worker or of the job's execution was up."""
    PROCESS_EXITED = "process_exited"
    """The worker's process exited before the run had ended."""
    NOT_HANDED_OVER = "not_handed_over"
    """The starter could not hand it to a function or an execution."""
    NEVER_CLAIMED = "never_claimed"
    """It was handed over, but no worker claimed it in time."""
    WORKER_DIED = "worker_died"
    """Its worker was killed, or ran out of time or memory."""
    NOT_ANSWERED = "not_answered"
    """Nobody answered its question in time."""
    NOT_RESUMABLE = "not_resumable"
    """The agent asked a question whose answer it could not use, or could not have continued in another worker."""
    SNAPSHOT_NOT_SAVED = "snapshot_not_saved"
    """The agent asked a question, or was about to call a tool, and its state could not be saved."""
    SNAPSHOT_UNUSABLE = "snapshot_unusable"
    """The run was to continue, but the agent's saved state is missing, damaged or of another version."""
    ATTACHMENT_UNUSABLE = "attachment_unusable"
    """An attachment is no longer stored, was uploaded again after the start, or could not be read."""
    JOB_FAILED = "job_failed"
    """A state of the job failed."""
    EXECUTION_STOPPED = "execution_stopped"
    """The job's execution stopped early, or somebody stopped it."""
    RESULT_TOO_LARGE = "result_too_large"
    """The job's result exceeds the limit."""
    RESULT_NOT_SAVED = "result_not_saved"
    """The job's result could not be saved."""

    @classmethod
    def of_own_end(cls, status: RunStatus) -> EndReason | None:
        """Return the reason of an end that the agent brought about itself; None for a pause."""
        return {
            RunStatus.COMPLETE: cls.COMPLETE,
            RunStatus.ERROR: cls.AGENT_FAILED,
            RunStatus.CANCELLED: cls.AGENT_CANCELLED,
        }.get(status)


@dataclass(frozen=True)
class Owner:
    """The owner of a run. Two runs have the same owner only if both tenant and user are equal."""

    tenant_id: str
    user_id: str

    @property
    def key(self) -> str:
        """The `owner` attribute: `tenantId#userId`."""
        return f"{self.tenant_id}#{self.user_id}"


ANSWERED = "answered"
"""The step that records an answer and begins the next part of its run."""

CONTINUING = "continuing"
"""The last step of a part whose worker hands the run over to the next part's worker."""

PUBLIC = Owner("public", "public")
"""The owner of runs without a user."""


@dataclass(frozen=True)
class Step:
    """One entry of a run's record.

    Attributes:
        step: What happened: `init`, `thinking`, `executing`, `complete`, ...
        message: For people; at most `MESSAGE_MAX_CHARACTERS`.
        elapsed: Seconds since the run began.
        timestamp: Epoch milliseconds.
        seq: 1, 2, 3 ... without gaps in a run.
        agent_name: The agent, if it is not the run's main agent.
        tool_name: The tool, if the step is a tool call.
        status: The status on the live channel, if it differs from `step`.
        metadata_json: A JSON object as text, or None.
    """

    step: str
    message: str
    elapsed: float
    timestamp: int
    seq: int
    agent_name: str | None = None
    tool_name: str | None = None
    status: str | None = None
    metadata_json: str | None = None

    @property
    def live_status(self) -> str:
        """The status of this step on the live channel."""
        return self.status or self.step

    def to_answer(self, agent: str | None = None) -> Json:
        """Return the step in the format of `read_progress`: `metadata` is JSON text, and absent fields are omitted.

        The fields that a status message also has have the same values there.

        Args:
            agent: The run's agent, for a step that names no other one.
        """
        answer: Json = {
            "type": "progress",
            "step": self.step,
            "message": self.message,
            "elapsed": self.elapsed,
            "timestamp": self.timestamp,
            "seq": self.seq,
            "status": self.live_status,
        }
        optional = {"agentName": self.agent_name or agent, "toolName": self.tool_name, "metadata": self.metadata_json}
        return answer | {name: value for name, value in optional.items() if value is not None}

    def to_json(self) -> Json:
        """Return the step with its metadata as an object; absent fields are omitted."""
        return with_metadata_object(self.to_answer())


@dataclass(frozen=True)
class PlannedRun:
    """One agent of a job, as listed in the job's record.

    Attributes:
        name: The agent's name in the playbook, unique there.
        agent: The agent to invoke.
        stage: The stage that contains it.
        request_ids: The ids of its runs, one for each possible attempt, fixed before the first attempt begins. An
            attempt that is not needed has no record.
    """

    name: str
    agent: str
    stage: str
    request_ids: tuple[str, ...]


@dataclass(frozen=True)
class Run:
    """The head of a run's record: the item under its `requestId`, as it was read.

    Times are epoch milliseconds, except those in `_epoch_s`. `steps` holds the newest steps; earlier steps are on
    pages. `pages` lists the last `seq` of each page, oldest first. Waiting extends `expires_at_epoch_s`, at most to
    `pages_expire_at_epoch_s`, when all pages expire. `worker` is None until a worker claims the run.
    `result_json` is the result as JSON text. It is None until the run has ended, or if the result is in the results
    bucket under `result_key`. `reason` is an `EndReason` or another version's code; it is None until the run has ended,
    and in a record from before reasons were stored. If an API has started the run or the job, `query` is the beginning
    of its query without secrets, and `input_digest` names the private object with its input. A job's record also has
    its `playbook` and its planned `runs`.

    A run has one `part` for each worker's share: the first, and one more after each answer or hand-over. `part_tries`
    is how often the current part was handed to a worker, and `part_seq` the `seq` of the step that began it.
    `snapshot_key` names the object with the agent's last saved state, and `answers_key` the one with the last answers.
    A run that is a turn of a conversation has its `conversation_id`; `turn_snapshot_key` names the state from which it
    begins and, after its end, the one that it has saved.
    `waited_ms` is how long the run has waited for answers, without a wait that goes on. With the secret `task_token`,
    `run_closer` reports changes of the run to its job's execution.
    `crashes` is how many workers in a row have died since that state was named; None if the agent is not checkpointing.
    """

    request_id: str
    owner: Owner
    agent: str
    status: RunStatus
    seq: int
    steps: tuple[Step, ...]
    created_at_ms: int
    updated_at_ms: int
    expires_at_epoch_s: int
    pages_expire_at_epoch_s: int
    lease_until_ms: int
    job_id: str | None = None
    worker: str | None = None
    result_json: str | None = None
    error: str | None = None
    pages: tuple[int, ...] = ()
    cancel_requested_at_ms: int | None = None
    playbook: str | None = None
    runs: tuple[PlannedRun, ...] = ()
    result_key: str | None = None
    reason: str | None = None
    query: str | None = None
    input_digest: str | None = None
    part: int = 1
    part_tries: int = 1
    part_seq: int = 0
    snapshot_key: str | None = None
    answers_key: str | None = None
    conversation_id: str | None = None
    turn_snapshot_key: str | None = None
    waited_ms: int = 0
    task_token: str | None = field(default=None, repr=False)
    crashes: int | None = None

    @property
    def claim_number(self) -> int:
        """A number that grows from each worker that may claim the run to the next: by the part, then by its try."""
        return self.part * 1_000 + self.part_tries

    @property
    def part_has_begun(self) -> bool:
        """Whether a worker has recorded a step in the current part; before that, the agent has not begun it."""
        return self.part == 1 or self.seq > self.part_seq

    @property
    def part_is_queued(self) -> bool:
        """Whether the run continues in a later part that no worker has claimed yet."""
        return self.status is RunStatus.IN_PROGRESS and self.worker is None and not self.part_has_begun

    def elapsed_seconds(self, now_ms: int) -> float:
        """Return the seconds from the run's beginning to `now_ms`."""
        return max(0, now_ms - self.created_at_ms) / 1000

    def next_step(
        self, step: str, message: str, now_ms: int, *, status: str | None = None, metadata_json: str | None = None
    ) -> Step:
        """Return the step that follows the last one, for a write by another than the run's worker."""
        return Step(
            step=step,
            message=message,
            elapsed=self.elapsed_seconds(now_ms),
            timestamp=now_ms,
            seq=self.seq + 1,
            status=status,
            metadata_json=metadata_json,
        )

    def waited_until(self, now_ms: int) -> int:
        """Return for how long the run has waited for answers until `now_ms`, in milliseconds."""
        waiting = self.status is RunStatus.WAITING
        return self.waited_ms + (max(0, now_ms - self.updated_at_ms) if waiting else 0)

    @property
    def conversation_key(self) -> str | None:
        """The key of the item of the conversation whose turn this is; None outside a conversation."""
        return conversation_key(self.owner, self.conversation_id) if self.conversation_id else None

    @property
    def is_job(self) -> bool:
        """Whether this is the record of a job, which executes a playbook."""
        return self.playbook is not None

    @property
    def result(self) -> Any:
        """The result as a value; None if `result_json` is None."""
        return None if self.result_json is None else json.loads(self.result_json)

    @property
    def expires_at_ms(self) -> int:
        """When the record expires."""
        return self.expires_at_epoch_s * 1000


@dataclass(frozen=True)
class RunEnded:
    """The outcome of a run, or of one part that ends with a question, for code that acts on ended and waiting runs.

    Attributes:
        status: A terminal state, or `waiting`.
        reason: Why it ended, as in `Run.reason`.
        elapsed_seconds: From the creation of its record to its last step.
        steps: How many steps its record holds.
        questions: The open questions of a waiting run, as in `metadata.interrupts`; None of any other run.
    """

    request_id: str
    job_id: str | None
    agent: str
    owner: Owner
    status: RunStatus
    reason: str | None
    elapsed_seconds: float
    steps: int
    questions: Any = None

    @classmethod
    def of(cls, run: Run) -> RunEnded:
        """Return the outcome that a record with its steps describes."""
        return cls(
            run.request_id,
            run.job_id,
            run.agent,
            run.owner,
            run.status,
            run.reason,
            run.steps[-1].elapsed,
            steps=run.seq,
        )


def conversation_key(owner: Owner, conversation_id: str) -> str:
    """Return the key of a conversation's item. No record, page or hint has such a key."""
    return f"conversation#{hashlib.sha256(owner.key.encode()).hexdigest()}#{conversation_id}"


def with_metadata_object(answer: Json) -> Json:
    """Convert the metadata, if any, in a result of `Step.to_answer` from JSON text to an object."""
    metadata = answer.get("metadata")
    return answer if metadata is None else {**answer, "metadata": json.loads(metadata)}
