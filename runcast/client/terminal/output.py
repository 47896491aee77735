"""The command's output, which may fail before the command ends: closed pipe, full disk, or closed terminal."""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import Any, Self, TextIO

from runcast.errors import RuncastError


class OutputFailed(RuncastError):
    """Standard output can no longer be written."""


class Output:
    """Within this context it replaces `sys.stdout`, and a failed write or flush raises `OutputFailed`."""

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
        """Write the buffered text.

        Raises:
            OutputFailed: It cannot be written.
        """
        try:
            self._stream.flush()
        except (OSError, ValueError, AttributeError) as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> OutputFailed:
        if isinstance(error, OSError):
            # Python flushes again at exit, which would report the error a second time.
            # Source: https://docs.python.org/3/library/signal.html#note-on-sigpipe
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
        reason = error.strerror if isinstance(error, OSError) else "it is closed"
        return OutputFailed(f"The output cannot be written: {reason}.")
