"""Writes the zip to upload: only needed files, in a fixed order with a fixed date. Equal sources give equal bytes.

Rules decide which files are needed, not a list. A distribution is included whole if the code uses any part of it,
because its parts may name each other in strings. Bytecode only saves time, so it is included only for the reached
files. Botocore's definitions of more than 400 AWS services are most of its size; only those of services that the code
names are included.
"""

import ast
import zipfile
from collections.abc import Iterable, Iterator
from importlib.metadata import distributions
from pathlib import Path, PurePosixPath

_BOTOCORE_DATA = "botocore/data/"
_STRANDS_SERVICES = {"bedrock-runtime"}  # strands.models.BedrockModel makes this client
_NEVER_READ = {".c", ".h", ".pxd", ".pyi", ".pyx"}  # at run time
_NEVER_RUN = {"__pycache__", "bin", "tests"}  # bytecode is compiled here; scripts name this machine's Python
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date that a zip can store
_REGULAR_FILE_0644 = 0o100644 << 16
_UNIX = 3
_SMALLEST = 9  # zlib's highest level


def write_archive(
    archive: Path,
    *,
    app: Path,
    site_packages: Path,
    distribution_names: frozenset[str],
    reached: frozenset[str],
    cache_tag: str,
    services: set[str],
) -> None:
    """Write the zip with the application, its library and its dependencies.

    Args:
        archive: The file to write.
        app: The application as Chalice packages it, unpacked. Its files take precedence.
        site_packages: The installed dependencies.
        distribution_names: The dependencies to include.
        reached: The files whose bytecode is included, relative to `site_packages`.
        cache_tag: The part of bytecode file names that identifies the Python version.
        services: The AWS services whose definitions are included.
    """
    files = dict(_dependency_files(site_packages, distribution_names, reached, cache_tag, services))
    files |= {path.relative_to(app).as_posix(): path for path in app.rglob("*") if path.is_file()}
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for name in sorted(files):
            out.writestr(archive_entry(name), files[name].read_bytes(), compresslevel=_SMALLEST)


def archive_entry(name: str) -> zipfile.ZipInfo:
    """Return the header of a file in a zip. Equal contents give equal bytes: all files have one date and one mode.

    Args:
        name: The file's name in the zip.
    """
    info = zipfile.ZipInfo(name, _EPOCH)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.create_system = _UNIX
    info.external_attr = _REGULAR_FILE_0644
    return info


def services_named(sources: Iterable[Path], site_packages: Path) -> set[str]:
    """Return the AWS services that the code may make clients for: those that it names in any string, and Strands' own.

    A string that only happens to equal a service's name adds a few kilobytes to the zip. A service that no string names
    is not used.

    Args:
        sources: Python files, or directories of them.
        site_packages: Where botocore is installed.
    """
    known = {path.name for path in (site_packages / _BOTOCORE_DATA).iterdir() if path.is_dir()}
    trees = (ast.parse(file.read_bytes()) for source in sources for file in _python_files(source))
    constants = (node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return {*_STRANDS_SERVICES, *(value for value in constants if isinstance(value, str))} & known


def _dependency_files(
    site_packages: Path, distribution_names: frozenset[str], reached: frozenset[str], cache_tag: str, services: set[str]
) -> Iterator[tuple[str, Path]]:
    for distribution in distributions(path=[str(site_packages)]):
        if distribution.name not in distribution_names:
            continue
        for file in distribution.files or ():
            name = file.as_posix()
            if name in reached or _is_needed(file, services):
                yield name, site_packages / name
            if name in reached and file.suffix == ".py":
                bytecode = (file.parent / "__pycache__" / f"{file.stem}.{cache_tag}.pyc").as_posix()
                yield bytecode, site_packages / bytecode


def _is_needed(file: PurePosixPath, services: set[str]) -> bool:
    if file.suffix in _NEVER_READ or file.name == "RECORD" or not _NEVER_RUN.isdisjoint(file.parts[:-1]):
        return False
    service, in_folder, _ = file.as_posix().removeprefix(_BOTOCORE_DATA).partition("/")
    return not (file.as_posix().startswith(_BOTOCORE_DATA) and in_folder) or service in services


def _python_files(source: Path) -> list[Path]:
    return [source] if source.is_file() else sorted(source.rglob("*.py"))
