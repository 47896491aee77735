"""Stores the input with which a user starts a run or a job, word for word, as a private object.

Step Functions shows an execution's input in its history for 90 days. So an execution gets only the job's id, and the
orchestrator reads the rest here. No API returns an input. An object's key contains the digest of its content, which the
record has. So an object never changes, and a repeated start writes the same object again.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from runcast.errors import InvalidInput, ObjectGone, Unavailable
from runcast.json_text import json_text
from runcast.record.model import Json, Owner, Run
from runcast.record.objects import INPUTS, PrivateObjects, private_key

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

logger = logging.getLogger(__name__)


class Inputs:
    """Stores and reads the inputs of runs and jobs.

    Args:
        s3: Returns the S3 client; called when an input is read or written.
        bucket: The private bucket. Its lifecycle rules delete an input after its record has expired.
    """

    def __init__(self, s3: Callable[[], S3Client], bucket: str) -> None:
        self._objects = PrivateObjects(s3, bucket)

    def put(self, owner: Owner, request_id: str, given: Json) -> str:
        """Store an input, and return its digest for the record. Call this before you create the record.

        Raises:
            Unavailable: S3 refused or did not answer.
        """
        text = json_text(given)
        digest = hashlib.sha256(text.encode()).hexdigest()
        try:
            self._objects.put(private_key(INPUTS, owner, request_id, digest), text)
        except Unavailable as error:
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
        try:
            given: Json = self._objects.get(private_key(INPUTS, run.owner, run.request_id, run.input_digest))
        except ObjectGone as error:
            logger.warning("the input of %s could not be read: %s", run.request_id, error)
            raise InvalidInput(f"The input of {run.request_id} is no longer stored.") from error
        except Unavailable as error:
            raise Unavailable("The input could not be read. Try again.") from error
        return given
