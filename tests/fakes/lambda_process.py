"""What a Lambda's process is to its code: an environment, and state that lives as long as the process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from chalicelib.agents import runner
from chalicelib.lifecycle import executions
from chalicelib.publisher import publish
from chalicelib.runtime import announce, clients, config


class Context:
    """The context that Lambda hands to a function."""

    def __init__(self, aws_request_id: str = "lambda-request-1", remaining_ms: int = 60_000) -> None:
        self.aws_request_id = aws_request_id
        self._remaining_ms = remaining_ms

    def get_remaining_time_in_millis(self) -> int:
        return self._remaining_ms


@contextmanager
def fresh_process() -> Iterator[None]:
    """Within this context, the code starts as in a new process, and leaves nothing behind."""
    _forget()
    try:
        yield
    finally:
        _forget()


def _forget() -> None:
    if runner._runner_of_environment.cache_info().currsize:
        runner._runner_of_environment().close()
    for kept in (
        clients.dynamodb,
        clients.run_store,
        clients.answering_store,
        clients.owner_counts,
        clients.live_invoker,
        clients.status_publisher,
        clients.events,
        announce.announcer,
        clients.invoker,
        clients.step_functions,
        executions.executions_of,
        clients.link_signer,
        clients.end_handover,
        clients.bedrock,
        clients.s3,
        clients.credentials,
        clients.tracer,
        config.config_of_environment,
        runner._runner_of_environment,
        publish._publisher_of_environment,
    ):
        kept.cache_clear()
