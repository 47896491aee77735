"""Accepts the files that users attach to runs: signs their uploads, and checks what was uploaded before a run names it.

The client sends the file straight to the private bucket, with a form that the starter has signed. The signature fixes
the key, which contains a hash of the owner, the media type and the largest size. Nothing is recorded: the object in the
bucket is the upload.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from runcast import limits
from runcast.clock import epoch_ms
from runcast.errors import InvalidInput, ObjectGone, Unavailable
from runcast.file_types import FILE_TYPES
from runcast.record.attachments import BEGIN_BYTES, Attachment, plain_name, upload_key
from runcast.record.ids import chosen_id
from runcast.record.model import Json, Owner
from runcast.record.objects import PrivateObjects
from runcast.text import is_well_formed


def create_upload(
    given: Mapping[str, Any],
    owner: Owner,
    *,
    sign: Callable[[str, Mapping[str, str], int], Json],
    admit: Callable[[Owner, int], None],
    new_id: Callable[[], object] = uuid4,
    now_ms: Callable[[], int] = epoch_ms,
) -> Json:
    """Return a signed form with which the caller can upload one file.

    Args:
        given: `name`, `contentType` and `bytes` as the client sent them.
        owner: The caller.
        sign: Signs a form, given the key, the fields and the largest size, and returns its `url` and `fields`.
        admit: Counts an upload of this size, and raises `TooManyRequests` if it is over a limit.
        new_id: Makes the `attachmentId`.
        now_ms: The time, epoch milliseconds.

    Returns:
        `attachmentId`, `url`, `fields` and `expiresAt` (epoch ms).

    Raises:
        InvalidInput: A field is invalid.
        TooManyRequests: As `admit`.
    """
    name, content_type, size_bytes = (given.get(field) for field in ("name", "contentType", "bytes"))
    if not (isinstance(name, str) and 0 < len(name) <= limits.NAME_MAX_CHARACTERS and is_well_formed(name)):
        raise InvalidInput(f"name must be text of 1 to {limits.NAME_MAX_CHARACTERS} characters.")
    if not (isinstance(content_type, str) and content_type in FILE_TYPES):
        raise InvalidInput(f"contentType must be one of: {', '.join(FILE_TYPES)}.")
    if type(size_bytes) is not int or not 1 <= size_bytes <= limits.ATTACHMENT_MAX_BYTES:
        raise InvalidInput(f"bytes must be a whole number from 1 to {limits.ATTACHMENT_MAX_BYTES}.")
    admit(owner, size_bytes)
    attachment_id = str(new_id())
    expires_at_ms = now_ms() + limits.UPLOAD_SECONDS * 1000
    fields = {"Content-Type": content_type, "x-amz-meta-name": plain_name(name)}
    form = sign(upload_key(owner, attachment_id), fields, size_bytes)
    return {"attachmentId": attachment_id, **form, "expiresAt": expires_at_ms}


def attachment_ids(given: Any) -> tuple[str, ...]:
    """Return the ids of uploads that a start names; none if it names none.

    Raises:
        InvalidInput: They are no list of different ids, or too many.
    """
    if given is None:
        return ()
    if not isinstance(given, list) or len(given) > limits.ATTACHMENTS_MAX or None in given:
        raise InvalidInput(f"attachments must be a list of at most {limits.ATTACHMENTS_MAX} ids from createUpload.")
    ids = tuple(str(chosen_id("attachments", each)) for each in given)
    if len(set(ids)) < len(ids):
        raise InvalidInput("attachments must not name an upload twice.")
    return ids


def uploaded(ids: tuple[str, ...], owner: Owner, objects: PrivateObjects) -> list[Attachment]:
    """Return the attachments of a new run.

    Args:
        ids: From `attachment_ids`.
        owner: The run's owner. Another owner's uploads have other keys, so they are unknown.
        objects: The private objects.

    Raises:
        InvalidInput: A file was not uploaded or has expired, its content is of another type than it says, or together
            they are too large.
        Unavailable: S3 did not answer.
    """
    found = [_found(each, owner, objects) for each in ids]
    if sum(size_bytes for _, size_bytes in found) > limits.ATTACHMENTS_MAX_BYTES:
        raise InvalidInput(f"attachments must have at most {limits.ATTACHMENTS_MAX_BYTES // 1024**2} MB together.")
    return [attachment for attachment, _ in found]


def _found(attachment_id: str, owner: Owner, objects: PrivateObjects) -> tuple[Attachment, int]:
    """Return an upload and its size in bytes; raises as `uploaded`."""
    try:
        head = objects.upload_head(upload_key(owner, attachment_id), BEGIN_BYTES)
    except ObjectGone as error:
        raise InvalidInput(
            f"attachments: there is no upload {attachment_id} of yours. Upload the file before the start, and again "
            "after it has expired."
        ) from error
    except Unavailable as error:
        raise Unavailable("The attachments could not be read. Try again.") from error
    found = Attachment(attachment_id, head.metadata.get("name", "file"), head.content_type, head.e_tag)
    if not FILE_TYPES[head.content_type].fits(head.begins, whole=head.size_bytes <= BEGIN_BYTES):
        advice = "Save it as UTF-8" if head.content_type.startswith("text/") else "Upload it with its own type"
        raise InvalidInput(
            f"attachments: the content of {found.file_name} ({attachment_id}) is not {head.content_type}. {advice}."
        )
    return found, head.size_bytes
