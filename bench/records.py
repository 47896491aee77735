"""Reads the items of the measured runs and jobs as DynamoDB holds them, the attributes' types included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from local.stack import LocalStack


def recorded_items(stack: LocalStack) -> Sequence[Mapping[str, Any]]:
    """Return all items of `AgentProgress`: one answer of DynamoDB has 1 MB at most, and a burst of steps fills it.

    Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Scan.html
    """
    pages = stack.client("dynamodb").get_paginator("scan")
    table = stack.state.outputs["agent_progress_table_name"]
    return [item for page in pages.paginate(TableName=table, ConsistentRead=True) for item in page["Items"]]
