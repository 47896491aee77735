"""Lets running invocations finish when their function is updated or deleted, as on AWS.

MiniStack kills all workers of such a function, so each deployment would end the runs in flight. Here a worker that is
busy gets no further invocation, and ends after the one that it works on.

Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

from collections.abc import Iterable
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

_kill = lambda_runtime.kill_workers
_retired: set[Any] = set()


def install_updates() -> None:
    """Replaces the parts of MiniStack's Lambda that kill and release workers."""
    release = lambda_svc.release_worker

    def kill_or_retire(workers: Iterable[Any]) -> None:
        workers = set(workers)
        with lambda_runtime._lock:
            # A worker's own lock is held while its handler runs.
            busy = {worker for worker in workers if worker.in_use and worker._lock.locked()}
            _retired.update(busy)
        _kill(workers - busy)

    def release_or_kill(worker: Any) -> None:
        release(worker)
        if worker in _retired:
            _retired.discard(worker)
            _kill([worker])

    lambda_runtime.kill_workers = kill_or_retire
    lambda_svc.release_worker = release_or_kill


def end_retired() -> None:
    """Ends the workers that still work on an invocation from before an update."""
    _kill(_retired)
    _retired.clear()
