"""What each concurrent run demands of AWS in a second.

A concurrent run is replaced by the next one when it ends, so its demand is what one run uses divided by its duration,
spread evenly. What a run uses is counted from `bench.samples` by `bench.costs`.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench.costs import ASSUMED, JobSeen, model_of, seconds_of_run, units_of_job, units_of_run
from bench.samples import sample_job, sample_run

# The quota counts a token out as five.
# Source: https://docs.aws.amazon.com/bedrock/latest/userguide/quotas-token-burndown.html
_TOKEN_OUT_WEIGHT = 5


@dataclass(frozen=True)
class Demand:
    """What each concurrent run uses in a second, on average.

    Attributes:
        runs: Runs that begin, and that end.
        functions: Concurrent executions of Lambda: the agent, and parts of the small functions.
        requests: Starts and reads by clients.
        appsync_requests: Those, and each batch of messages.
        messages: Messages that AppSync takes in, and sends to one client.
        writes: DynamoDB's write units, those of the indexes included.
        reads: DynamoDB's read units.
        model_tokens: Tokens as Bedrock's quota counts them.
        jobs: Jobs that begin, if each run belongs to one.
        open_jobs: Executions that are open, if each run belongs to a job.
        job_runs: Runs that are reported to their job.
        transitions: States that these jobs enter.
        dollars: The price without the model.
        model_dollars: The price of the model.
    """

    runs: float
    functions: float
    requests: float
    appsync_requests: float
    messages: float
    writes: float
    reads: float
    model_tokens: float
    jobs: float
    open_jobs: float
    job_runs: float
    transitions: float
    dollars: float
    model_dollars: float


def demand_of_samples() -> Demand:
    """Return what each concurrent run demands, if all are like the sample."""
    item, job = sample_run(), sample_job()
    units, seconds = units_of_run(item), seconds_of_run(item)
    small = units.invocations - 1  # each invocation but the agent's comes with one request to AppSync
    tokens_in, tokens_out, model_dollars = model_of(units)
    job_run_seconds = sum(map(seconds_of_run, job.runs))
    return Demand(
        runs=1 / seconds,
        functions=1 + small * ASSUMED.small_function_seconds / seconds,
        requests=(1 + ASSUMED.reads_per_record) / seconds,
        appsync_requests=small / seconds,
        messages=len(item["steps"]["L"]) / seconds,
        writes=units.writes / seconds,
        reads=units.reads / seconds,
        model_tokens=(tokens_in + _TOKEN_OUT_WEIGHT * tokens_out) / seconds,
        jobs=1 / job_run_seconds,
        open_jobs=_seconds_of_job(job) / job_run_seconds,
        job_runs=len(job.runs) / job_run_seconds,
        transitions=units_of_job(job).transitions / job_run_seconds,
        dollars=units.dollars() / seconds,
        model_dollars=model_dollars / seconds,
    )


def _seconds_of_job(job: JobSeen) -> float:
    """How long a job takes: its agents, one after the other, and the model's summary."""
    return sum(map(seconds_of_run, job.runs)) + ASSUMED.model_call_seconds
