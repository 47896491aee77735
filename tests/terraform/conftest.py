from collections.abc import Iterator
from pathlib import Path

import pytest

from local.front.process import FrontProcess
from local.settings import Settings
from packager.build import build
from tests.terraform.applied import Aws, Stack

PROJECT = Path(__file__).resolve().parents[2]
OTHER = {
    "name_prefix": "other-",
    "log_retention_days": 7,
    "log_level": "NONE",
    "alarm_actions": ["arn:aws:sns:us-east-1:000000000000:on-call"],
    "enable_dashboard": True,
    "deletion_protection": True,
    "point_in_time_recovery": False,
    "enable_api_key": True,
    "cors_origins": ["https://app.example.com"],
    "bedrock_model_id": "amazon.nova-lite-v1:0",
    "model_max_tokens": 1000,
    "publish_batch_size": 1,
    "user_id_claim": "cognito:username",
    "tenant_id_claim": "custom:organisation",
    "tags": {"owner": "tests"},
}


@pytest.fixture(scope="session")
def project() -> Path:
    return PROJECT


@pytest.fixture(scope="session")
def work() -> Path:
    """The directory that `make package` works in: the dependencies in it are installed once for all."""
    return PROJECT / "build" / "package"


@pytest.fixture(scope="session")
def module(tmp_path_factory: pytest.TempPathFactory, work: Path) -> Path:
    """A directory with `terraform/` as it is applied, the package included, and `graphql/` beside it."""
    root = tmp_path_factory.mktemp("module")
    for name in ("terraform", "graphql"):
        (root / name).symlink_to(PROJECT / name)
    build(PROJECT, work=work, target=PROJECT / "terraform")
    return root


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    settings = Settings()
    front = FrontProcess(
        interpreter=settings.emulator_python,
        function_python=settings.function_python,
        model_url="http://127.0.0.1:9",  # nothing here asks a model
        log=tmp_path_factory.mktemp("front") / "log",
    )
    with front:
        yield Aws(front.url)


@pytest.fixture(scope="session")
def stack(module: Path, aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """The module with its defaults."""
    made = Stack(module, tmp_path_factory.mktemp("stack"), aws.endpoint_url, {})
    made.terraform.apply()
    return made


@pytest.fixture(scope="session")
def other(module: Path, aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """The module with every variable set, in the same account."""
    made = Stack(module, tmp_path_factory.mktemp("other"), aws.endpoint_url, OTHER)
    made.terraform.apply()
    return made
