"""The table `AgentProgress`: every read and write of a run's record, each one request.

There is one writer per run, and one protocol: a write says what it believes the record to be (its claim, the last
`seq`, that the run is open) and DynamoDB refuses it otherwise, handing back the record as it stands. Whoever calls
decides what a refusal means; nothing here retries, so that the caller alone keeps the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as BotoConnectionError
from botocore.parsers import ResponseParserError

from runcast import limits
from runcast.clock import epoch_ms
from runcast.errors import AppendRefused, ClaimRefused, RunExists, StoreUnavailable
from runcast.record.model import Item, Owner, Run, RunStatus, Step, to_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

STORE_CLIENT_CONFIG = Config(
    connect_timeout=1, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 1}, tcp_keepalive=True
)
"""For the DynamoDB client of a `RunStore`: a second is all a run waits for its record."""

# Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
_TRANSIENT_CODES = {
    "InternalServerError",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "ThrottlingException",
    "TransactionConflictException",
}


@dataclass(frozen=True)
class End:
    """How a run ends (or pauses): what its last write sets beside the step."""

    status: RunStatus
    result_json: str | None = None
    error: str | None = None


class RunStore:
    """Reads and writes records.

    Args:
        client: A boto3 DynamoDB client made with `STORE_CLIENT_CONFIG`.
        table_name: The table.
        retention_seconds: How long a record is kept, from its creation.
        now_ms: The wall clock, epoch milliseconds.

    Every method raises `StoreUnavailable` when DynamoDB gave no answer in time or throttled; a write may then have
    taken effect all the same.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        table_name: str,
        *,
        retention_seconds: int = limits.RETENTION_SECONDS,
        now_ms: Callable[[], int] = epoch_ms,
    ) -> None:
        self._client = client
        self._table_name = table_name
        self._retention_seconds = retention_seconds
        self._now_ms = now_ms

    def create(self, request_id: str, *, owner: Owner, agent: str, job_id: str | None = None) -> Run:
        """Put the record of a run that nobody has claimed yet.

        Returns:
            The new record, with a lease of `QUEUED_LEASE_MS`.

        Raises:
            RunExists: The id is taken by a record that has not expired.
        """
        now_ms = self._now_ms()
        item = to_item(
            {
                "requestId": request_id,
                **_new_record(owner, agent, job_id, now_ms, self._retention_seconds),
                "updatedAt": now_ms,
                "leaseUntil": now_ms + limits.QUEUED_LEASE_MS,
            }
        )
        with _answers(lambda run: RunExists(f"There is a run {request_id} already.", run)):
            self._client.put_item(
                TableName=self._table_name,
                Item=item,
                ConditionExpression="attribute_not_exists(requestId) OR expiresAt <= :now_s",
                ExpressionAttributeValues=to_item({":now_s": now_ms // 1000}),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        return Run.from_item(item)

    def claim(
        self, request_id: str, *, worker: str, owner: Owner, agent: str, job_id: str | None, lease_until_ms: int
    ) -> Run:
        """Claim a run for one worker, creating its record if there is none.

        Returns:
            The record as claimed; owner, agent and creation time of an existing record win over the arguments.

        Raises:
            ClaimRefused: Somebody has claimed it already, or it has ended.
        """
        now_ms = self._now_ms()
        defaults = _new_record(owner, agent, job_id, now_ms, self._retention_seconds)
        values = {**defaults, "worker": worker, "updatedAt": now_ms, "leaseUntil": lease_until_ms}
        values = {name: value for name, value in values.items() if value is not None}
        sets = [
            f"#{name} = if_not_exists(#{name}, :{name})" if name in defaults else f"#{name} = :{name}"
            for name in values
        ]
        with _answers(lambda run: ClaimRefused(f"Run {request_id} has been claimed already, or has ended.", run)):
            answer = self._client.update_item(
                TableName=self._table_name,
                Key=to_item({"requestId": request_id}),
                UpdateExpression="SET " + ", ".join(sets),
                ConditionExpression="attribute_not_exists(#worker)"
                " AND (attribute_not_exists(#status) OR #status = :status)",
                ExpressionAttributeNames={f"#{name}": name for name in values},
                ExpressionAttributeValues=to_item({f":{name}": value for name, value in values.items()}),
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        return Run.from_item(answer["Attributes"])

    def append(
        self,
        request_id: str,
        *,
        worker: str,
        expected_seq: int,
        lease_until_ms: int,
        steps: Sequence[Step] = (),
        end: End | None = None,
    ) -> None:
        """Append steps, renew the lease and, with `end`, set what the run came to: one write, all or nothing.

        Without steps it is a heartbeat.

        Raises:
            AppendRefused: The run has ended, or is not this worker's, or its `seq` is not `expected_seq`.
        """
        values: dict[str, Any] = {
            "seq": expected_seq + len(steps),
            "updatedAt": self._now_ms(),
            "leaseUntil": lease_until_ms,
        }
        if end:
            values |= {"status": end.status.value, "result": end.result_json, "error": end.error}
            values = {name: value for name, value in values.items() if value is not None}
        sets = [f"#{name} = :{name}" for name in values]
        attributes = to_item({f":{name}": value for name, value in values.items()})
        if steps:
            sets.append("#steps = list_append(#steps, :steps)")
            attributes[":steps"] = {"L": [step.to_attribute() for step in steps]}
        attributes |= to_item(
            {
                ":expected": expected_seq,
                ":me": worker,
                ":in_progress": RunStatus.IN_PROGRESS.value,
                ":waiting": RunStatus.WAITING.value,
            }
        )
        names = {*values, "status", "worker", *(["steps"] if steps else [])}
        with _answers(lambda run: AppendRefused(f"The record of run {request_id} is not as it was left.", run)):
            self._client.update_item(
                TableName=self._table_name,
                Key=to_item({"requestId": request_id}),
                UpdateExpression="SET " + ", ".join(sets),
                ConditionExpression="#status IN (:in_progress, :waiting) AND #seq = :expected AND #worker = :me",
                ExpressionAttributeNames={f"#{name}": name for name in names},
                ExpressionAttributeValues=attributes,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )

    def end_unclaimed(self, request_id: str, *, message: str) -> bool:
        """End, as `error`, a run that was put but could not be handed to a worker.

        Returns:
            Whether it was ended; False if a worker has claimed it after all.
        """
        now_ms = self._now_ms()
        step = Step(step="error", message=message, elapsed=0.0, timestamp=now_ms, seq=1, status="agent_error")
        try:
            with _answers(lambda run: AppendRefused(f"Run {request_id} has been claimed after all.", run)):
                self._client.update_item(
                    TableName=self._table_name,
                    Key=to_item({"requestId": request_id}),
                    UpdateExpression="SET #status = :error, #error = :message, #seq = :one, #steps = :steps,"
                    " #updatedAt = :now",
                    ConditionExpression="#status = :in_progress AND attribute_not_exists(#worker)",
                    ExpressionAttributeNames={
                        f"#{name}": name for name in ("status", "error", "seq", "steps", "updatedAt", "worker")
                    },
                    ExpressionAttributeValues={
                        **to_item(
                            {
                                ":error": RunStatus.ERROR.value,
                                ":message": message,
                                ":one": 1,
                                ":now": now_ms,
                                ":in_progress": RunStatus.IN_PROGRESS.value,
                            }
                        ),
                        ":steps": {"L": [step.to_attribute()]},
                    },
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
        except AppendRefused:
            return False
        return True

    def read(self, request_id: str) -> Run | None:
        """Return the record, read consistently; None if there is none or it has expired.

        DynamoDB may delete an expired item days late, so the reader decides.
        """
        with _answers(None):
            answer = self._client.get_item(
                TableName=self._table_name, Key=to_item({"requestId": request_id}), ConsistentRead=True
            )
        if "Item" not in answer:
            return None
        run = Run.from_item(answer["Item"])
        return run if run.expires_at_epoch_s * 1000 > self._now_ms() else None


def _new_record(owner: Owner, agent: str, job_id: str | None, now_ms: int, retention_seconds: int) -> dict[str, Any]:
    """What a record holds from its beginning, whoever writes it first."""
    return {
        "steps": [],
        "status": RunStatus.IN_PROGRESS.value,
        "seq": 0,
        "createdAt": now_ms,
        "expiresAt": now_ms // 1000 + retention_seconds,
        "tenantId": owner.tenant_id,
        "userId": owner.user_id,
        "owner": owner.key,
        "agent": agent,
        "jobId": job_id,
    }


@contextmanager
def _answers(refusal: Callable[[Run], Exception] | None) -> Iterator[None]:
    """Turn what DynamoDB may answer into our errors: refused by condition, or no answer that can be relied on."""
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        item: Item | None = error.response.get("Item")  # type: ignore[assignment]
        if code == "ConditionalCheckFailedException" and refusal and item:
            raise refusal(Run.from_item(item)) from error
        if code in _TRANSIENT_CODES:
            raise StoreUnavailable(f"DynamoDB answered {code}. Try again.") from error
        raise
    except (BotoConnectionError, HTTPClientError, ResponseParserError) as error:
        raise StoreUnavailable(f"DynamoDB gave no answer: {error}. Try again.") from error
