"""Packages the project itself."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from packager.build import ARCHIVE_NAME, EXPORT_NAME, build
from packager.errors import PackagingError


@pytest.fixture(scope="module")
def package(module: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project's own package."""
    target = tmp_path_factory.mktemp("package")
    for name in (ARCHIVE_NAME, EXPORT_NAME):
        shutil.copyfile(module / "terraform" / name, target / name)
    return target


@pytest.fixture
def changed_project(project: Path, tmp_path: Path) -> Path:
    """A copy of the sources, to be changed."""
    for name in ("chalice_app", "runcast"):
        shutil.copytree(project / name, tmp_path / "project" / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "project"


def test_the_same_sources_give_the_same_bytes(package: Path, changed_project: Path, work: Path, tmp_path: Path):
    assert build(changed_project, work=work, target=tmp_path)
    for name in (ARCHIVE_NAME, EXPORT_NAME):
        assert (tmp_path / name).read_bytes() == (package / name).read_bytes()


@pytest.mark.usefixtures("module")
def test_nothing_is_done_while_nothing_changed(project: Path):
    done = subprocess.run([sys.executable, "-m", "packager"], cwd=project, capture_output=True, text=True, check=True)
    assert re.fullmatch(
        r"terraform/deployment\.zip \(\d+\.\d MB\) and terraform/chalice\.tf\.json: up to date\.\n", done.stdout
    )


def test_the_zip_holds_the_library_and_the_app_but_no_client_and_no_tests(package: Path):
    with zipfile.ZipFile(package / ARCHIVE_NAME) as archive:
        names = archive.namelist()
    folders = {name.split("/")[0] for name in names}
    assert {"app.py", "chalicelib", "runcast", "strands", "boto3"} <= folders
    assert not [name for name in names if name.startswith("runcast/client/")]
    assert not folders & {"tests", "pytest", "packager", "local", "requirements.txt"}
    assert {"runcast/errors.py", "runcast/__pycache__/errors.cpython-311.pyc"} <= set(names)


def test_every_function_has_its_role_its_tracing_and_no_name_of_its_own(package: Path):
    functions = json.loads((package / EXPORT_NAME).read_text())["resource"]["aws_lambda_function"]
    assert functions.keys() == {"agent", "api_handler", "progress_reader", "run_starter", "status_publisher"}
    for name, function in functions.items():
        assert function["function_name"] == f'${{local.function_names["{name}"]}}'
        assert function["role"] == f'${{aws_iam_role.function["{name}"].arn}}'
        assert function["tracing_config"] == {"mode": "Active"}
        assert function["runtime"] == "python3.11"


def test_what_the_zip_lacks_fails_the_packaging_and_leaves_the_last_package(
    package: Path, changed_project: Path, work: Path
):
    before = (package / ARCHIVE_NAME).read_bytes()
    with (changed_project / "chalice_app" / "app.py").open("a") as app:
        app.write("\n\ndef unused() -> None:\n    import pytest\n")
    with pytest.raises(PackagingError, match=r"app\.py:\d+: ModuleNotFoundError: No module named 'pytest'"):
        build(changed_project, work=work, target=package)
    assert (package / ARCHIVE_NAME).read_bytes() == before
