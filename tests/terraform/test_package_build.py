"""Packages the project itself."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from chalicelib.agents import registry

from local.settings import FUNCTION_PYTHON
from packager.build import ARCHIVE_NAME, EXPORT_NAME, build
from packager.dependencies import install_dependencies
from packager.errors import PackagingError
from packager.import_test import import_test, loaded_files
from packager.platforms import RUNTIMES, find_interpreter, lambda_platform, own_platform, runtime_of
from packager.reach import reached_distributions, reached_files

# Of the runtimes whose Python is here: the module's default, if there is a choice.
RUNTIME = runtime_of(FUNCTION_PYTHON)
X86_64, ARM64 = lambda_platform(RUNTIME, "x86_64"), lambda_platform(RUNTIME, "arm64")


@pytest.fixture(scope="module")
def package(project: Path, work: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's own package."""
    target = tmp_path_factory.mktemp("package")
    build(project, work=work, target=target, platform=X86_64)
    return target


@pytest.fixture(scope="module")
def arm64(project: Path, work: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same for the other architecture."""
    target = tmp_path_factory.mktemp("arm64")
    build(project, work=work, target=target, platform=ARM64)
    return target


@pytest.fixture(scope="module")
def chalices_own_zip(project: Path) -> Path:
    """What Chalice packages of the same requirements and one function; kept, because it takes a while."""
    requirements = (project / "chalice_app" / "requirements.txt").read_text()
    kept = project / "build" / "chalice" / hashlib.sha256(requirements.encode()).hexdigest()[:16]
    if not kept.is_dir():
        app = kept.with_suffix(".partial")
        shutil.rmtree(app, ignore_errors=True)
        (app / ".chalice").mkdir(parents=True)
        (app / ".chalice" / "config.json").write_text('{"version": "2.0", "app_name": "plain"}')
        (app / "app.py").write_text(
            "from chalice import Chalice\n"
            "app = Chalice(app_name='plain')\n"
            "@app.lambda_function()\n"
            "def function(event, context): ...\n"
        )
        (app / "requirements.txt").write_text(requirements)
        command = [
            str(Path(sys.executable).with_name("chalice")),
            "package",
            "--pkg-format",
            "terraform",
            str(app / "out"),
        ]
        environment = {**os.environ, "AWS_DEFAULT_REGION": "us-east-1"}
        done = subprocess.run(command, cwd=app, env=environment, capture_output=True, text=True, check=True)
        assert "Could not install dependencies" not in done.stdout + done.stderr
        app.rename(kept)
    return kept / "out" / "deployment.zip"


@pytest.fixture
def changed_project(project: Path, tmp_path: Path) -> Path:
    """A copy of the sources, to be changed."""
    for name in ("chalice_app", "runcast"):
        shutil.copytree(project / name, tmp_path / "project" / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "project"


def names_in(archive: Path) -> set[str]:
    with zipfile.ZipFile(archive) as opened:
        return set(opened.namelist())


@pytest.mark.long
def test_the_same_sources_give_the_same_bytes_wherever_they_lie(
    package: Path, arm64: Path, changed_project: Path, tmp_path: Path
):
    for platform, expected in ((ARM64, arm64), (X86_64, package)):
        assert build(changed_project, work=tmp_path / "work", target=tmp_path, platform=platform)
        for name in (ARCHIVE_NAME, EXPORT_NAME):
            assert (tmp_path / name).read_bytes() == (expected / name).read_bytes()


@pytest.mark.usefixtures("arm64")
def test_nothing_is_done_while_nothing_changed_even_if_the_other_was_packaged(project: Path):
    run = [sys.executable, "-m", "packager", "--runtime", RUNTIME, "x86_64"]
    subprocess.run(run, cwd=project, capture_output=True, check=True)
    done = subprocess.run(run, cwd=project, capture_output=True, text=True, check=True)
    said = (
        rf"terraform/deployment\.zip \(\d+\.\d MB, {RUNTIME}, x86_64\) and terraform/chalice\.tf\.json: up to date\.\n"
    )
    assert re.fullmatch(said, done.stdout)


def test_an_architecture_that_lambda_has_not_is_refused(project: Path):
    run = [sys.executable, "-m", "packager", "riscv64"]
    done = subprocess.run(run, cwd=project, capture_output=True, text=True)
    assert done.returncode == 2
    assert "invalid choice: 'riscv64' (choose from 'x86_64', 'arm64')" in done.stderr


@pytest.mark.long
def test_the_zip_is_at_most_46_percent_of_chalice_s_own(package: Path, arm64: Path, chalices_own_zip: Path):
    limit = 0.46 * chalices_own_zip.stat().st_size
    assert (package / ARCHIVE_NAME).stat().st_size <= limit
    assert (arm64 / ARCHIVE_NAME).stat().st_size <= limit


@pytest.mark.long
def test_what_no_import_leads_to_stays_out(package: Path, chalices_own_zip: Path):
    left_out = {"mcp", "cryptography", "uvicorn", "starlette", "jwt"}
    assert left_out <= {name.split("/")[0] for name in names_in(chalices_own_zip)}
    assert not left_out & {name.split("/")[0] for name in names_in(package / ARCHIVE_NAME)}


def test_what_an_agent_imports_is_taken_though_no_list_names_it(project: Path, work: Path, tmp_path: Path):
    requirements = project / "chalice_app" / "requirements.txt"
    installed = install_dependencies(requirements, X86_64, FUNCTION_PYTHON, work / "dependencies")
    (tmp_path / "app.py").write_text("def build(run):\n    from strands.tools.mcp import MCPClient\n")
    loaded = loaded_files(tmp_path, installed, interpreter=FUNCTION_PYTHON, handlers=[], services=[])
    reached = reached_files(loaded.files, installed)
    assert {"mcp", "cryptography", "PyJWT", "uvicorn"} <= reached_distributions(reached, installed)


def test_both_architectures_hold_the_same_but_for_compiled_modules(package: Path, arm64: Path):
    modules = {}
    for machine, folder in (("x86_64", package), ("aarch64", arm64)):
        with zipfile.ZipFile(folder / ARCHIVE_NAME) as archive:
            modules[machine] = {name for name in archive.namelist() if name.endswith(".so")}
            elf_machines = {int.from_bytes(archive.read(name)[18:20], "little") for name in modules[machine]}
        assert elf_machines == {{"x86_64": 62, "aarch64": 183}[machine]}
    others = names_in(package / ARCHIVE_NAME) - modules["x86_64"]
    assert names_in(arm64 / ARCHIVE_NAME) - modules["aarch64"] == others
    assert {name.replace("x86_64", "aarch64") for name in modules["x86_64"]} == modules["aarch64"]
    with zipfile.ZipFile(package / ARCHIVE_NAME) as one, zipfile.ZipFile(arm64 / ARCHIVE_NAME) as other:
        assert {name for name in others if ".dist-info/" not in name and one.read(name) != other.read(name)} == set()


def test_the_export_says_what_the_zip_is_for(package: Path, arm64: Path):
    for architecture, folder in (("x86_64", package), ("arm64", arm64)):
        said = json.loads((folder / EXPORT_NAME).read_text())["locals"]
        assert (said["packaged_architecture"], said["packaged_agents"]) == (architecture, list(registry.names()))
        assert said["packaged_runtime"] == RUNTIME


def test_whatever_is_taken_out_of_the_zip_is_missed_by_name(package: Path, tmp_path: Path):
    taken_out = {
        "strands/agent/_agent_delegation.py": "a run of a Strands agent: ModuleNotFoundError",
        "botocore/data/dynamodb/2012-08-10/service-2.json.gz": "client dynamodb: ",
    }
    with (
        zipfile.ZipFile(package / ARCHIVE_NAME) as whole,
        zipfile.ZipFile(tmp_path / ARCHIVE_NAME, "w") as mutilated,
    ):
        for name in sorted(set(whole.namelist()) - taken_out.keys()):
            mutilated.writestr(name, whole.read(name))
    with pytest.raises(PackagingError) as caught:
        import_test(
            tmp_path / ARCHIVE_NAME,
            interpreter=FUNCTION_PYTHON,
            handlers=["app.agent"],
            services=["dynamodb", "lambda"],
        )
    for missed in taken_out.values():
        assert missed in str(caught.value)


def test_the_zip_holds_the_library_and_the_app_but_no_client_and_no_tests(package: Path):
    with zipfile.ZipFile(package / ARCHIVE_NAME) as archive:
        names = archive.namelist()
    folders = {name.split("/")[0] for name in names}
    assert {"app.py", "chalicelib", "runcast", "strands", "boto3"} <= folders
    assert not [name for name in names if name.startswith("runcast/client/")]
    assert not folders & {"tests", "pytest", "packager", "local", "requirements.txt"}
    assert {"runcast/errors.py", f"runcast/__pycache__/errors.{X86_64.cache_tag}.pyc"} <= set(names)


def test_every_function_has_its_role_its_tracing_and_no_name_of_its_own(package: Path):
    functions = json.loads((package / EXPORT_NAME).read_text())["resource"]["aws_lambda_function"]
    assert functions.keys() == {
        "agent",
        "api_handler",
        "orchestrator",
        "progress_reader",
        "run_closer",
        "run_starter",
        "status_publisher",
    }
    for name, function in functions.items():
        assert function["function_name"] == f'${{local.function_names["{name}"]}}'
        assert function["role"] == f'${{aws_iam_role.function["{name}"].arn}}'
        assert function["tracing_config"] == {"mode": "Active"}
        assert function["runtime"] == "${var.lambda_runtime}"


def test_what_the_zip_lacks_fails_the_packaging_and_leaves_the_last_package(
    package: Path, changed_project: Path, work: Path
):
    before = (package / ARCHIVE_NAME).read_bytes()
    with (changed_project / "chalice_app" / "app.py").open("a") as app:
        app.write("\n\ndef unused() -> None:\n    import pytest\n")
    with pytest.raises(PackagingError, match=r"app\.py:\d+: ModuleNotFoundError: No module named 'pytest'"):
        build(changed_project, work=work, target=package, platform=X86_64)
    assert (package / ARCHIVE_NAME).read_bytes() == before


@pytest.mark.long
def test_each_runtime_whose_python_is_here_has_its_own_zip(project: Path, package: Path, work: Path, tmp_path: Path):
    found = [runtime for runtime in RUNTIMES if find_interpreter(runtime)]
    other = lambda_platform(next((runtime for runtime in found if runtime != RUNTIME), RUNTIME), "x86_64")
    build(project, work=work, target=tmp_path, platform=other)
    for folder, platform in ((package, X86_64), (tmp_path, other)):
        names = names_in(folder / ARCHIVE_NAME)
        tags = {match[1] for name in names if (match := re.search(r"\.(cpython-\d+)(?:-.+\.so|\.pyc)$", name))}
        assert tags == {platform.cache_tag}
        assert json.loads((folder / EXPORT_NAME).read_text())["locals"]["packaged_runtime"] == platform.runtime


@pytest.mark.long
def test_on_macos_lambda_s_wheels_are_packaged_and_the_host_s_are_tried(
    project: Path, package: Path, work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    shutil.rmtree(work / "dependencies" / own_platform(RUNTIME).name, ignore_errors=True)
    anew = tmp_path / "work"
    anew.mkdir()
    (anew / "dependencies").symlink_to(work / "dependencies")
    build(project, work=anew, target=tmp_path / "deployed", platform=X86_64)
    assert (work / "dependencies" / own_platform(RUNTIME).name).is_dir()
    for name in (ARCHIVE_NAME, EXPORT_NAME):
        assert (tmp_path / "deployed" / name).read_bytes() == (package / name).read_bytes()
    build(project, work=anew, target=tmp_path / "local", platform=own_platform(RUNTIME))
    assert json.loads((tmp_path / "local" / EXPORT_NAME).read_text())["locals"]["packaged_architecture"] == "arm64"
    # Here the host's wheels are Linux's, so the local zip can be looked at as well as tried.
    assert names_in(tmp_path / "local" / ARCHIVE_NAME) == names_in(package / ARCHIVE_NAME)


@pytest.mark.parametrize(("system", "machine"), [("Windows", "AMD64"), ("Linux", "riscv64"), ("FreeBSD", "amd64")])
def test_a_machine_that_cannot_package_is_refused_before_anything_is_installed(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str, machine: str
):
    monkeypatch.setattr("platform.system", lambda: system)
    monkeypatch.setattr("platform.machine", lambda: machine)
    said = f"^Runcast packages on Linux and macOS .* this is {system} on {machine}.* On Windows, work in WSL 2"
    with pytest.raises(PackagingError, match=said):
        build(project, work=tmp_path / "work", target=tmp_path, platform=X86_64)
    assert list(tmp_path.iterdir()) == []


def test_a_runtime_whose_python_is_missing_is_refused_with_what_to_install(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    missing = next(runtime for runtime in RUNTIMES if runtime_of(Path(sys.executable)) != runtime)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path))
    said = f"^A zip for {missing} is compiled and tried with Python {missing[6:]}, which is not on this machine"
    with pytest.raises(PackagingError, match=said):
        build(project, work=tmp_path / "work", target=tmp_path, platform=lambda_platform(missing))
    assert not (tmp_path / "work").exists()
