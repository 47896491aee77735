"""A live connection that reconnects when it breaks, falls silent, or its token is replaced.

It does not guarantee delivery. It only guarantees to report when messages may have been lost, so that the client
reads the record.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from runcast.client.credentials import Credentials
from runcast.client.live import Subscription
from runcast.client.patience import Patience
from runcast.client.sign_in import Identity
from runcast.errors import RuncastError

HEARD_MAX_MESSAGES = 1_000
"""How many messages are buffered for a slow consumer. Further messages are dropped, because the record has them."""

Hear = Callable[[dict[str, Any]], None]


class Connection:
    """The live status messages of one run or job, until it is closed.

    Args:
        subscribe: Opens a live connection for an identity, and passes each message to the given function.
        credentials: The user's credentials; when they are renewed, a new connection replaces the old one.
        patience: The pauses between attempts, and how many failures mean that connections are blocked.
        notify: Called with a sentence when the connection is lost and when it is back.
        random: Returns a number from 0 to 1.
        wake: Called when `take()` has something to return.
    """

    def __init__(
        self,
        subscribe: Callable[[Identity, Hear], Awaitable[Subscription]],
        credentials: Credentials,
        *,
        patience: Patience,
        notify: Callable[[str], None],
        random: Callable[[], float],
        wake: Callable[[], None],
    ) -> None:
        self._subscribe = subscribe
        self._credentials = credentials
        self._patience = patience
        self._notify = notify
        self._random = random
        self._wake = wake
        self._standing: Subscription | None = None
        self._failures = 0
        self._said_blocked = False
        self._heard: list[dict[str, Any]] = []
        self._in_doubt = False
        self._tried = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    @property
    def live(self) -> bool:
        """Whether there is a connection now."""
        return self._standing is not None

    async def open(self) -> None:
        """Connect for the first time; return when the connection is ready or the first attempt has failed."""
        self._keeper = asyncio.create_task(self._keep())
        await self._tried.wait()

    def take(self) -> tuple[list[dict[str, Any]], bool]:
        """Return the messages since the last call, each a GraphQL `StatusUpdate`, and whether others may be lost.

        Messages are lost when the connection breaks, and dropped when the buffer is full.
        """
        taken = self._heard, self._in_doubt
        self._heard, self._in_doubt = [], False
        return taken

    async def close(self) -> None:
        """Close the connection permanently."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
            if not self._keeper.cancelled():
                self._keeper.result()

    async def _keep(self) -> None:
        try:
            while True:
                try:
                    identity = await self._credentials.valid()
                    await self._replace(await self._subscribe(identity, self._take))
                    await self._until_outdated(identity)
                except RuncastError as error:
                    self._failures += 1
                    await self._fall(error)
                    await asyncio.sleep(self._patience.pause_seconds(self._failures, self._random))
        finally:
            self._tried.set()
            if self._standing is not None:
                await self._standing.close()
                self._standing = None

    async def _replace(self, fresh: Subscription) -> None:
        # Close a working old connection last, so that one connection is always listening.
        old, self._standing = self._standing, fresh
        if old is None and self._tried.is_set():
            self._doubt()
            self._notify("The live connection is back; reading the missed steps.")
        self._tried.set()
        if old is not None:
            await old.close()

    async def _until_outdated(self, identity: Identity) -> None:
        """Return when the connection's token has been replaced; raise when the connection ends."""
        assert self._standing is not None  # noqa: S101 - set by the caller
        ended = self._standing.ended
        renewed = asyncio.create_task(self._credentials.changed_from(identity))
        try:
            await asyncio.wait({ended, renewed}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            renewed.cancel()
        if ended.done():
            raise ended.result()

    async def _fall(self, error: RuncastError) -> None:
        how_else = f"reading the record every {self._patience.poll:g} s instead"
        broken, self._standing = self._standing, None
        if broken is not None:
            self._notify(f"The live connection broke ({error}); {how_else}, and trying again.")
        elif not self._tried.is_set():
            self._notify(f"No live connection ({error}); {how_else}, and trying again.")
        if self._failures == self._patience.tries and not self._said_blocked:
            self._said_blocked = True
            self._notify(
                f"The live connection has failed {self._failures} times in a row ({error}); WebSockets may be blocked"
                f" here. From now on {how_else}; nothing is missed. The client will retry rarely."
            )
        self._tried.set()
        if broken is not None:
            self._doubt()
            await broken.close()

    def _take(self, update: dict[str, Any]) -> None:
        # Only a message proves that the connection works: some networks keep it open and deliver nothing.
        self._failures = 0
        if len(self._heard) < HEARD_MAX_MESSAGES:
            self._heard.append(update)
            self._wake()
        else:
            self._doubt()

    def _doubt(self) -> None:
        self._in_doubt = True
        self._wake()
