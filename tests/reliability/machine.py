"""The machine of a worker in a history: its clocks are wrong and jump; only the server has the right time."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import formatdate
from types import SimpleNamespace
from typing import Any

from runcast.clock import ServerClock

BOOTED_SECONDS = 5_000.0


class Machine:
    """One worker's clocks.

    Args:
        server_ms: The time of the history, which is the server's.
        off_ms: How far the wall clock is off.

    Attributes:
        now_ms: The worker's clock, which listens to the server.
    """

    def __init__(self, server_ms: Callable[[], int], off_ms: int) -> None:
        self._server_ms = server_ms
        self._off_ms = off_ms
        self._booted_ms = server_ms()
        self._stopped_ms = 0
        self.now_ms = ServerClock(self._wall_ms, monotonic=self.seconds)

    def seconds(self) -> float:
        """The monotonic clock, which has nothing to do with the wall clock."""
        return BOOTED_SECONDS + (self._server_ms() - self._booted_ms - self._stopped_ms) / 1000

    def jump(self, milliseconds: int) -> None:
        """Set the wall clock."""
        self._off_ms += milliseconds

    def freeze(self, milliseconds: int) -> None:
        """The monotonic clock has stopped for so long."""
        self._stopped_ms += milliseconds

    def client(self, client: Any) -> Any:
        """Return the worker's own client, whose responses have a `Date`, as the server's do."""
        dated: Any = _DatedClient(client, self._server_ms)
        self.now_ms.listen(dated)
        return dated

    def _wall_ms(self) -> int:
        return self._server_ms() + self._off_ms


class _DatedClient:
    def __init__(self, client: Any, server_ms: Callable[[], int]) -> None:
        self._client = client
        self._server_ms = server_ms
        self._handlers: dict[str, Callable[..., None]] = {}
        self.meta = SimpleNamespace(
            service_model=SimpleNamespace(service_id=SimpleNamespace(hyphenize=lambda: "dynamodb")),
            events=SimpleNamespace(register=self._handlers.__setitem__),
        )

    def __getattr__(self, name: str) -> Callable[..., Any]:
        operation = getattr(self._client, name)

        def call(**asked: Any) -> Any:
            context: dict[str, Any] = {}
            self._handlers["before-call.dynamodb"](context=context)
            try:
                return operation(**asked)
            finally:
                response = SimpleNamespace(headers={"Date": formatdate(self._server_ms() // 1000, usegmt=True)})
                self._handlers["after-call.dynamodb"](http_response=response, context=context)

        return call
