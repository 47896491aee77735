"""The tokens that a run's models used, and which models these were. The run's last step carries both."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any

from runcast import limits
from runcast.record.model import Json
from runcast.text import shortened

_MODELS_MAX = 5  # more would not fit in METADATA_ADDED_MAX_BYTES


class Usage:
    """Sums of tokens by kind. Thread-safe."""

    def __init__(self) -> None:
        self._tokens: Counter[str] = Counter()
        self._models: dict[str, None] = {}
        self._lock = threading.Lock()

    def add(self, tokens: Mapping[str, Any], model_id: str | None = None) -> None:
        """Add the tokens of one model call, by kind as Strands counts them: `inputTokens`, `outputTokens`, ..."""
        with self._lock:
            self._tokens.update({kind: count for kind, count in tokens.items() if isinstance(count, int)})
            if model_id and len(self._models) < _MODELS_MAX:
                self._models[shortened(model_id, limits.NAME_MAX_CHARACTERS)] = None

    def metadata(self) -> Json:
        """Return `usage` and `models` for the last step; empty if no tokens were counted."""
        with self._lock:
            if not self._tokens:
                return {}
            return {"usage": dict(self._tokens)} | ({"models": list(self._models)} if self._models else {})
