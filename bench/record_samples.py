"""`python -m bench.record_samples`: records `bench/samples.json` again, on a separate local machine."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from bench.imports import AGENT
from bench.jobs import job_seen
from bench.latency import QUERY, run_once
from bench.records import recorded_items
from bench.samples import SAMPLES
from bench.stack import measured_stack
from bench.watching import signed_in
from local.stack import LocalStack

_PLAYBOOK = "site-assessment"


def main() -> int:
    """Record a run and a job, and replace the file."""
    with measured_stack([]) as stack:
        samples = asyncio.run(_recorded(stack))
    SAMPLES.write_text(json.dumps(samples, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


async def _recorded(stack: LocalStack) -> Mapping[str, Any]:
    async with signed_in(stack) as client:
        await run_once(client, AGENT, QUERY)
        [run] = [item for item in recorded_items(stack) if "steps" in item]
        return {"run": run, "job": asdict(await job_seen(stack, client, _PLAYBOOK))}


if __name__ == "__main__":
    sys.exit(main())
