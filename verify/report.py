"""The report of a verification, in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from verify.checks import Result, counts
from verify.deployment import Deployment
from verify.verification import Figure


def report(
    deployment: Deployment,
    results: Sequence[Result],
    figures: Sequence[Figure],
    left: Sequence[str],
    *,
    account: str,
    at: datetime,
) -> str:
    """Return the report as text.

    Args:
        deployment: What was verified.
        results: The checks that were done.
        figures: What was measured.
        left: What could not be removed.
        account: The AWS account and the caller.
        at: When the verification began.
    """
    tls = "with TLS" if deployment.uses_tls else "without TLS: this is not AWS"
    removed = [f"- {line}" for line in left] or [
        "Everything that was created is removed, except log lines and the history of executions, which expire."
    ]
    return "\n".join(
        [
            "# Verification",
            "",
            f"{at:%Y-%m-%d %H:%M:%S %Z}, {account}, region {deployment.region}, {tls}",
            f"GraphQL {deployment.graphql_url}, REST {deployment.rest_url}",
            "",
            "| check | result | what it proves | what was seen | s |",
            "|---|---|---|---|---|",
            *(
                f"| {each.check.name} | {each.verdict.value} | {_cell(each.check.what)} | {_cell(each.detail)} |"
                f" {each.seconds:.1f} |"
                for each in results
            ),
            "",
            "| measured from this machine | |",
            "|---|---|",
            *(f"| {figure.what} | {figure.measured} |" for figure in figures),
            "",
            *removed,
            "",
            counts(results),
            "",
        ]
    )


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
