"""The private objects of the bucket that the environment names, for agents outside of Runcast's own Lambda."""

from __future__ import annotations

import os
from functools import cache

import boto3
from botocore.config import Config

from runcast.errors import ConfigurationMissing
from runcast.record.objects import PrivateObjects

_CLIENT_CONFIG = Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})


def private_objects_of_environment() -> PrivateObjects:
    """Return the private objects.

    Raises:
        ConfigurationMissing: `RESULTS_BUCKET` is not set. Set what Terraform's output `recorder_environment` has.
    """
    bucket = os.environ.get("RESULTS_BUCKET")
    if not bucket:
        raise ConfigurationMissing(["RESULTS_BUCKET"])
    # A separate session, because boto3's default session is not thread-safe.
    session = boto3.Session(region_name=os.environ.get("AWS_REGION"))
    return PrivateObjects(cache(lambda: session.client("s3", config=_CLIENT_CONFIG)), bucket)
