"""A bucket in memory: what `Inputs` needs of S3's client."""

from __future__ import annotations

import io
from typing import Any

from botocore.exceptions import ClientError


class S3InMemory:
    """Keeps objects by their keys, or fails with `error`."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.error: Exception | None = None

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, **_: Any) -> None:  # noqa: N803 - boto3's names
        if self.error:
            raise self.error
        self.objects[Key] = Body

    def get_object(self, *, Bucket: str, Key: str) -> Any:  # noqa: N803 - boto3's names
        if self.error:
            raise self.error
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "No such key."}}, "GetObject")
        return {"Body": io.BytesIO(self.objects[Key])}
