"""The module's archive and its example root, applied by the deployer's role on a machine without Python and Node.

The local provider takes the place of the real one, and it takes no settings: providers.tf is replaced, and S3 as the
place of the state by a file.
"""

import functools
import hashlib
import json
import re
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import packages_distributions
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import requests

from local.terraform import find_terraform, prepare
from packager.dist import commit_of, write_dist
from packager.errors import PackagingError
from packager.lock import normalised
from tests.terraform.applied import Aws
from tests.terraform.conftest import PROJECT


@pytest.fixture(scope="module")
def packaged_project(project: Path, module: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with the module as it is packaged for these tests."""
    folder = tmp_path_factory.mktemp("packaged")
    for each in project.iterdir():
        (folder / each.name).symlink_to(module / "terraform" if each.name == "terraform" else each)
    return folder


@pytest.fixture(scope="module")
def archive(packaged_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dist(packaged_project, tmp_path_factory.mktemp("dist"), "0a1b2c3d4e5f")


class Root:
    """A root module, and Terraform with the local provider and an empty PATH."""

    def __init__(self, folder: Path, root: Path, module: Path, environment: dict[str, str]) -> None:
        prepare(module, folder / "provider")
        (folder / "nothing").mkdir()
        self.folder = root
        self._environment = {
            "PATH": str(folder / "nothing"),
            "HOME": str(folder / "nothing"),
            "TF_CLI_CONFIG_FILE": str(folder / "provider" / "terraform.rc"),
            "CHECKPOINT_DISABLE": "1",
            **environment,
        }

    def run(self, *arguments: str) -> str:
        command = [*find_terraform(), f"-chdir={self.folder}", *arguments]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def output(self, name: str) -> Any:
        return json.loads(self.run("output", "-json", name))


@pytest.fixture
def unpacked(archive: Path, tmp_path: Path) -> Path:
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(tmp_path / "unpacked")
    return tmp_path / "unpacked"


@pytest.fixture
def web_url(archive: Path) -> Iterator[str]:
    """A local web server that serves the archive."""
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(archive.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.long
def test_the_deployers_role_plans_both_environments_and_applies_and_destroys_one(
    unpacked: Path, aws: Aws, deployer_keys: dict[str, str], tmp_path: Path
):
    folder = unpacked / "examples" / "terraform-root"
    root = Root(tmp_path, folder, unpacked, {**aws.endpoint.environment, **deployer_keys})
    for example in folder.glob("*.tfvars.example"):
        example.rename(example.with_suffix(""))
    (root.folder / "providers.tf").write_text('provider "aws" {}\n')
    root.run("init", "-backend=false", "-no-color")
    assert root.run("validate", "-no-color").strip() == "Success! The configuration is valid."

    # The commands of the folder's README, with a state on this machine instead of in a bucket.
    (root.folder / "backend_override.tf").write_text('terraform {\n  backend "local" {}\n}\n')
    (root.folder / "dev.s3.tfbackend").write_text('path = "dev.tfstate"\n')
    init, plan, apply = re.findall(r"^terraform (.+)$", (folder / "README.md").read_text(), re.MULTILINE)
    root.run(*init.split(), "-no-color")
    agent = '-var=agent={environment = {CURRENCY = "EUR"}, memory_mb = 2048}'
    planned = root.run(*plan.replace("dev.", "prod.").split(), "-no-color", agent)
    assert "prod-AgentProgress" in planned
    assert re.search(r'"CURRENCY" += "EUR"', planned)
    assert re.search(r"memory_size += 2048", planned)
    root.run(*apply.split(), "-no-color", "-auto-approve")
    answer = requests.get(f"{root.output('frontend_config')['runcast']['restUrl']}/health", timeout=60)
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    root.run("destroy", "-no-color", "-auto-approve", "-var-file=dev.tfvars")
    tables = aws.dynamodb.list_tables()["TableNames"]
    assert [name for name in tables if name.startswith("dev-")] == []


@pytest.mark.parametrize("subdirectory", ["", "//terraform"])
def test_the_archive_is_a_source_that_terraform_downloads(
    archive: Path, unpacked: Path, web_url: str, subdirectory: str, aws: Aws, tmp_path: Path
):
    folder = tmp_path / "root"
    folder.mkdir()
    module = f'''
        module "runcast" {{
          source              = "{web_url}/{archive.name}{subdirectory}"
          name_prefix         = "web-"
          deletion_protection = true
        }}
        output "all" {{
          value     = module.runcast
          sensitive = true
        }}
    '''
    (folder / "main.tf").write_text(module)
    root = Root(tmp_path, folder, unpacked, dict(aws.endpoint.environment))
    root.run("init", "-no-color")
    root.run("plan", "-no-color", "-out=plan")
    shown = json.loads(root.run("show", "-json", "plan"))
    changes = {each["address"]: each["change"]["after"] for each in shown["resource_changes"]}
    inner = "module.runcast." + ("" if subdirectory else "module.runcast.")
    table = changes[f"{inner}aws_dynamodb_table.agent_progress"]
    assert (table["name"], table["deletion_protection_enabled"]) == ("web-AgentProgress", True)
    text = (unpacked / "terraform" / "outputs.tf").read_text()
    declared = set(re.findall(r'^output "(\w+)"', text, re.MULTILINE))
    known = shown["planned_values"]["outputs"]["all"]
    assert known["sensitive"] is True
    assert set(shown["configuration"]["root_module"]["module_calls"]["runcast"]["module"]["outputs"]) == declared


def test_the_checksum_is_that_of_the_archive(archive: Path):
    digest, name = archive.with_name(f"{archive.name}.sha256").read_text().split()
    assert (digest, name) == (hashlib.sha256(archive.read_bytes()).hexdigest(), archive.name)


def test_the_bill_of_materials_names_each_package_in_the_zip_with_its_licence(
    archive: Path, unpacked: Path, project: Path
):
    bill = json.loads((unpacked / "sbom.cdx.json").read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    package, console = bill["components"]
    digest = hashlib.sha256((unpacked / package["name"]).read_bytes()).hexdigest()
    assert package["hashes"] == [{"alg": "SHA-256", "content": digest}]

    # Each package at the top of the zip belongs to a distribution that the bill names.
    with zipfile.ZipFile(unpacked / package["name"]) as opened:
        outermost = {name.split("/")[0].removesuffix(".py") for name in opened.namelist()}
    ours = {"app", "chalicelib", "runcast", "__pycache__"}
    imported = {name for name in outermost - ours if not name.endswith(".dist-info")}
    distributions = {name: {normalised(each) for each in found} for name, found in packages_distributions().items()}
    named = {component["name"]: component for component in package["components"]}
    assert [name for name in imported if not distributions[name] & named.keys()] == []
    locked = dict(
        re.findall(r"^([\w.-]+)==([^\s;]+)", (project / "chalice_app" / "requirements.txt").read_text(), re.MULTILINE)
    )
    versions = {normalised(name): version for name, version in locked.items()}
    assert {name: component["version"] for name, component in named.items() if name != "chalice"} == {
        name: versions[name] for name in named if name != "chalice"
    }
    assert [name for name, component in named.items() if not component["licenses"]] == []
    assert named["pydantic"]["licenses"] == [{"expression": "MIT"}]
    assert named["pydantic"]["purl"] == f"pkg:pypi/pydantic@{versions['pydantic']}"

    texts = (unpacked / "third-party-licences.txt").read_text()
    headings = re.findall(r"^={80}\n(\S+) \S+\n={80}$", texts, re.MULTILINE)
    bundled = {component["name"]: component for component in console["components"]}
    assert set(headings) == named.keys() | bundled.keys()
    # What the console imports, with what that needs.
    lock = json.loads((PROJECT / "web" / "package-lock.json").read_text())["packages"]
    assert {"react", "react-dom", "scheduler", "@aws-amplify/auth", "tslib"} <= bundled.keys()
    for name, component in bundled.items():
        assert component["version"] == lock[f"node_modules/{name}"]["version"]
        assert component["purl"] == f"pkg:npm/{name.replace('@', '%40')}@{component['version']}"
    assert [name for name, component in bundled.items() if not component["licenses"]] == []

    beside = json.loads(archive.with_name(f"{archive.name}.cdx.json").read_text())
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert beside["metadata"]["component"].pop("hashes") == [{"alg": "SHA-256", "content": digest}]
    assert beside == bill


def test_the_archive_is_named_by_version_and_commit(archive: Path, tmp_path: Path):
    assert re.fullmatch(r"runcast-terraform-\d+\.\d+\.\d+\S*-0a1b2c3d4e5f\.zip", archive.name)
    git = ["git", "-C", str(tmp_path), "-c", "user.name=t", "-c", "user.email=t@example.com"]
    for arguments in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "first"], ["tag", "v1.0.0"]):
        subprocess.run([*git, *arguments], check=True)
    assert re.fullmatch("[0-9a-f]{12}", commit_of(tmp_path))
    (tmp_path / "file").touch()
    subprocess.run([*git, "add", "file"], check=True)
    assert re.fullmatch("[0-9a-f]{12}-modified", commit_of(tmp_path))


def test_outside_a_clone_there_is_no_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(PackagingError, match=r"named by its commit: run make dist in a clone, with git on the PATH\."):
        commit_of(tmp_path)


def test_each_environment_has_a_state_of_its_own(project: Path):
    example = project / "examples" / "terraform-root"
    states = [(example / f"{name}.s3.tfbackend").read_text() for name in ("dev", "prod")]
    assert states[0].replace("dev.tfstate", "prod.tfstate") == states[1] != states[0]


def test_the_examples_are_formatted(project: Path):
    command = [*find_terraform(), "fmt", "-check", "-diff", "-recursive", str(project / "examples")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_same_contents_give_the_same_bytes(archive: Path, packaged_project: Path, tmp_path: Path):
    assert write_dist(packaged_project, tmp_path, "0a1b2c3d4e5f").read_bytes() == archive.read_bytes()


def test_the_archive_holds_the_module_and_nothing_that_nobody_named(archive: Path, project: Path):
    with zipfile.ZipFile(archive) as opened:
        entries = opened.infolist()
    assert {(entry.date_time, entry.external_attr >> 16, entry.is_dir()) for entry in entries} == {
        ((1980, 1, 1, 0, 0, 0), 0o100644, False)
    }
    paths = {PurePosixPath(entry.filename) for entry in entries}
    assert {path.name for path in paths if path.parent.name == "terraform"} == {
        "README.md", "chalice.tf.json", "deployer-policy.json", "deployment.zip", "playbook.asl.json",
        "playbook_retry.asl.json", *(path.name for path in (project / "terraform").glob("*.tf")),
    }  # fmt: skip
    assert {path.suffix for path in paths} == {
        "", ".tf", ".json", ".zip", ".graphql", ".js", ".md", ".py", ".example", ".hcl", ".tfbackend", ".txt",
        ".html", ".css", ".svg", ".png", ".ts",
    }  # fmt: skip


def test_every_document_that_the_archive_names_is_in_it(unpacked: Path):
    documents = list(unpacked.rglob("*.md"))
    assert {path.name for path in documents} == {
        "0021-untrusted-code.md", "0023-channel.md", "0025-oidc.md", "CHANGELOG.md", "README.md", "contracts.md",
        "costs.md", "frontend.md", "going-on.md", "observability.md", "operations.md", "playbooks.md", "scale.md",
        "security.md", "your-agent.md", "your-agents.md",
    }  # fmt: skip
    for document in documents:
        for link in re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", document.read_text()):
            assert (document.parent / link).exists(), f"{document.name}: {link}"
    for file in [*unpacked.rglob("*.tf"), *unpacked.rglob("*.graphql"), *unpacked.rglob("*.js")]:
        for named in re.findall(r"\bdocs/[\w.-]+\.md", file.read_text()):
            assert (unpacked / named).exists(), f"{file.name}: {named}"


def test_without_a_package_there_is_no_archive(tmp_path: Path):
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.0"\n')
    with pytest.raises(PackagingError, match=r"There is no .*terraform/deployment\.zip.*: run make dist\."):
        write_dist(tmp_path, tmp_path / "dist", "0a1b2c3d4e5f")
