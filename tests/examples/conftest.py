"""A table that the environment names, as in a reader's own process."""

from tests.unit.agents.conftest import records  # noqa: F401 - a fixture
from tests.unit.conftest import aws, clock, dynamodb, dynamodb_client, store  # noqa: F401 - fixtures
