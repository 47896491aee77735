import os
import zipfile
from pathlib import Path

import pytest

from packager.archive import services_named, write_archive

SERVICES = {"botocore/data/dynamodb/2012-08-10/service-2.json", "botocore/data/endpoints.json"}
DISTRIBUTIONS = {
    "boto3": {"boto3/__init__.py", "boto3/later.py", "boto3/data/resources.json", "bin/boto", "boto3/tests/test.py"},
    "botocore": {
        "botocore/__init__.py",
        "botocore/__init__.pyi",
        "botocore/data/dynamodbstreams/2012-08-10/service-2.json",
        "botocore/data/ec2/2016-11-15/service-2.json",
        "botocore/data/bedrock-runtime/2023-09-30/service-2.json",
        *SERVICES,
    },
    "web": {"web/__init__.py"},
    "chalice": {"chalice/app.py"},
}
REACHED = frozenset({"boto3/__init__.py", "botocore/__init__.py", "chalice/app.py"})


def bytecode_of(name: str) -> str:
    folder, _, file = name.rpartition("/")
    return f"{folder}/__pycache__/{file.removesuffix('.py')}.cpython-313.pyc"


@pytest.fixture
def site_packages(tmp_path: Path) -> Path:
    root = tmp_path / "site-packages"
    for distribution, names in DISTRIBUTIONS.items():
        described = f"{distribution}-1.0.dist-info"
        files = {name: name for name in names}
        files[f"{described}/METADATA"] = f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n"
        files[f"{described}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{described}/RECORD"])
        files |= {bytecode_of(name): f"bytecode of {name}" for name in names if name.endswith(".py")}
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
    return root


@pytest.fixture
def app(tmp_path: Path) -> Path:
    root = tmp_path / "app"
    (root / "chalice").mkdir(parents=True)
    (root / "chalice" / "app.py").write_text("chalice's")
    (root / "app.py").write_text("own")
    return root


def archive(tmp_path: Path, app: Path, site_packages: Path, name: str = "deployment.zip") -> Path:
    path = tmp_path / name
    write_archive(
        path,
        app=app,
        site_packages=site_packages,
        distribution_names=frozenset({"boto3", "botocore", "chalice"}),
        reached=REACHED,
        cache_tag="cpython-313",
        services={"dynamodb"},
    )
    return path


def test_what_is_used_is_whole_but_for_services_tests_and_bytecode(tmp_path: Path, app: Path, site_packages: Path):
    with zipfile.ZipFile(archive(tmp_path, app, site_packages)) as written:
        assert written.namelist() == [
            "app.py",
            "boto3-1.0.dist-info/METADATA",
            "boto3/__init__.py",
            "boto3/__pycache__/__init__.cpython-313.pyc",
            "boto3/data/resources.json",
            "boto3/later.py",
            "botocore-1.0.dist-info/METADATA",
            "botocore/__init__.py",
            "botocore/__pycache__/__init__.cpython-313.pyc",
            *sorted(SERVICES),
            "chalice-1.0.dist-info/METADATA",
            "chalice/__pycache__/app.cpython-313.pyc",
            "chalice/app.py",
        ]


def test_entries_are_regular_files_of_1980_that_everyone_may_read(tmp_path: Path, app: Path, site_packages: Path):
    with zipfile.ZipFile(archive(tmp_path, app, site_packages)) as written:
        for entry in written.infolist():
            assert entry.date_time == (1980, 1, 1, 0, 0, 0)
            assert entry.external_attr >> 16 == 0o100644
            assert entry.compress_type == zipfile.ZIP_DEFLATED


def test_bytes_depend_on_names_and_contents_only(tmp_path: Path, app: Path, site_packages: Path):
    first = archive(tmp_path, app, site_packages, "first.zip").read_bytes()
    for path in site_packages.rglob("*.py"):
        path.chmod(0o600)
        os.utime(path, (0, 0))
    assert archive(tmp_path, app, site_packages, "second.zip").read_bytes() == first
    (site_packages / "boto3" / "__init__.py").write_text("changed")
    assert archive(tmp_path, app, site_packages, "third.zip").read_bytes() != first


def test_the_application_wins_over_a_dependency(tmp_path: Path, app: Path, site_packages: Path):
    with zipfile.ZipFile(archive(tmp_path, app, site_packages)) as written:
        assert written.read("chalice/app.py") == b"chalice's"


def test_services_are_those_the_code_names_and_the_one_strands_needs(tmp_path: Path, site_packages: Path):
    (tmp_path / "app.py").write_text('def table():\n    return client(service_name="dynamodb")\n')
    library = tmp_path / "library"
    library.mkdir()
    (library / "module.py").write_text('NAMES = ["s3-of-another-name", 1, b"ec2"]\n')
    assert services_named([tmp_path / "app.py", library], site_packages) == {"dynamodb", "bedrock-runtime"}
