import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.bedrock.server import create_server
from local.emulator.process import EmulatorProcess
from local.functions import package_functions
from local.settings import Settings
from packager.build import ARCHIVE_NAME, EXPORT_NAME
from packager.platforms import DEFAULT_ARCHITECTURE, DEFAULT_RUNTIME
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
    "api_key_may_start": True,
    "cors_origins": ["https://app.example.com"],
    "bedrock_model_id": "amazon.nova-lite-v1:0",
    "agent_functions": {"mine": "arn:aws:lambda:us-east-1:000000000000:function:my-agent"},
    "agent": {
        "environment": {"CURRENCY": "EUR"},
        "secrets": {"PRICES_KEY": "arn:aws:secretsmanager:us-east-1:000000000000:secret:prices-AbCdEf"},
        "policy_json": json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::my-prices/*"}],
            }
        ),
        "memory_mb": 2048,
        "timeout_seconds": 600,
        "ephemeral_storage_mb": 1024,
    },
    "model_max_tokens": 1000,
    "model_prices": {"amazon.nova-lite-v1:0": {"input": 0.06, "output": 0.24, "cache_read": 0.015}},
    "publish_batch_size": 1,
    "user_id_claim": "cognito:username",
    "tenant_id_claim": "custom:organisation",
    "oidc_issuer": "https://login.example.com/realms/main",
    "oidc_audience": "api://runcast.example",
    "oidc_tenant_id_claim": "https://example.com/tenant",
    "tags": {"owner": "tests"},
    "permissions_boundary_arn": "arn:aws:iam::aws:policy/PowerUserAccess",
    "kms_key_arn": "arn:aws:kms:us-east-1:000000000000:key/tests",
    "previous_kms_key_arn": "arn:aws:kms:us-east-1:000000000000:key/before",
    "vpc_config": {"subnet_ids": ["subnet-0a1b2c3d", "subnet-0a1b2c3e"], "security_group_ids": ["sg-0a1b2c3d"]},
    "retention_hours": 2,
    "question_retention_hours": 24,
    "conversation_retention_days": 7,
    "job_timeout_minutes": 30,
    "handover_seconds": 60,
    "max_run_hours": 1,
    "enable_api_gateway_account": True,
    "user_pool_mfa": "OPTIONAL",
    "rest_throttling": {"rate": 200, "burst": 400},
    "limits": {"user_open_runs": 5},
    "agent_reserved_concurrency": 50,
    "tenant_isolation": True,
    "web_acl_arn": "arn:aws:wafv2:us-east-1:000000000000:regional/webacl/firewall/0a1b2c3d",
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
    (root / "graphql").symlink_to(PROJECT / "graphql")
    packaged = shutil.ignore_patterns(".terraform*", ARCHIVE_NAME, EXPORT_NAME)
    shutil.copytree(PROJECT / "terraform", root / "terraform", ignore=packaged)
    platform = package_functions(root / "terraform", say=print)
    # The emulator's functions run on this machine's processors, and without the default runtime's Python on another.
    export = root / "terraform" / EXPORT_NAME
    text = export.read_text()
    for made_for, default in ((platform.runtime, DEFAULT_RUNTIME), (platform.architecture, DEFAULT_ARCHITECTURE)):
        text = text.replace(f'": "{made_for}"', f'": "{default}"')
    export.write_text(text)
    return root


@pytest.fixture(scope="session")
def model_url() -> Iterator[str]:
    """The scripted model."""
    with create_server(0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def aws(model_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    settings = Settings()
    emulator = EmulatorProcess(
        interpreter=settings.emulator_python,
        function_python=settings.function_python,
        model_url=model_url,
        log=tmp_path_factory.mktemp("emulator") / "log",
    )
    with emulator:
        yield Aws(emulator.endpoint)


@pytest.fixture(scope="session")
def deployer_keys(project: Path, aws: Aws) -> dict[str, str]:
    """The credentials of a role whose only policy is `terraform/deployer-policy.json`."""
    policy = json.loads((project / "terraform" / "deployer-policy.json").read_text())
    return aws.keys_of_role("deployer", policy)


@pytest.fixture(scope="session")
def stack(module: Path, aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """The module with its defaults."""
    made = Stack(module, tmp_path_factory.mktemp("stack"), aws.endpoint, {})
    made.terraform.apply()
    return made


@pytest.fixture(scope="session")
def other(module: Path, aws: Aws, deployer_keys: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """The module with most variables set, in the same account, applied by the deployer's role."""
    variables = {**OTHER, "web_acl_arn": aws.web_acl()}
    made = Stack(module, tmp_path_factory.mktemp("other"), aws.endpoint, variables)
    made.terraform.apply()
    return made


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels: uv finds nothing but what a test puts there."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    return folder
