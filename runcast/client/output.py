"""The command's output, which may end before the command does: a pipe is closed, a disk is full, a terminal is gone."""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import Any, Self, TextIO

from runcast.errors import RuncastError


class OutputFailed(RuncastError):
    """Standard output takes no more."""


class Output:
    """Within this context it stands in for `sys.stdout`, and a failed write or flush raises `OutputFailed`."""

    def __init__(self) -> None:
        self._stream: TextIO = sys.stdout

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __enter__(self) -> Self:
        sys.stdout = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sys.stdout = self._stream
        if not isinstance(error, OutputFailed):
            self.flush()

    def write(self, text: str) -> int:
        """Write the text.

        Raises:
            OutputFailed: It cannot be written.
        """
        try:
            return self._stream.write(text)
        except (OSError, ValueError, AttributeError) as error:
            raise self._failed(error) from error

    def flush(self) -> None:
        """Write what is buffered.

        Raises:
            OutputFailed: It cannot be written.
        """
        try:
            self._stream.flush()
        except (OSError, ValueError, AttributeError) as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> OutputFailed:
        if isinstance(error, OSError):
            # Python flushes once more when it ends, and would complain.
            # Source: https://docs.python.org/3/library/signal.html#note-on-sigpipe
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
        reason = error.strerror if isinstance(error, OSError) else "it is closed"
        return OutputFailed(f"The output cannot be written: {reason}.")
