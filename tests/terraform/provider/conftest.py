"""One emulator for the session, and Terraform roots provisioned on it by the local provider."""

import os
import socket
import subprocess
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest

from local.terraform import Terraform, prepare

REPOSITORY = Path(__file__).parents[3]
ROOT = Path(__file__).with_name("root")
MINISTACK = REPOSITORY / ".local" / "ministack-venv" / "bin" / "ministack"


@dataclass
class Emulator:
    """A running MiniStack."""

    endpoint: str

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )


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
        """Provisions the full root unless it stands already."""
        if self.dirty:
            self.write()
            self.terraform.apply()
            self.dirty = False


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = tmp_path_factory.mktemp("ministack")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
    }
    with (home / "log").open("w") as log:
        process = subprocess.Popen([MINISTACK], env=environment, cwd=home, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait_until_ready(port, process, home / "log")
        yield Emulator(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_ministack/health", timeout=5):
                return
        except OSError:
            time.sleep(0.05)  # between two looks at the condition
    pytest.fail(f"MiniStack is not ready:\n{log.read_text()}")


@pytest.fixture(scope="session")
def zip_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("zip") / "app.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("app.py", "def handler(event, context):\n    return event\n")
    return path


@pytest.fixture(scope="session")
def session_deployment(emulator: Emulator, zip_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    work_dir = tmp_path_factory.mktemp("provisioned")
    return Deployment(work_dir, Terraform(work_dir, emulator.environment), {"zip_file": str(zip_file)})


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
