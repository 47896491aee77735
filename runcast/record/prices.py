"""What tokens cost, by model. The environment gives the prices, because they differ by account, region and day."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runcast.errors import InvalidInput

_PER_TOKENS = 1_000_000
_KINDS = {
    "inputTokens": "input",
    "outputTokens": "output",
    "cacheReadInputTokens": "cache_read",
    "cacheWriteInputTokens": "cache_write",
}


@dataclass(frozen=True)
class ModelPrice:
    """What one model costs, in USD per million tokens.

    Attributes:
        input: Tokens that it reads and that were not in its cache.
        output: Tokens that it writes.
        cache_read: Tokens that it reads from its cache; `input` if not given.
        cache_write: Tokens that it writes to its cache; `input` if not given.
    """

    input: float
    output: float
    cache_read: float | None = None
    cache_write: float | None = None

    def cost_usd(self, tokens: Mapping[str, int]) -> float:
        """Return the cost of tokens.

        Args:
            tokens: By kind, as Strands counts them: `inputTokens` (without those of the cache), `outputTokens`,
                `cacheReadInputTokens`, `cacheWriteInputTokens`. Other kinds are sums of these, and cost nothing.
        """
        return sum(count * self._price(_KINDS[kind]) for kind, count in tokens.items() if kind in _KINDS) / _PER_TOKENS

    def _price(self, kind: str) -> float:
        price = getattr(self, kind)
        return self.input if price is None else price


def prices_of(text: str) -> Mapping[str, ModelPrice]:
    """Parse a price table.

    Args:
        text: A JSON object: for each model id an object of `input`, `output` and, optionally, `cache_read` and
            `cache_write`. Empty for none.

    Raises:
        InvalidInput: The text has another format.
    """
    try:
        return {model_id: ModelPrice(**_checked(price)) for model_id, price in json.loads(text or "{}").items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise InvalidInput(
            "MODEL_PRICES must be a JSON object that gives, for each model id, USD for a million tokens: "
            '{"model": {"input": 3, "output": 15, "cache_read": 0.3, "cache_write": 3.75}}. '
            f"It is {text[:200]!r}."
        ) from error


def _checked(price: Mapping[str, Any]) -> Mapping[str, Any]:
    for usd in price.values():
        if usd is not None and (isinstance(usd, bool) or not 0 <= usd < math.inf):
            raise ValueError
    return price
