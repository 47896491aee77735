"""The archive of the module, and the root in it, applied on a machine without Python and Node.

The local provider takes the place of the real one, and it takes no settings: providers.tf is replaced, and S3 as the
place of the state by a file.
"""

import json
import re
import subprocess
import tarfile
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import requests

from local.terraform import find_terraform, prepare
from packager.dist import write_dist
from packager.errors import PackagingError
from tests.terraform.applied import Aws


@pytest.fixture(scope="module")
def archive(project: Path, module: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dist(project, tmp_path_factory.mktemp("dist"))


class Root:
    """The example root, unpacked from the archive into a separate folder."""

    def __init__(self, archive: Path, folder: Path, aws: Aws) -> None:
        with tarfile.open(archive) as opened:
            opened.extractall(folder, filter="data")
        unpacked = folder / archive.name.removesuffix(".tar.gz")
        prepare(unpacked, folder / "provider")
        (folder / "nothing").mkdir()
        self.folder = unpacked / "examples" / "terraform-root"
        self._environment = {
            "PATH": str(folder / "nothing"),
            "HOME": str(folder / "nothing"),
            "TF_CLI_CONFIG_FILE": str(folder / "provider" / "terraform.rc"),
            "CHECKPOINT_DISABLE": "1",
            **aws.endpoint.environment,
        }

    def run(self, *arguments: str) -> str:
        command = [*find_terraform(), f"-chdir={self.folder}", *arguments]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def output(self, name: str) -> Any:
        return json.loads(self.run("output", "-json", name))


def test_both_environments_can_be_planned_and_one_is_applied(archive: Path, aws: Aws, tmp_path: Path):
    root = Root(archive, tmp_path, aws)
    (root.folder / "providers.tf").write_text('provider "aws" {}\n')
    root.run("init", "-backend=false", "-no-color")
    assert root.run("validate", "-no-color").strip() == "Success! The configuration is valid."

    (root.folder / "backend_override.tf").write_text('terraform {\n  backend "local" {}\n}\n')
    root.run("init", "-no-color")
    assert "prod-AgentProgress" in root.run("plan", "-no-color", "-var-file=prod.tfvars")
    root.run("apply", "-no-color", "-auto-approve", "-var-file=dev.tfvars")
    answer = requests.get(f"{root.output('frontend')['rest_url']}/health", timeout=60)
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    root.run("destroy", "-no-color", "-auto-approve", "-var-file=dev.tfvars")


def test_each_environment_has_a_state_of_its_own(project: Path):
    example = project / "examples" / "terraform-root"
    states = [(example / f"{name}.s3.tfbackend").read_text() for name in ("dev", "prod")]
    assert states[0].replace("dev.tfstate", "prod.tfstate") == states[1] != states[0]


def test_the_examples_are_formatted(project: Path):
    command = [*find_terraform(), "fmt", "-check", "-diff", "-recursive", str(project / "examples")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_same_contents_give_the_same_bytes(archive: Path, project: Path, tmp_path: Path):
    assert write_dist(project, tmp_path).read_bytes() == archive.read_bytes()


def test_the_archive_holds_the_module_and_nothing_that_nobody_named(archive: Path, project: Path):
    with tarfile.open(archive) as opened:
        entries = opened.getmembers()
    root = archive.name.removesuffix(".tar.gz")
    assert {entry.name.split("/")[0] for entry in entries} == {root}
    assert {(entry.mtime, entry.uid, entry.mode, entry.isfile()) for entry in entries} == {(0, 0, 0o644, True)}
    paths = {PurePosixPath(entry.name).relative_to(root) for entry in entries}
    assert {path.name for path in paths if path.parent.name == "terraform"} == {
        "README.md", "chalice.tf.json", "deployment.zip", "playbook.asl.json",
        *(path.name for path in (project / "terraform").glob("*.tf")),
    }  # fmt: skip
    assert {path.suffix for path in paths} == {
        "", ".tf", ".json", ".zip", ".graphql", ".js", ".md", ".tfvars", ".tfbackend"
    }  # fmt: skip


def test_no_document_in_the_archive_leads_out_of_it(archive: Path, tmp_path: Path):
    with tarfile.open(archive) as opened:
        opened.extractall(tmp_path, filter="data")
    documents = list(tmp_path.rglob("*.md"))
    assert {"operations.md", "observability.md", "CHANGELOG.md", "README.md"} == {path.name for path in documents}
    for document in documents:
        for link in re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", document.read_text()):
            assert (document.parent / link).exists(), f"{document.name}: {link}"


def test_without_a_package_there_is_no_archive(tmp_path: Path):
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.0"\n')
    with pytest.raises(PackagingError, match=r"There is no .*terraform/deployment\.zip.*: run make package\."):
        write_dist(tmp_path, tmp_path / "dist")
