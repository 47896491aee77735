"""Creates the language model that all agents of a process share."""

from __future__ import annotations

from botocore.config import Config
from strands.models import BedrockModel

from chalicelib.runtime import clients
from chalicelib.runtime.config import AgentConfig


def bedrock_model(config: AgentConfig) -> BedrockModel:
    """Return a traced Bedrock model with the configured limits and timeouts."""
    model = BedrockModel(
        model_id=config.bedrock_model_id,
        region_name=config.aws_region,
        max_tokens=config.model_max_tokens,
        boto_client_config=Config(
            connect_timeout=config.model_connect_timeout_seconds,
            read_timeout=config.model_read_timeout_seconds,
            retries={"mode": "standard", "total_max_attempts": config.model_max_attempts},
        ),
    )
    clients.tracer().watch(model.client.meta.events)
    return model
