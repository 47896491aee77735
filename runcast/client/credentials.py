"""Keeps a token valid: ID tokens expire after an hour, and a run may be watched for longer.

All code gets its token here for each request. So one renewal serves all requests, and a live connection can detect
that its token has been replaced.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from runcast.client.sign_in import Identity
from runcast.clock import epoch_ms
from runcast.errors import Unauthorized, Unavailable

# Early enough for several attempts. A token with a lifetime under an hour is renewed in its last twelfth.
_RENEWED_EARLY_MS = 5 * 60 * 1000
_RENEWED_EARLY_SHARE = 1 / 12
_TRIED_AGAIN_AFTER_MS = 60 * 1000


class Credentials:
    """One user's identity, renewed before its token expires and whenever a service refuses the token.

    Args:
        identity: A newly issued identity.
        renew: Returns a replacement for an identity.
        now_ms: The time (epoch ms), from a clock that continues while the machine sleeps.
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
        """Return an identity with a valid token; renew it first if that is due.

        Raises:
            Unauthorized: The renewal was due and was refused.
            Unavailable: The token has expired, and Cognito cannot be reached or failed.
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
        """Return a replacement for an identity whose token a service has refused.

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
        # Counted from now, not read from the token, because Cognito's clock and the API's clock may differ.
        lifetime_ms = identity.lifetime_seconds * 1000
        self._identity = identity
        self._expires_ms = self._now_ms() + lifetime_ms
        self._due_ms = self._expires_ms - min(_RENEWED_EARLY_MS, lifetime_ms * _RENEWED_EARLY_SHARE)
