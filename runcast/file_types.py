"""The types of files that agents take, by their media types, with the formats that models know."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from typing import NamedTuple

_ZIP = rb"PK\x03\x04"
_OLE = rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OFFICE = "application/vnd.openxmlformats-officedocument"


class FileType(NamedTuple):
    """A type of file that models read.

    Attributes:
        block: The kind of content block: `image` or `document`.
        format: The name of the format in the block.
        begins: A pattern for the beginning of such a file; empty for text, which has none.
    """

    block: str
    format: str
    begins: bytes = b""

    def fits(self, content: bytes, *, whole: bool) -> bool:
        """Return whether a file of this type can have this content.

        Bedrock looks at the content, too, and takes text in another encoding than UTF-8 for a file of an unknown type.
        Source: https://github.com/aws-samples/generative-ai-use-cases/pull/1679

        Args:
            content: The content, or its beginning.
            whole: Whether it is the whole content. Otherwise its last character may be incomplete.
        """
        if self.begins:
            return re.match(self.begins, content, re.DOTALL) is not None
        try:
            return "\0" not in codecs.getincrementaldecoder("utf-8")().decode(content, final=whole)
        except UnicodeDecodeError:
            return False


# Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ImageBlock.html
# Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_DocumentBlock.html
FILE_TYPES: Mapping[str, FileType] = {
    "image/png": FileType("image", "png", rb"\x89PNG\r\n\x1a\n"),
    "image/jpeg": FileType("image", "jpeg", rb"\xff\xd8\xff"),
    "image/gif": FileType("image", "gif", rb"GIF8[79]a"),
    "image/webp": FileType("image", "webp", rb"RIFF.{4}WEBP"),
    "application/pdf": FileType("document", "pdf", rb".*?%PDF-"),
    "text/csv": FileType("document", "csv"),
    "application/msword": FileType("document", "doc", _OLE),
    f"{_OFFICE}.wordprocessingml.document": FileType("document", "docx", _ZIP),
    "application/vnd.ms-excel": FileType("document", "xls", _OLE),
    f"{_OFFICE}.spreadsheetml.sheet": FileType("document", "xlsx", _ZIP),
    "text/html": FileType("document", "html"),
    "text/plain": FileType("document", "txt"),
    "text/markdown": FileType("document", "md"),
}
"""The types of files by their media types."""
