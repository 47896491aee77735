"""Checks of jobs: done, cancelled by their user, and stopped by an operator."""

from __future__ import annotations

import time
from functools import partial

from verify.expecting import expect, until
from verify.verification import Figure, Verification
from verify.watching import watch_job, watch_to_its_end

_END_SECONDS = 120


async def job(v: Verification) -> str:
    """A job of the playbook, started and watched over GraphQL, completes with all its runs."""
    playbook, job_id = await v.playbook_name(), v.new_job_id()
    start = partial(v.user.api.start_job, playbook, v.wanted.query, parameters=None, job_id=job_id)
    began = time.perf_counter()
    _, outcome = await watch_to_its_end(watch_job(v, job_id, start))
    expect(outcome.status == "complete", f"it ended as {outcome.status}: {outcome.error or outcome}")
    expect(outcome.missing == 0, f"{outcome.missing} steps are missing: {outcome}")
    expect(outcome.received_live > 0, f"no step arrived live: {outcome}")
    v.figures.append(Figure(f"a job of {playbook}", f"{time.perf_counter() - began:.1f} s"))
    status, record = await v.rest(v.user, "GET", f"/runs/{job_id}")
    expect(status == 200 and record["status"] == "complete", f"GET /runs/{{jobId}} answers {status}: {record}")
    return f"{playbook}: {outcome}"


async def job_cancel(v: Verification) -> str:
    """A job that its user cancels ends as cancelled, with its runs, and its execution is stopped."""
    job_id = await _started(v)
    answer = await v.user.api.cancel_agent_run(job_id)
    expect(answer.status == "cancelled", f"cancelAgentRun answers {answer.to_json()}")
    await _execution_stopped(v, job_id)
    progress = await v.read_to_its_end(job_id, seconds=_END_SECONDS)

    async def runs_ended() -> bool | None:
        now = await v.read(job_id)
        return True if now and all(run.liveness in (None, "done") for run in now.runs) else None

    await until(runs_ended, "the end of the job's runs", seconds=_END_SECONDS)
    expect(progress.status == "cancelled", f"the job ended as {progress.status}: {progress.error}")
    return "job, runs and execution have stopped"


async def job_stopped(v: Verification) -> str:
    """A job whose execution an operator stops is ended by the rule that tells run_closer of it."""
    job_id = await _started(v)
    arn = v.deployment.execution_arn(job_id)
    await v.aws.call("stepfunctions", "stop_execution", executionArn=arn)
    began = time.perf_counter()
    progress = await v.read_to_its_end(job_id, seconds=_END_SECONDS)
    expect(progress.status == "cancelled", f"the job ended as {progress.status}: {progress.error}")
    v.figures.append(Figure("stop of an execution to the job's end", f"{time.perf_counter() - began:.1f} s"))
    return "ended as cancelled"


async def _started(v: Verification) -> str:
    """Start a job and wait until its first run is at work."""
    playbook, job_id = await v.playbook_name(), v.new_job_id()
    # The local machine's model obeys the words in brackets. A real one takes its time anyway.
    await v.user.api.start_job(playbook, f"[model:slow 8] {v.wanted.query}", parameters=None, job_id=job_id)

    async def at_work() -> bool | None:
        progress = await v.read(job_id)
        return True if progress and any(run.status for run in progress.runs) else None

    await until(at_work, "the job's first run", seconds=_END_SECONDS)
    return job_id


async def _execution_stopped(v: Verification, job_id: str) -> None:
    arn = v.deployment.execution_arn(job_id)

    async def stopped() -> bool | None:
        execution = await v.aws.call("stepfunctions", "describe_execution", executionArn=arn)
        return True if execution["status"] == "ABORTED" else None

    await until(stopped, "the stop of the job's execution")
