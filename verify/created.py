"""Tracks and removes everything that a verification creates."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from botocore.exceptions import BotoCoreError, ClientError

from runcast.errors import RuncastError
from runcast.record.cancel import cancel
from runcast.record.items import cancel_hint_id, page_id
from runcast.record.model import Owner, Run
from runcast.record.store import RunStore
from verify.deployment import Aws, Deployment

_STOP_SECONDS = 30
_PAGE_IDS = 100
ROLE_POLICY = "access"
_GONE = frozenset({"ExecutionDoesNotExist", "NoSuchEntity", "ResourceNotFoundException", "UserNotFoundException"})


@dataclass
class Created:
    """The names of what was created. A name is noted before its creation, so it need not exist.

    Attributes:
        user_names: Temporary users.
        owners: The owners of the records of the temporary users.
        run_ids: Runs.
        job_ids: Jobs.
        object_keys: Uploads in the bucket.
        function_names: Functions, each with a role of the same name.
    """

    user_names: list[str] = field(default_factory=list)
    owners: list[Owner] = field(default_factory=list)
    run_ids: set[str] = field(default_factory=set)
    job_ids: set[str] = field(default_factory=set)
    object_keys: set[str] = field(default_factory=set)
    function_names: list[str] = field(default_factory=list)


def remove(created: Created, deployment: Deployment, aws: Aws, *, say: Callable[[str], None]) -> list[str]:
    """Stop all running work, then remove everything that was created. Idempotent.

    Returns:
        What could not be removed, and why, one line each.
    """
    removal = _Removal(created, deployment, aws)
    removal.stop_executions()
    removal.find_runs()
    removal.end_runs()
    count = removal.remove_records()
    removal.remove_users()
    removal.remove_functions()
    say(f"Removed {count} records and {len(created.user_names)} users.")
    return removal.left


class _Removal:
    def __init__(self, created: Created, deployment: Deployment, aws: Aws) -> None:
        self._created = created
        self._deployment = deployment
        self._aws = aws
        self._table = deployment.agent_progress_table_name
        self._store = RunStore(aws.client("dynamodb"), self._table)
        self._ids = created.run_ids | created.job_ids
        self.left: list[str] = []

    def stop_executions(self) -> None:
        for job_id in self._created.job_ids:
            arn = self._deployment.execution_arn(job_id)
            with self._noting(f"execution {arn}"):
                executions = self._aws.client("stepfunctions")
                if executions.describe_execution(executionArn=arn)["status"] == "RUNNING":
                    executions.stop_execution(executionArn=arn)

    def find_runs(self) -> None:
        """Find the jobs' runs and all other runs of the temporary users."""
        for job_id in self._created.job_ids:
            if job := self._read(job_id):
                self._ids |= {request_id for run in job.runs for request_id in run.request_ids}
        for owner in self._created.owners:
            after = None
            with self._noting(f"records of {owner.key}"):
                while True:
                    ids, after = self._store.newest_ids(owner, limit=_PAGE_IDS, after=after)
                    self._ids |= set(ids)
                    if after is None:
                        break

    def end_runs(self) -> None:
        """Stop the workers and wait for them: a running worker could write its record again."""
        open_ids = {run.request_id for run in self._runs() if not run.status.ended}
        for run in self._runs():
            with self._noting(f"run {run.request_id}"):
                cancel(self._store, run.owner, run.request_id)
        deadline = time.monotonic() + _STOP_SECONDS
        while open_ids and time.monotonic() < deadline:
            time.sleep(0.5)
            open_ids = {run.request_id for run in self._runs() if not run.status.ended}

    def remove_records(self) -> int:
        """Delete the records with their objects, the uploads and the sessions; return the number of records."""
        runs = self._runs()
        dynamodb, s3 = self._aws.client("dynamodb"), self._aws.client("s3")
        bucket = self._deployment.results_bucket_name
        for run in runs:
            pages = [page_id(run.request_id, last_seq) for last_seq in run.pages]
            for key in (*pages, cancel_hint_id(run.request_id, run.worker or ""), run.request_id):
                with self._noting(f"record {key}"):
                    dynamodb.delete_item(TableName=self._table, Key={"requestId": {"S": key}})
            if run.result_key:
                with self._noting(f"object {run.result_key}"):
                    s3.delete_object(Bucket=bucket, Key=run.result_key)
        for key in self._created.object_keys:
            with self._noting(f"object {key}"):
                s3.delete_object(Bucket=bucket, Key=key)
        for owner in self._created.owners:
            inputs = f"inputs/{hashlib.sha256(owner.key.encode()).hexdigest()}/"
            with self._noting(f"objects {inputs}"):
                for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=inputs):
                    for each in page.get("Contents", ()):
                        s3.delete_object(Bucket=bucket, Key=each["Key"])
            session = {"tenantId": {"S": owner.tenant_id}, "userId": {"S": owner.user_id}}
            with self._noting(f"session of {owner.key}"):
                dynamodb.delete_item(TableName=self._deployment.user_sessions_table_name, Key=session)
        return len(runs)

    def remove_users(self) -> None:
        for name in self._created.user_names:
            with self._noting(f"user {name}"):
                self._aws.client("cognito-idp").admin_delete_user(
                    UserPoolId=self._deployment.user_pool_id, Username=name
                )

    def remove_functions(self) -> None:
        """Delete the functions and their roles."""
        for name in self._created.function_names:
            with self._noting(f"function {name}"):
                self._aws.client("lambda").delete_function(FunctionName=name)
            with self._noting(f"policy of the role {name}"):
                self._aws.client("iam").delete_role_policy(RoleName=name, PolicyName=ROLE_POLICY)
            with self._noting(f"role {name}"):
                self._aws.client("iam").delete_role(RoleName=name)

    def _runs(self) -> list[Run]:
        return [run for request_id in self._ids if (run := self._read(request_id))]

    def _read(self, request_id: str) -> Run | None:
        with self._noting(f"record {request_id}"):
            return self._store.read(request_id)
        return None

    @contextmanager
    def _noting(self, what: str) -> Iterator[None]:
        """Note what could not be removed, and continue. A missing item is not a failure."""
        try:
            yield
        except ClientError as error:
            if error.response["Error"]["Code"] not in _GONE:
                self.left.append(f"{what}: {error}")
        except (BotoCoreError, RuncastError) as error:
            self.left.append(f"{what}: {error}")
