"""Uploads a file that a run can name, by the form that `createUpload` signs.

The form itself grants access, so the client sends no token with it and follows no redirects.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp

from runcast.client.config import is_safe
from runcast.errors import InvalidInput, Unavailable
from runcast.file_types import FILE_TYPES

# As long as the form is valid.
_TIMEOUT_SECONDS = 300
_SUFFIXES = {f".{of.format}": content_type for content_type, of in FILE_TYPES.items()}
_SUFFIXES |= {".jpg": _SUFFIXES[".jpeg"], ".htm": _SUFFIXES[".html"]}


@dataclass(frozen=True)
class Upload:
    """A signed form.

    Attributes:
        attachment_id: The id of the file, with which a start names it.
        url: Where to send the form.
        fields: The form's fields, apart from the file.
    """

    attachment_id: str
    url: str
    fields: Mapping[str, str]

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any]) -> Self:
        """Return the form that `createUpload` has answered."""
        return cls(answer["attachmentId"], answer["url"], json.loads(answer["fields"]))


def content_type_of(path: Path) -> str:
    """Return the media type of a file by its name.

    Raises:
        InvalidInput: No agent takes files of this type.
    """
    if content_type := _SUFFIXES.get(path.suffix.lower()):
        return content_type
    raise InvalidInput(f"{path.name}: the name must end in one of {', '.join(sorted(_SUFFIXES))}.")


async def send_file(upload: Upload, path: Path) -> None:
    """Send a file.

    Raises:
        InvalidInput: The file cannot be read, or was refused, for example because it has changed.
        Unavailable: No answer, or a failure.
    """
    if not is_safe(upload.url):
        raise InvalidInput("The address for the file does not begin with https://; nothing is sent there.")
    try:
        content = await asyncio.to_thread(path.read_bytes)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.") from error
    form = aiohttp.FormData()
    for name, value in upload.fields.items():
        form.add_field(name, value)
    form.add_field("file", content, filename="file")
    host = urlsplit(upload.url).netloc
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS), trust_env=True) as session,
            session.post(upload.url, data=form, allow_redirects=False) as response,
        ):
            status = response.status
    except (TimeoutError, aiohttp.ClientError) as error:
        raise Unavailable(f"{host} did not take {path.name}: {str(error) or type(error).__name__}") from error
    if status >= 500:
        raise Unavailable(f"{host} did not take {path.name}: HTTP status {status}")
    if status != 204:
        raise InvalidInput(f"{host} refused {path.name}: HTTP status {status}. Has the file changed?")
