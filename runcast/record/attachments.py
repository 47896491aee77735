"""The files that a user attaches to a run: their names, their keys in the bucket, and the prompt that contains them.

A client uploads a file to the private bucket, and a start names it. The run's input then names the file with its type
and the ETag of its content. Its worker reads the file and gives it to the agent as a content block of Strands.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runcast import limits
from runcast.errors import AttachmentUnusable, InvalidInput, ObjectGone, Unavailable
from runcast.file_types import FILE_TYPES
from runcast.record.ids import chosen_id
from runcast.record.model import Json, Owner
from runcast.record.objects import UPLOADS, PrivateObjects, owner_prefix

if TYPE_CHECKING:
    from runcast.record.recorder import Recorder

BEGIN_BYTES = 1024
"""How much of a file shows its type. A PDF's header may come after other bytes."""

_E_TAG = re.compile(r'"[!-~]{1,128}"')

_NAME_MAX_CHARACTERS = 180
"""The block's name also has a tag, and Bedrock allows 200 characters."""


@dataclass(frozen=True)
class Attachment:
    """A file that a run names.

    Attributes:
        attachment_id: The id of the upload, which belongs to the run's owner.
        name: Its name, in the form that `plain_name` returns.
        content_type: One of `FILE_TYPES`.
        e_tag: Identifies the content, so that the run never gets other content than the one that was checked.
    """

    attachment_id: str
    name: str
    content_type: str
    e_tag: str

    @property
    def file_name(self) -> str:
        """The name for people, with the extension of its type."""
        return f"{self.name}.{FILE_TYPES[self.content_type].format}"

    def to_json(self) -> Json:
        """Return the form in which a run's input and the event of an agent's function name the file."""
        return {
            "attachmentId": self.attachment_id,
            "name": self.name,
            "contentType": self.content_type,
            "eTag": self.e_tag,
        }


def upload_key(owner: Owner, attachment_id: str) -> str:
    """Return the key of an upload: `uploads/<hash of the owner>/<attachmentId>`."""
    return owner_prefix(UPLOADS, owner) + attachment_id


def plain_name(name: str) -> str:
    """Return a file's name without its extension, in the characters that Bedrock allows.

    Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_DocumentBlock.html
    """
    stem = name.rpartition(".")[0] or name
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    return " ".join(re.sub(r"[^A-Za-z0-9()\[\]-]", " ", plain).split())[:_NAME_MAX_CHARACTERS].strip() or "file"


def named_attachments(given: Any) -> tuple[Attachment, ...]:
    """Return the attachments that the event of an agent's function names; none if it names none.

    Raises:
        InvalidInput: They do not have the form of `Attachment.to_json`.
    """
    if given is None:
        return ()
    if not isinstance(given, list) or len(given) > limits.ATTACHMENTS_MAX:
        raise InvalidInput(f"attachments must be a list of at most {limits.ATTACHMENTS_MAX} objects.")
    return tuple(_named(each) for each in given)


def _named(given: Any) -> Attachment:
    match given:
        case {"attachmentId": str(given_id), "name": str(name), "contentType": str(kind), "eTag": str(e_tag)} if (
            kind in FILE_TYPES and plain_name(f"{name}.x") == name and _E_TAG.fullmatch(e_tag)
        ):
            return Attachment(str(chosen_id("attachmentId", given_id)), name, kind, e_tag)
    raise InvalidInput(
        "Each of attachments must have attachmentId, name, contentType and eTag, as a start stores them."
    )


def record_attachments(recorder: Recorder, attachments: Sequence[Attachment]) -> None:
    """Record the step that names the files of a run, before they are read. A run without files has no such step."""
    if names := [each.file_name for each in attachments]:
        recorder.record("attachments", f"Reading {', '.join(names)}", metadata={"attachments": names})


def prompt_with(
    attachments: Sequence[Attachment], query: str, owner: Owner, request_id: str, objects: PrivateObjects
) -> str | list[Json]:
    """Return the prompt of a run: the query or, with attachments, content blocks of Strands with the query first.

    Raises:
        AttachmentUnusable: A file is no longer stored, was replaced after the start, is not of its type, or could not
            be read.
    """
    if not attachments:
        return query
    return [{"text": query}, *(_block(each, owner, request_id, objects) for each in attachments)]


def _block(attachment: Attachment, owner: Owner, request_id: str, objects: PrivateObjects) -> Json:
    file_type = FILE_TYPES[attachment.content_type]
    try:
        content = objects.upload(upload_key(owner, attachment.attachment_id), attachment.e_tag)
    except ObjectGone as error:
        raise AttachmentUnusable(
            f"The attachment {attachment.name} has expired, or was replaced after the start. Upload it again, and "
            "start a new run."
        ) from error
    except Unavailable as error:
        raise AttachmentUnusable(f"The attachment {attachment.name} could not be read. Start the run again.") from error
    if not file_type.fits(content, whole=True):  # a start checks the beginning
        raise AttachmentUnusable(
            f"The attachment {attachment.name} is not {attachment.content_type}"
            f"{'' if file_type.begins else ' in UTF-8'}. Upload a file of this type, and start a new run."
        )
    block: Json = {"format": file_type.format, "source": {"bytes": content}}
    if file_type.block == "document":
        # Bedrock refuses two documents with the same name in one request, which has all turns of a conversation.
        tag = hashlib.sha256(f"{request_id}/{attachment.attachment_id}".encode()).hexdigest()[:8]
        block["name"] = f"{attachment.name} ({tag})"
    return {file_type.block: block}
