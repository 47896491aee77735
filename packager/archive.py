"""Writes the zip that is uploaded: what is needed, in one order, with one date, so that equal sources give equal bytes.

One rule says what stays out: the definitions of AWS services that nothing asks for. botocore carries more than 400,
most of its size, and reads one only when a client for that service is made.
"""

import ast
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

_BOTOCORE_DATA = "botocore/data/"
_STRANDS_SERVICES = {"bedrock-runtime"}  # what strands.models.BedrockModel makes a client for
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first date that a zip can hold
_REGULAR_FILE_0644 = 0o100644 << 16
_UNIX = 3


def write_archive(archive: Path, *, app: Path, site_packages: Path, services: set[str]) -> None:
    """Write the zip with the application, its library and its dependencies.

    Args:
        archive: The file to write.
        app: The application as Chalice packages it, unpacked; where both have a file, this one is taken.
        site_packages: The installed dependencies.
        services: The AWS services whose definitions stay in.
    """
    files = {path.relative_to(root).as_posix(): path for root in (site_packages, app) for path in _files(root)}
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for name in sorted(files):
            if _is_packaged(name, services):
                info = zipfile.ZipInfo(name, _EPOCH)
                info.compress_type = zipfile.ZIP_DEFLATED
                info.create_system = _UNIX
                info.external_attr = _REGULAR_FILE_0644
                out.writestr(info, files[name].read_bytes())


def services_named(sources: Iterable[Path], site_packages: Path) -> set[str]:
    """Find the AWS services that the code may make clients for: those it names in any string, and Strands' own.

    A string that only happens to be a service's name keeps a few kilobytes too many in the zip; a service that is named
    nowhere cannot be missed.

    Args:
        sources: Python files, or directories of them.
        site_packages: Where botocore is installed.
    """
    known = {path.name for path in (site_packages / _BOTOCORE_DATA).iterdir() if path.is_dir()}
    trees = (ast.parse(file.read_bytes()) for source in sources for file in _python_files(source))
    constants = (node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return {*_STRANDS_SERVICES, *(value for value in constants if isinstance(value, str))} & known


def _is_packaged(name: str, services: set[str]) -> bool:
    service, in_folder, _ = name.removeprefix(_BOTOCORE_DATA).partition("/")
    return not (name.startswith(_BOTOCORE_DATA) and in_folder) or service in services


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _python_files(source: Path) -> list[Path]:
    return [source] if source.is_file() else sorted(source.rglob("*.py"))
