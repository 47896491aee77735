"""Invokes the Lambdas that run agents. Nothing else in the application does.

With Terraform's `tenant_isolation`, the Lambda of this application's agents has execution environments for each tenant.
Lambda then refuses an invocation of it that names no tenant. It also refuses an invocation of any other function that
names one. So the decision is made here only.

Source: https://docs.aws.amazon.com/lambda/latest/dg/tenant-isolation-troubleshooting.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.agents import registry
from chalicelib.runtime import clients
from runcast.json_text import json_text
from runcast.record.model import PUBLIC, Json, Owner

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

    from chalicelib.runtime.config import ApiConfig, OrchestratorConfig, RunCloserConfig, RunStarterConfig

    InvokerConfig = ApiConfig | OrchestratorConfig | RunCloserConfig | RunStarterConfig


def isolated_tenant(owner: Owner) -> str:
    """Return the id under which Lambda isolates the runs of an owner.

    It is the hash of the tenant, because a tenant's name may have letters that Lambda refuses. A user without a tenant
    gets the hash of the owner: otherwise a user could share the environments of the tenant that has the user's name.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
    """
    has_tenant = owner.tenant_id != owner.user_id
    return hashlib.sha256((owner.tenant_id if has_tenant else owner.key).encode()).hexdigest()


@dataclass(frozen=True)
class AgentFunctions:
    """The Lambda of each agent.

    Attributes:
        client: A Lambda client that does not retry.
        by_agent: The functions, by the agents' names.
        isolated: The function that has tenant isolation; None if none has.
    """

    client: LambdaClient
    by_agent: Mapping[str, str]
    isolated: str | None = None

    def invoke(self, agent: str, event: Json, owner: Owner) -> None:
        """Invoke an agent's function asynchronously.

        Args:
            agent: The agent.
            event: The event.
            owner: The owner of the run.

        Raises:
            KeyError: There is no such agent.
            BotoCoreError, ClientError: Lambda did not take the event.
        """
        self._invoke(self.by_agent[agent], "Event", owner, Payload=json_text(event).encode())

    def check(self, function: str) -> None:
        """Check that a function exists and may be invoked, without invoking it.

        Raises:
            BotoCoreError, ClientError: It may not be invoked now.
        """
        self._invoke(function, "DryRun", PUBLIC)

    def _invoke(self, function: str, kind: str, owner: Owner, **payload: bytes) -> None:
        tenant = {"TenantId": isolated_tenant(owner)} if function == self.isolated else {}
        self.client.invoke(FunctionName=function, InvocationType=kind, **payload, **tenant)  # type: ignore[arg-type]


def agent_functions(config: InvokerConfig) -> AgentFunctions:
    """Return the functions that a Lambda's settings name."""
    return AgentFunctions(
        clients.invoker(),
        registry.functions(config.agent_function, config.agent_functions),
        config.agent_function if config.tenant_isolation else None,
    )
