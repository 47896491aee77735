"""Private objects in a folder, which several processes share as they share the bucket."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from urllib.parse import quote, unquote

from tests.fakes.objects_in_memory import ObjectsInMemory


class ObjectsInFiles(ObjectsInMemory):
    """Objects by their keys, each in a file of a folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.texts = _Files(folder)


class _Files(MutableMapping[str, str]):
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __getitem__(self, key: str) -> str:
        try:
            return self._file(key).read_text()
        except FileNotFoundError:
            raise KeyError(key) from None

    def __setitem__(self, key: str, text: str) -> None:
        unfinished = self._folder / uuid.uuid4().hex
        unfinished.write_text(text)
        unfinished.replace(self._file(key))

    def __delitem__(self, key: str) -> None:
        self._file(key).unlink()

    def __iter__(self) -> Iterator[str]:
        return (unquote(file.name) for file in self._folder.iterdir() if "%2F" in file.name)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _file(self, key: str) -> Path:
        return self._folder / quote(key, safe="")
