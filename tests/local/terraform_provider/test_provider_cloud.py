"""The addresses that the provider may connect to."""

import pytest

from local.terraform_provider.cloud import Cloud, NotLocal, cloud_from, require_loopback


@pytest.mark.parametrize(
    "endpoint", ["http://127.0.0.1:4566", "http://localhost:1", "http://[::1]:4566", "http://127.9.9.9"]
)
def test_this_machine_is_allowed(endpoint):
    require_loopback(endpoint)


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://dynamodb.us-east-1.amazonaws.com",
        "http://192.168.0.1:4566",
        "http://0.0.0.0:4566",
        "http://localhost.example.com",
        "http://127.0.0.1@example.com",
        "127.0.0.1:4566",
    ],
)
def test_everything_else_is_refused(endpoint):
    with pytest.raises(NotLocal, match="is not on this machine"):
        require_loopback(endpoint)


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({}, "Set AWS_ENDPOINT_URL and AWS_REGION: the local provider is configured from the environment."),
        ({"AWS_DEFAULT_REGION": "us-east-1"}, "Set AWS_ENDPOINT_URL: "),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "Set AWS_REGION: "),
    ],
)
def test_everything_missing_is_named_at_once(environment, message):
    with pytest.raises(NotLocal, match=message):
        cloud_from(environment)


def test_a_busy_emulator_has_as_long_to_read_a_package_as_to_answer():
    """urllib3 applies the connect timeout to each piece of the body that it sends."""
    config = Cloud("http://127.0.0.1:1", "us-east-1", "000000000000").client("lambda").meta.config
    assert config.connect_timeout == config.read_timeout == 60
