"""Private objects in memory, with the contract of `runcast.record.objects.PrivateObjects`."""

from __future__ import annotations

import json
import time
from collections.abc import MutableMapping
from typing import Any

from runcast.errors import ObjectGone, Unavailable


class ObjectsInMemory:
    """Objects by their keys.

    Attributes:
        texts: The JSON text of each object.
        broken: Whether the bucket refuses everything.
    """

    def __init__(self) -> None:
        self.texts: MutableMapping[str, str] = {}
        self.broken = False
        self._written_ms: dict[str, float] = {}

    def put(self, key: str, text: str) -> None:
        self._require_working(key)
        self.texts[key] = text
        self._written_ms[key] = time.time() * 1000

    def get(self, key: str) -> Any:
        self._require_working(key)
        if key not in self.texts:
            raise ObjectGone(f"There is no object {key}.")
        return json.loads(self.texts[key])

    def copy(self, source: str, key: str) -> None:
        self._require_working(key)
        if source not in self.texts:
            raise ObjectGone(f"There is no object {source}.")
        self.texts[key] = self.texts[source]

    def delete(self, key: str) -> None:
        self._require_working(key)
        self.texts.pop(key, None)

    def delete_all(self, prefix: str, *, until_ms: int | None = None) -> None:
        self._require_working(prefix)
        for key in [key for key in self.texts if key.startswith(prefix)]:
            if until_ms is None or self._written_ms.get(key, 0) <= until_ms:
                del self.texts[key]

    def _require_working(self, key: str) -> None:
        if self.broken:
            raise Unavailable(f"The object {key} cannot be reached.")
