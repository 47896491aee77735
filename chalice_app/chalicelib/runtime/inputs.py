"""The private input objects: what a user has sent to start a run or a job, word for word.

Step Functions shows an execution's input in its history for 90 days, so an execution gets the job's id alone, and the
orchestrator reads the rest here. No API returns an input. The record names its object by the digest of its content, so
an object never changes, and a repeated start writes the same object again.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import BotoCoreError, ClientError

from runcast.errors import InvalidInput, Unavailable
from runcast.json_text import json_text
from runcast.record.model import Json, Owner, Run

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

logger = logging.getLogger(__name__)

# S3 answers that access is denied if an object does not exist and the caller must not list the bucket.
# Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
_GONE_CODES = ("AccessDenied", "NoSuchKey")


class Inputs:
    """Stores and reads the inputs of runs and jobs.

    Args:
        s3: Creates the S3 client if it is needed.
        bucket: The private bucket, which deletes its objects after their records have expired.
    """

    def __init__(self, s3: Callable[[], S3Client], bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def put(self, owner: Owner, request_id: str, given: Json) -> str:
        """Store an input, and return its digest for the record. Call it before the record is created.

        Raises:
            Unavailable: S3 refused or did not answer.
        """
        content = json_text(given).encode()
        digest = hashlib.sha256(content).hexdigest()
        try:
            self._s3().put_object(
                Bucket=self._bucket,
                Key=_key(owner, request_id, digest),
                Body=content,
                ContentType="application/json",
            )
        except (BotoCoreError, ClientError) as error:
            raise Unavailable("The input could not be stored. Try again with the same id.") from error
        return digest

    def get(self, run: Run) -> Json:
        """Return the input that a record names.

        Raises:
            InvalidInput: It was never stored, or it has expired.
            Unavailable: S3 did not answer.
        """
        if run.input_digest is None:
            raise InvalidInput(f"The input of {run.request_id} was not stored, because no API has started it.")
        key = _key(run.owner, run.request_id, run.input_digest)
        try:
            content = self._s3().get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE_CODES:
                logger.warning("the input of %s could not be read: %s", run.request_id, error)
                raise InvalidInput(f"The input of {run.request_id} is no longer stored.") from error
            raise Unavailable("The input could not be read. Try again.") from error
        except BotoCoreError as error:
            raise Unavailable("The input could not be read. Try again.") from error
        return cast("dict[str, Any]", json.loads(content))


def _key(owner: Owner, request_id: str, digest: str) -> str:
    """Return the key of an input. Names of users may hold characters that keys should not."""
    return f"inputs/{hashlib.sha256(owner.key.encode()).hexdigest()}/{request_id}/{digest}"
