"""A user of the local machine, who watches what they have started."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from local.deployment import client_environment
from local.stack import LocalStack
from runcast.client.client import Client, connect
from runcast.client.config import ClientConfig


@asynccontextmanager
async def signed_in(stack: LocalStack) -> AsyncIterator[Client]:
    """Sign a user in to a local machine, which boto3 then talks to as well."""
    user = next(user for user in stack.state.users if user.name == "alice")
    environment = client_environment(stack.state, user)
    os.environ["AWS_ENDPOINT_URL"] = environment["AWS_ENDPOINT_URL"]
    async with connect(ClientConfig.from_environment(environment)) as client:
        yield client
