"""Reads, writes and deletes runs' private objects in the bucket. They are stored word for word; no API returns them.

An object is immutable: no key is used again for other content. An object is written before the record names its key.
So an object that a record names has been written, and never changes. Only a client can replace its own upload, within
minutes; its readers name the ETag of the content that they expect.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from runcast.errors import ObjectGone, Unavailable
from runcast.record.model import Owner

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef, ObjectIdentifierTypeDef

logger = logging.getLogger(__name__)

ANSWERS, INPUTS, SNAPSHOTS = KINDS = ("answers", "inputs", "snapshots")
"""The kinds of a run's private objects. All of them are deleted with their run."""

CONVERSATIONS = "conversations"
"""The kind of the objects with the states of conversations."""

UPLOADS = "uploads"
"""The kind of the files that clients have uploaded. Runs name them, but they belong to their owner."""

# S3 returns `AccessDenied` for a missing object if the caller has no permission to list the bucket, and
# `PreconditionFailed` if the object has another ETag.
# Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
_GONE_CODES = ("AccessDenied", "NoSuchKey", "PreconditionFailed")


@dataclass(frozen=True)
class UploadHead:
    """What S3 knows about an upload, and its first bytes.

    Attributes:
        begins: The first bytes of the content.
        size_bytes: The size of the content.
        content_type: The media type with which it was uploaded.
        metadata: The metadata with which it was uploaded.
        e_tag: Identifies the content.
    """

    begins: bytes
    size_bytes: int
    content_type: str
    metadata: Mapping[str, str]
    e_tag: str


class PrivateObjects:
    """Reads, writes and deletes the private objects of runs, each as JSON.

    Args:
        s3: Returns the S3 client; called when an object is read, written or deleted.
        bucket: The bucket. Its lifecycle rules delete the objects.
    """

    def __init__(self, s3: Callable[[], S3Client], bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def put(self, key: str, text: str) -> None:
        """Write an object.

        Raises:
            Unavailable: S3 refused or did not answer. The object may have been written; writing it again is safe.
        """
        try:
            self._s3().put_object(Bucket=self._bucket, Key=key, Body=text.encode(), ContentType="application/json")
        except (BotoCoreError, ClientError) as error:
            raise Unavailable(f"The object {key} could not be written: {error}") from error

    def get(self, key: str) -> Any:
        """Read an object.

        Raises:
            ObjectGone: The object does not exist, or this role has no permission to read it.
            Unavailable: S3 did not answer.
        """
        with _existing(key, "read"):
            return json.loads(_read(lambda: self._s3().get_object(Bucket=self._bucket, Key=key))[1])

    def upload_head(self, key: str, begin_bytes: int) -> UploadHead:
        """Read the beginning of an upload and what S3 knows about it.

        Args:
            key: The key.
            begin_bytes: The number of bytes to read.

        Raises:
            ObjectGone: As `get`.
            Unavailable: As `get`.
        """
        with _existing(key, "read"):
            first = f"bytes=0-{begin_bytes - 1}"
            answer, begins = _read(lambda: self._s3().get_object(Bucket=self._bucket, Key=key, Range=first))
            return UploadHead(
                begins=begins,
                size_bytes=int(answer["ContentRange"].rpartition("/")[2]),
                content_type=answer["ContentType"],
                metadata=answer["Metadata"],
                e_tag=answer["ETag"],
            )

    def upload(self, key: str, e_tag: str) -> bytes:
        """Read the content of an upload.

        Raises:
            ObjectGone: As `get`, or the object has another ETag.
            Unavailable: As `get`.
        """
        with _existing(key, "read"):
            return _read(lambda: self._s3().get_object(Bucket=self._bucket, Key=key, IfMatch=e_tag))[1]

    def copy(self, source: str, key: str) -> None:
        """Write a copy of an object.

        Raises:
            ObjectGone: The source does not exist, or this role has no permission to read it.
            Unavailable: S3 refused or did not answer. The copy may have been written; writing it again is safe.
        """
        with _existing(source, "copied"):
            self._s3().copy_object(Bucket=self._bucket, Key=key, CopySource={"Bucket": self._bucket, "Key": source})

    def delete(self, key: str) -> None:
        """Delete an object, if it exists.

        Raises:
            Unavailable: S3 refused or did not answer. A retry is safe.
        """
        try:
            self._s3().delete_object(Bucket=self._bucket, Key=key)
        except (BotoCoreError, ClientError) as error:
            raise Unavailable(f"The object {key} could not be deleted: {error}") from error

    def delete_all(self, prefix: str, *, until_ms: int | None = None) -> None:
        """Delete all objects whose keys begin with a prefix.

        Args:
            prefix: The prefix.
            until_ms: Keep the objects that were written later, epoch milliseconds. S3 rounds the times to seconds.

        Raises:
            Unavailable: S3 refused or did not answer. Some objects may be deleted; a retry is safe.
        """
        s3 = self._s3()
        try:
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
                keys: list[ObjectIdentifierTypeDef] = [
                    {"Key": each["Key"]}
                    for each in page.get("Contents", [])
                    if until_ms is None or each["LastModified"].timestamp() * 1000 <= until_ms
                ]
                if not keys:
                    continue
                answer = s3.delete_objects(Bucket=self._bucket, Delete={"Objects": keys, "Quiet": True})
                if failed := answer.get("Errors"):
                    raise Unavailable(f"{len(failed)} objects under {prefix} could not be deleted: {failed[0]}")
        except (BotoCoreError, ClientError) as error:
            raise Unavailable(f"The objects under {prefix} could not be deleted: {error}") from error


def _read(request: Callable[[], GetObjectOutputTypeDef]) -> tuple[GetObjectOutputTypeDef, bytes]:
    """Return the answer to a request for an object, and the object's content.

    botocore repeats a request that gets no answer, but not one whose content breaks off. This repeats it once.

    Source: https://github.com/boto/boto3/issues/4111
    """
    answer = request()
    try:
        return answer, answer["Body"].read()
    except BotoCoreError as error:
        logger.warning("the content of an object broke off, reading it again: %s", error)
    answer = request()
    return answer, answer["Body"].read()


@contextmanager
def _existing(key: str, what: str) -> Iterator[None]:
    """Map the errors of a request for an object: it does not exist, or it could not be read or copied."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] in _GONE_CODES:
            raise ObjectGone(f"There is no object {key}: it was deleted, replaced, or never written.") from error
        raise Unavailable(f"The object {key} could not be {what}: {error}") from error
    except BotoCoreError as error:
        raise Unavailable(f"The object {key} could not be {what}: {error}") from error


def private_key(kind: str, owner: Owner, request_id: str, name: str) -> str:
    """Return the key of a private object: `<kind>/<hash of the owner>/<requestId>/<name>`."""
    return f"{owner_prefix(kind, owner)}{request_id}/{name}"


def owner_prefix(kind: str, owner: Owner) -> str:
    """Return the prefix of the keys of all of an owner's private objects of a kind."""
    # The hash is used because names of users may contain characters that S3 keys should not.
    return f"{kind}/{hashlib.sha256(owner.key.encode()).hexdigest()}/"
