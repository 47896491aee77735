"""One run and one job, recorded on the local machine, from which the documents' costs and limits are computed.

They are kept in a file, so that the figures can be computed in seconds and compared by tests. `python -m bench.samples`
records them again.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.costs import JobSeen
from bench.imports import AGENT
from bench.jobs import job_seen
from bench.latency import QUERY, run_once
from bench.stack import measured_stack
from bench.watching import signed_in
from local.stack import LocalStack

_FILE = Path(__file__).with_name("samples.json")
_PLAYBOOK = "site-assessment"


def sample_run() -> Mapping[str, Any]:
    """Return the item of a run of the agent `terrain` on a cold worker, as DynamoDB holds it."""
    item: Mapping[str, Any] = _samples()["run"]
    return item


def sample_job() -> JobSeen:
    """Return a job of the playbook `site-assessment`, on warm functions."""
    return JobSeen(**_samples()["job"])


def _samples() -> Mapping[str, Any]:
    samples: Mapping[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return samples


def main() -> int:
    """Record both on a separate local machine, and replace the file."""
    with measured_stack([]) as stack:
        samples = asyncio.run(_recorded(stack))
    _FILE.write_text(json.dumps(samples, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


async def _recorded(stack: LocalStack) -> Mapping[str, Any]:
    async with signed_in(stack) as client:
        await run_once(client, AGENT, QUERY)
        table = stack.client("dynamodb").scan(TableName=stack.state.outputs["agent_progress_table_name"])
        [run] = [item for item in table["Items"] if "steps" in item]
        return {"run": run, "job": asdict(await job_seen(stack, client, _PLAYBOOK))}


if __name__ == "__main__":
    sys.exit(main())
