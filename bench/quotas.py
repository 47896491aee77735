"""AWS's default quotas with their sources of 28 November 2026, and the concurrent runs that each of them suffices for.

Beside them are the keys of DynamoDB that the runs of one tenant share, because one partition serves a key.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from bench.demand import Demand
from bench.samples import sample_run
from bench.units import item_bytes

# Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
_PARTITION_WRITES, _PARTITION_READS = 1_000, 3_000
_INDEX_READ_BYTES = 2 * 4096  # for one unit: the index is read eventually consistently
_TOKEN_SECONDS = 3_600  # an ID token is valid for an hour, and a client then asks for another one
_AWS = "AWS"


@dataclass(frozen=True)
class Quota:
    """A default quota of AWS in us-east-1.

    Attributes:
        what: The service and what is limited, in the unit of `limit`.
        limit: The default.
        demand: What one concurrent run demands, in the same unit.
        remedy: What to do when it is reached.
        source: The page of AWS.
        read_at: Who the figure is from, if that page could not be read.
    """

    what: str
    limit: float
    demand: Callable[[Demand], float]
    remedy: str
    source: str
    read_at: str = _AWS

    def reached_at(self, demand: Demand) -> int:
        """Return the concurrent runs that the quota suffices for."""
        return math.floor(self.limit / self.demand(demand))


@dataclass(frozen=True)
class HotKey:
    """A key of DynamoDB that the runs of one tenant share, so that one partition serves it.

    Attributes:
        key: The table or the index, and the key.
        what: What each run does there.
        reached_at: The concurrent runs of one tenant that it suffices for.
        remedy: What to change beyond that.
    """

    key: str
    what: str
    reached_at: int
    remedy: str


_LAMBDA_QUOTAS = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"
_APPSYNC_QUOTAS = "https://docs.aws.amazon.com/general/latest/gr/appsync.html"
_DYNAMODB_QUOTAS = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html"
_STEP_FUNCTIONS_QUOTAS = "https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"
_BENCHMARKER = "[DiscreteTom](https://github.com/DiscreteTom/appsync-broadcast-benchmarker)"
_ALGOHOLIC = "[algoholic](https://algoholic.io/discussions/what-is-the-default-maximum-write-throughput-write-capacity)"

QUOTAS = (
    Quota(
        "Bedrock: tokens a minute of Claude Sonnet 4.6, global profile",
        6_000_000,
        lambda demand: demand.model_tokens * 60,
        "raise it; several models or accounts",
        "https://docs.aws.amazon.com/general/latest/gr/bedrock.html",
        "two public repositories that quote Service Quotas; new accounts have less",
    ),
    Quota(
        "Lambda: concurrent executions",
        1_000,
        lambda demand: demand.functions,
        "raise it, to tens of thousands; then agents elsewhere, or several accounts",
        _LAMBDA_QUOTAS,
    ),
    Quota(
        "Lambda: synchronous requests a second, 10 for each execution",
        10 * 1_000,
        lambda demand: demand.requests,
        "grows with the concurrency",
        _LAMBDA_QUOTAS,
    ),
    Quota(
        "AppSync: request tokens a second (5,000 or 10,000, by region)",
        5_000,
        lambda demand: demand.appsync_requests,
        "raise it; larger batches",
        "https://docs.aws.amazon.com/appsync/latest/devguide/monitoring.html",
    ),
    Quota(
        "AppSync: connections a second",
        200,
        lambda demand: demand.runs,
        "raise it; clients that keep their connection",
        _APPSYNC_QUOTAS,
        _BENCHMARKER,
    ),
    Quota(
        "AppSync: messages in a second",
        10_000,
        lambda demand: demand.messages,
        "raise it; one API for each group of tenants",
        _APPSYNC_QUOTAS,
        _BENCHMARKER,
    ),
    Quota(
        "AppSync: messages out a second",
        1_000_000,
        lambda demand: demand.messages,
        "raise it; each further client of a run counts again",
        _APPSYNC_QUOTAS,
        _BENCHMARKER,
    ),
    Quota(
        "DynamoDB: write units a second of a new table",
        4_000,
        lambda demand: demand.writes,
        "grow at most twofold in 30 minutes, or set the table's warm throughput",
        "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/warm-throughput-scenarios.html",
    ),
    Quota(
        "DynamoDB: write units a second of a table",
        40_000,
        lambda demand: demand.writes,
        "raise it",
        _DYNAMODB_QUOTAS,
        _ALGOHOLIC,
    ),
    Quota(
        "DynamoDB: read units a second of a table",
        40_000,
        lambda demand: demand.reads,
        "raise it",
        _DYNAMODB_QUOTAS,
        _ALGOHOLIC,
    ),
    Quota(
        "EventBridge: PutEvents a second",
        10_000,
        lambda demand: demand.runs,
        "raise it",
        "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html",
    ),
    Quota(
        "API Gateway: requests a second, if all clients use REST",
        10_000,
        lambda demand: demand.requests,
        "raise it",
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html",
    ),
    Quota(
        "Cognito: sign-ins and refreshes a second, one user for each run",
        120,
        lambda _: 1 / _TOKEN_SECONDS,
        "buy more, or sign in elsewhere",
        "https://docs.aws.amazon.com/cognito/latest/developerguide/quotas.html",
        "[gruntwork](https://github.com/gruntwork-io/terraform-aws-utilities/blob/main/docs/quotas.md)",
    ),
    Quota(
        "Step Functions: StartExecution a second",
        300,
        lambda demand: demand.jobs,
        "raise it",
        _STEP_FUNCTIONS_QUOTAS,
    ),
    Quota(
        "Step Functions: SendTaskSuccess a second",
        500,
        lambda demand: demand.job_runs,
        "raise it",
        _STEP_FUNCTIONS_QUOTAS,
    ),
    Quota(
        "Step Functions: state transitions a second",
        5_000,
        lambda demand: demand.transitions,
        "raise it",
        _STEP_FUNCTIONS_QUOTAS,
    ),
    Quota(
        "Step Functions: open executions",
        1_000_000,
        lambda demand: demand.open_jobs,
        "raise it",
        _STEP_FUNCTIONS_QUOTAS,
    ),
)


def hot_keys(demand: Demand) -> list[HotKey]:
    """Return the keys that the runs of one tenant share, those that suffice for the fewest runs first."""
    item = sample_run()
    batches = demand.appsync_requests - demand.requests
    entry_bytes = item_bytes({"requestId": item["requestId"], "openTenant": item["tenantId"], "owner": item["owner"]})
    # Each start counts all open runs of the tenant, so the reads grow with the square of the runs.
    counted = math.isqrt(math.floor(_PARTITION_READS * _INDEX_READ_BYTES / entry_bytes / demand.runs))
    return sorted(
        [
            HotKey(
                "index `openByTenant`, `openTenant`",
                "each start counts the tenant's open runs",
                counted,
                "a counter for each tenant instead of the count",
            ),
            HotKey(
                "index `openByTenant`, `openTenant`",
                "a write at a run's begin and one at its end",
                math.floor(_PARTITION_WRITES / (2 * demand.runs)),
                "a suffix that spreads the tenant over several keys",
            ),
            HotKey(
                "`user_sessions`, `tenantId`",
                "a read for each batch of messages, if no publisher remembers the session",
                math.floor(_PARTITION_READS / batches),
                "DynamoDB may split it by its range key, `userId`",
            ),
            HotKey(
                "`AgentProgress`, `#starts/TENANT/MINUTE`",
                "a write at each start",
                math.floor(_PARTITION_WRITES / demand.runs),
                "several counters for each tenant",
            ),
        ],
        key=lambda hot: hot.reached_at,
    )
