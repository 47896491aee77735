"""One emulator for the session, and Terraform roots provisioned on it by the local provider."""

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from local.emulator.process import REPOSITORY, EmulatorProcess
from local.endpoint import Endpoint
from local.terraform import Terraform, prepare

ROOT = Path(__file__).with_name("root")
CODE = """
def handler(event, context):
    return {"statusCode": 203, "body": f"{event['httpMethod']} {event['path']}"}
"""


@dataclass
class Deployment:
    """The fixture root, provisioned; tests may change it and say so by `dirty`."""

    work_dir: Path
    terraform: Terraform
    variables: dict[str, Any]
    dirty: bool = field(default=True)

    def write(self, **variables: Any) -> None:
        """Sets input variables that differ from those of the full root."""
        prepare(ROOT, self.work_dir, {**self.variables, **variables})
        self.terraform.init()

    def restore(self) -> None:
        """Provisions the full root unless it is provisioned already."""
        if self.dirty:
            self.write()
            self.terraform.apply()
            self.dirty = False


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    emulator = EmulatorProcess(
        interpreter=REPOSITORY / ".local/ministack-venv/bin/python",
        function_python=REPOSITORY / ".local/function-venv/bin/python",
        model_url="http://127.0.0.1:9",  # no model is asked here
        log=tmp_path_factory.mktemp("emulator") / "emulator.log",
    )
    with emulator:
        yield emulator.endpoint


@pytest.fixture(scope="session")
def zip_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("zip") / "app.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("app.py", CODE)
    return path


@pytest.fixture(scope="session")
def web_acl_arn(emulator: Endpoint) -> str:
    made = emulator.client("wafv2").create_web_acl(
        Name="firewall",
        Scope="REGIONAL",
        DefaultAction={"Allow": {}},
        VisibilityConfig={"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": "firewall"},
    )
    return str(made["Summary"]["ARN"])


@pytest.fixture(scope="session")
def session_deployment(
    emulator: Endpoint, zip_file: Path, web_acl_arn: str, tmp_path_factory: pytest.TempPathFactory
) -> Deployment:
    work_dir = tmp_path_factory.mktemp("provisioned")
    return Deployment(
        work_dir, Terraform(work_dir, emulator.environment), {"zip_file": str(zip_file), "web_acl_arn": web_acl_arn}
    )


@pytest.fixture
def deployment(session_deployment: Deployment) -> Deployment:
    """The full root, standing."""
    session_deployment.restore()
    return session_deployment


@pytest.fixture
def changing_deployment(deployment: Deployment) -> Deployment:
    """The full root for a test that changes it: the next test finds it full again."""
    deployment.dirty = True
    return deployment
