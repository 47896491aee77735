"""Counts the tokens of a run by model, and their cost, for the run's last step."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any

from runcast import limits
from runcast.record.model import Json
from runcast.record.prices import ModelPrice
from runcast.text import shortened

_MODELS_MAX = 5  # more would not fit in METADATA_ADDED_MAX_BYTES
_COST_DIGITS = 6


def total_tokens(tokens: Mapping[str, Any]) -> int:
    """Return how many tokens a model call has used, given its tokens by kind."""
    counts = [tokens.get(kind) for kind in ("totalTokens", "inputTokens", "outputTokens")]
    total, into, out = (count if isinstance(count, int) else 0 for count in counts)
    return total or into + out


class Usage:
    """Sums of tokens by model and kind. Thread-safe.

    Args:
        prices: What tokens cost, by model id.
    """

    def __init__(self, prices: Mapping[str, ModelPrice]) -> None:
        self._prices = prices
        self._tokens: dict[str | None, Counter[str]] = {}
        self._lock = threading.Lock()

    def add(self, tokens: Mapping[str, Any], model_id: str | None = None) -> None:
        """Add the tokens of one model call, by kind as Strands counts them: `inputTokens`, `outputTokens`, ..."""
        counted = {kind: count for kind, count in tokens.items() if isinstance(count, int)}
        with self._lock:
            self._tokens.setdefault(model_id or None, Counter()).update(counted)

    def total(self) -> int:
        """Return how many tokens were used in all."""
        with self._lock:
            return sum(total_tokens(tokens) for tokens in self._tokens.values())

    def by_model(self) -> list[tuple[str | None, dict[str, int]]]:
        """Return the sums of each model, as `add` takes them."""
        with self._lock:
            return [(model_id, dict(tokens)) for model_id, tokens in self._tokens.items()]

    def metadata(self) -> Json:
        """Return `usage`, `models` and `costUsd` for the last step; empty if no tokens were counted.

        The cost is left out unless the price of every model is known.
        """
        with self._lock:
            total = sum(self._tokens.values(), Counter[str]())
            models = [shortened(model_id, limits.NAME_MAX_CHARACTERS) for model_id in self._tokens if model_id]
            metadata: Json = {}
            if any(self._tokens.values()):
                metadata["usage"] = {kind: total[kind] for tokens in self._tokens.values() for kind in tokens}
                if models:
                    metadata["models"] = models[:_MODELS_MAX]
                if self._tokens.keys() <= self._prices.keys():
                    cost_usd = sum(
                        self._prices[model_id or ""].cost_usd(tokens) for model_id, tokens in self._tokens.items()
                    )
                    metadata["costUsd"] = round(cost_usd, _COST_DIGITS)
            return metadata
