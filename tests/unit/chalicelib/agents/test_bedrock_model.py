"""The Bedrock model is made from the configuration."""

from __future__ import annotations

from chalicelib.agents.model import bedrock_model
from chalicelib.runtime.config import AgentConfig


def test_the_configuration_reaches_the_model_and_its_client(aws):
    model = bedrock_model(
        AgentConfig(
            agent_progress_table="AgentProgress",
            status_publisher_function="runcast-status-publisher",
            run_closer_function="runcast-run-closer",
            results_bucket="runcast-results",
            bedrock_model_id="eu.some.model",
            aws_region="eu-central-1",
            model_max_tokens=1234,
            model_connect_timeout_seconds=3,
            model_read_timeout_seconds=40,
            model_max_attempts=4,
        )
    )
    assert model.get_config()["model_id"] == "eu.some.model"
    assert model.get_config()["max_tokens"] == 1234
    client = model.client.meta
    assert client.region_name == "eu-central-1"
    assert (client.config.connect_timeout, client.config.read_timeout) == (3, 40)
    assert client.config.retries == {"mode": "standard", "total_max_attempts": 4}
