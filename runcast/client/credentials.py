"""A token that stays valid: ID tokens live for an hour, and runs may be watched for longer.

Whoever needs a token asks here each time. So one renewal serves everybody, and a live connection can see that the
token it was made with has been replaced.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from runcast.client.sign_in import Identity
from runcast.clock import epoch_ms
from runcast.errors import Unauthorized, Unavailable

# Early enough for several tries. A token that lives for less than an hour is renewed in its last twelfth.
_RENEWED_EARLY_MS = 5 * 60 * 1000
_RENEWED_EARLY_SHARE = 1 / 12
_TRIED_AGAIN_AFTER_MS = 60 * 1000


class Credentials:
    """One user's proof of identity, renewed before it expires and whenever it is refused.

    Args:
        identity: As it has just been issued.
        renew: Gets another one in the place of this one.
        now_ms: The time (epoch ms), by a clock that goes on while a machine sleeps.
    """

    def __init__(
        self,
        identity: Identity,
        renew: Callable[[Identity], Awaitable[Identity]],
        *,
        now_ms: Callable[[], int] = epoch_ms,
    ) -> None:
        self._renew = renew
        self._now_ms = now_ms
        self._one_renewal = asyncio.Lock()
        self._renewed = asyncio.Event()
        self._identity = identity
        self._expires_ms = self._due_ms = 0.0
        self._take(identity)

    async def valid(self) -> Identity:
        """Return an identity whose token has not expired, renewing it first where that is due.

        Raises:
            Unauthorized: It is due and was refused.
            Unavailable: It has expired, and Cognito cannot be reached or failed.
        """
        if self._now_ms() < self._due_ms:
            return self._identity
        async with self._one_renewal:
            if self._now_ms() >= self._due_ms:
                try:
                    await self._replace()
                except Unavailable:
                    if self._now_ms() >= self._expires_ms:
                        raise
                    self._due_ms = min(self._now_ms() + _TRIED_AGAIN_AFTER_MS, self._expires_ms)
            return self._identity

    async def instead_of(self, refused: Identity) -> Identity:
        """Return another identity than the one whose token a service has refused.

        Raises:
            Unauthorized: The renewal was refused.
            Unavailable: Cognito cannot be reached, or failed.
        """
        async with self._one_renewal:
            if self._identity is refused:
                await self._replace()
            return self._identity

    async def changed_from(self, identity: Identity) -> None:
        """Wait until this identity has been replaced."""
        while self._identity is identity:
            await self._renewed.wait()

    async def _replace(self) -> None:
        try:
            self._take(await self._renew(self._identity))
        except Unauthorized as error:
            raise Unauthorized(f"Your sign-in has expired and was not renewed. {error} Sign in again.") from error
        self._renewed.set()
        self._renewed = asyncio.Event()

    def _take(self, identity: Identity) -> None:
        # Counted from now, not read from the token: Cognito's clock and that of the other answers need not agree.
        lifetime_ms = identity.lifetime_seconds * 1000
        self._identity = identity
        self._expires_ms = self._now_ms() + lifetime_ms
        self._due_ms = self._expires_ms - min(_RENEWED_EARLY_MS, lifetime_ms * _RENEWED_EARLY_SHARE)
