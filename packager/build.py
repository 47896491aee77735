"""The way from sources to package, as a list of steps, so that it can be read in one place.

Nothing is written into the source tree but the two results, and these only after the zip has passed its import test.
What has not changed is not done again: the whole package while its inputs and results are the same, the dependencies
while `requirements.txt` is.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import platform
import shutil
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

from packager.archive import services_named, write_archive
from packager.bytecode import compile_bytecode
from packager.dependencies import install_dependencies
from packager.export import export_app, repair
from packager.import_test import import_test

EXPORT_NAME = "chalice.tf.json"
ARCHIVE_NAME = "deployment.zip"
_NOT_APP = shutil.ignore_patterns("__pycache__", "deployments", "deployed")
_NOT_LIBRARY = shutil.ignore_patterns("__pycache__", "client")  # no Lambda watches a run


def build(project: Path, *, work: Path, target: Path) -> bool:
    """Write `chalice.tf.json` and `deployment.zip` for a project, the same bytes for the same sources.

    Args:
        project: Holds `chalice_app/` and `runcast/`.
        work: Kept between runs; holds the installed dependencies and what the last run was made of.
        target: The directory of the Terraform module that takes the two files.

    Returns:
        False if both files were up to date and nothing was done.

    Raises:
        PackagingError: A requirement does not fit Lambda, Chalice failed, its export holds something that the repair
            does not know, or the zip lacks something that the code imports.
    """
    with _alone_in(work):
        inputs = _digest_of_inputs(project)
        if _is_up_to_date(work, target, inputs):
            return False
        _make(project, work)
        for name in (EXPORT_NAME, ARCHIVE_NAME):
            _replace(target / name, _results(work) / name)
        _remember(work, target, inputs)
        return True


def _make(project: Path, work: Path) -> None:
    """Make both files in the results directory; they are complete and tested when this returns."""
    site_packages = install_dependencies(project / "chalice_app" / "requirements.txt", work / "dependencies")
    app = _stage_app(project, work / "app")
    export, packaged = export_app(app, work / "export")
    repaired = repair(export)
    compile_bytecode(packaged)
    services = services_named([app / "app.py", app / "chalicelib", app / "vendor"], site_packages)

    results = _results(work)
    results.mkdir(exist_ok=True)
    write_archive(results / ARCHIVE_NAME, app=packaged, site_packages=site_packages, services=services)
    handlers = [function["handler"] for function in repaired["resource"]["aws_lambda_function"].values()]
    import_test(results / ARCHIVE_NAME, handlers=handlers, services=services)
    (results / EXPORT_NAME).write_text(json.dumps(repaired, indent=2, sort_keys=True) + "\n")


@contextlib.contextmanager
def _alone_in(work: Path) -> Iterator[None]:
    """Wait until no other process packages in this directory: two shells may well do so at once."""
    work.mkdir(parents=True, exist_ok=True)
    with (work / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _results(work: Path) -> Path:
    return work / "results"


def _stage_app(project: Path, app: Path) -> Path:
    """Lay the project out as Chalice packages it, with the library as vendored code and without requirements.

    The requirements stay out because Chalice would install them again after every change of the code.
    """
    shutil.rmtree(app, ignore_errors=True)
    shutil.copytree(project / "chalice_app", app, ignore=_NOT_APP)
    (app / "requirements.txt").unlink()
    shutil.copytree(project / "runcast", app / "vendor" / "runcast", ignore=_NOT_LIBRARY)
    return app


def _digest_of_inputs(project: Path) -> str:
    """Digest everything that the results depend on, the tools included."""
    digest = hashlib.sha256(f"{platform.python_version()} {platform.machine()} {version('chalice')}".encode())
    folders = {project / "chalice_app": _NOT_APP, project / "runcast": _NOT_LIBRARY, Path(__file__).parent: _NOT_APP}
    for folder, ignore in folders.items():
        for path in _sources(folder, ignore):
            digest.update(f"\0{folder.name}/{path.relative_to(folder)}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _sources(folder: Path, ignore: Callable[[str, list[str]], set[str]]) -> Iterator[Path]:
    for directory, subdirectories, names in os.walk(folder):
        ignored = ignore(directory, subdirectories)
        subdirectories[:] = sorted(set(subdirectories) - ignored)
        yield from (Path(directory, name) for name in sorted(names))


def _is_up_to_date(work: Path, target: Path, inputs: str) -> bool:
    memory = _memory(work)
    return memory.is_file() and json.loads(memory.read_text()) == _state(target, inputs)


def _remember(work: Path, target: Path, inputs: str) -> None:
    _memory(work).write_text(json.dumps(_state(target, inputs)))


def _memory(work: Path) -> Path:
    return work / "last.json"


def _state(target: Path, inputs: str) -> dict[str, str | None]:
    """Digest the results as they lie in `target`, so that a changed or missing one is made again."""
    files = {name: target / name for name in (EXPORT_NAME, ARCHIVE_NAME)}
    digests = {
        name: hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None for name, path in files.items()
    }
    return {"inputs": inputs, **digests}


def _replace(destination: Path, source: Path) -> None:
    """Copy so that a reader sees the old file or the new one, never half of it."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    partial = destination.with_name(f".{destination.name}.partial")
    shutil.copyfile(source, partial)
    partial.replace(destination)
