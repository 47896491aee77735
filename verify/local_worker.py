"""Runs of the verification whose worker is a process of this machine (`verify.worker`)."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import uuid
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from verify.deployment import Deployment
from verify.expecting import STEP_SECONDS, expect
from verify.users import User

_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class LocalWorker:
    """A worker on this machine.

    Attributes:
        process: Its process.
        event: The event with which it was started.
        invocation_id: The invocation that it claims to be.
    """

    process: Process
    event: Mapping[str, Any]
    invocation_id: str

    async def answer(self, *, seconds: float = STEP_SECONDS) -> dict[str, Any]:
        """Wait for its end; return the body of its answer."""
        assert self.process.stdout  # noqa: S101 - it is a pipe
        async with asyncio.timeout(seconds):
            line = await self.process.stdout.readline()
            await self.process.wait()
        expect(bool(line), "the run on this machine was interrupted")
        body: dict[str, Any] = json.loads(json.loads(line)["body"])
        return body

    async def kill(self) -> None:
        """Kill it, like a power failure."""
        self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def working(
    deployment: Deployment,
    owner: User,
    request_id: str,
    *,
    steps: int | None,
    pause_seconds: float,
    metadata: Mapping[str, Any] | None = None,
) -> AsyncIterator[LocalWorker]:
    """Do a run on this machine during the block; if the worker is still running at its end, it is killed.

    Args:
        deployment: Where it is recorded.
        owner: Whose run it is.
        request_id: The run.
        steps: How many steps to record; None to wait for a cancel.
        pause_seconds: The pause after each step.
        metadata: The metadata of each step, in addition to its number.
    """
    invocation_id = str(uuid.uuid4())
    event = {
        "query": "Record the steps of a verification.",
        "requestId": request_id,
        "userId": owner.user_id,
        "tenantId": owner.tenant_id,
        # A run with a waiting caller skips steps rather than answer late.
        "awaited": False,
    }
    order = {
        "event": event,
        "invocationId": invocation_id,
        "steps": steps,
        "pauseSeconds": pause_seconds,
        "metadata": dict(metadata or {}),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "verify.worker",
        cwd=_ROOT,
        env={**os.environ, **deployment.recorder_environment, "AWS_REGION": deployment.region},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # Ctrl-C is for the verification, which then cleans up.
        start_new_session=True,
    )
    try:
        assert process.stdin  # noqa: S101 - it is a pipe
        process.stdin.write(json.dumps(order).encode() + b"\n")
        process.stdin.close()
        yield LocalWorker(process, event, invocation_id)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
