"""Imports everything that the application imports, in an interpreter with only the standard library and given folders.

The Lambdas import inside functions to start fast, so a missing module would only fail on the first call. Run on the
zip's files, this proves that the zip is complete. Run on all installed dependencies, it reports which of them are used.
"""

import json
import subprocess
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from packager.agents_folder import REQUIREMENTS, ZIP_FOLDER
from packager.errors import PackagingError

_PROGRAM = Path(__file__).with_name("import_everything.py")


def import_test(archive: Path, *, interpreter: Path, handlers: Iterable[str], services: Iterable[str]) -> None:
    """Import everything that the application in a zip imports, from the zip only.

    Args:
        archive: The zip that will be uploaded.
        interpreter: A Python of the version that the zip is for.
        handlers: The functions' handlers, such as `app.agent`.
        services: The AWS services to make clients for.

    Raises:
        PackagingError: Imports, clients or the test run failed; the message lists all failures.
    """
    with tempfile.TemporaryDirectory() as unpacked:
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(unpacked)
        _import_everything(interpreter, [Path(unpacked)], handlers, services)


class Loaded(NamedTuple):
    """The files of the dependencies that the imports load, relative to `site_packages`.

    Attributes:
        files: Those of all modules.
        tried: Those of optional modules whose import failed halfway. A Lambda tries them again at each cold start.
    """

    files: frozenset[str]
    tried: frozenset[str]


def loaded_files(
    app: Path, site_packages: Path, *, interpreter: Path, handlers: Iterable[str], services: Iterable[str]
) -> Loaded:
    """Return the files of the dependencies that the same imports load.

    Args:
        app: The application as Chalice packages it, unpacked.
        site_packages: The installed dependencies, for this machine.
        interpreter: As for `import_test`.
        handlers: As for `import_test`.
        services: As for `import_test`.

    Raises:
        PackagingError: As `import_test`: the requirements lack something that the code needs.
    """
    answer = _import_everything(interpreter, [app, site_packages], handlers, services)
    return Loaded(*(_within(site_packages, answer[name]) for name in ("loaded", "tried")))


def _within(folder: Path, files: Iterable[str]) -> frozenset[str]:
    return frozenset(file.relative_to(folder).as_posix() for file in map(Path, files) if file.is_relative_to(folder))


def _import_everything(
    interpreter: Path, folders: list[Path], handlers: Iterable[str], services: Iterable[str]
) -> dict[str, list[str]]:
    # Isolated (-I), without site-packages (-S), and writing no bytecode (-B), as on Lambda.
    python = [str(interpreter), "-I", "-S", "-B", str(_PROGRAM)]
    asked = {"folders": [str(folder) for folder in folders], "handlers": [*handlers], "services": sorted(services)}
    done = subprocess.run(python, input=json.dumps(asked), env={}, cwd="/", capture_output=True, text=True, check=False)
    if done.returncode:
        raise PackagingError(f"The program that imports everything failed:\n{done.stderr.strip()}")
    answer: dict[str, list[str]] = json.loads(done.stdout)
    if answer["failures"]:
        lines = ["The zip lacks what its code needs:", *answer["failures"]]
        if any(failure.startswith(f"{ZIP_FOLDER}/") for failure in answer["failures"]):
            lines.append(f"Packages that your agents import belong in the {REQUIREMENTS} of their folder.")
        raise PackagingError("\n".join(lines))
    return answer
