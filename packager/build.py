"""Packages the sources: all steps, in order.

Only the two results are written into the source tree, and only after the zip has passed its import test. Unchanged work
is not repeated: the package is built again only if its inputs have changed, and the dependencies are installed again
only if `requirements.txt` has. Each platform has its own cache, so switching platforms is quick.

A zip for another platform cannot run on this machine. Its contents are selected and tested with this machine's wheels,
so only the compiled modules in the deployed zip differ.
"""

import filecmp
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

from packager import agents_folder
from packager.agents import agent_names, flaws, require_valid_declarations
from packager.archive import services_named, write_archive
from packager.bytecode import compile_bytecode
from packager.dependencies import alone_in, install_dependencies
from packager.export import export_app, repair
from packager.import_test import import_test, loaded_files
from packager.lock import direct_requirements, lock_requirements
from packager.platforms import Platform, lambda_platform, own_platform, require_interpreter
from packager.reach import outermost_modules, reached_distributions, reached_files

EXPORT_NAME = "chalice.tf.json"
ARCHIVE_NAME = "deployment.zip"
_NOT_APP = shutil.ignore_patterns("__pycache__", "deployments", "deployed")
_NOT_LIBRARY = shutil.ignore_patterns("__pycache__", "client")  # the Lambdas do not use the client


def build(
    project: Path,
    *,
    work: Path,
    target: Path,
    platform: Platform | None = None,
    interpreter: Path | None = None,
    agents: Path | None = None,
    note: Callable[[str], None] = lambda flaw: print(f"Note: {flaw}", file=sys.stderr),
    say: Callable[[str], None] = lambda line: print(line, flush=True),
) -> bool:
    """Write `chalice.tf.json` and `deployment.zip` for a project, the same bytes for the same sources.

    Invalid agents and playbooks are reported each time; the others are packaged.

    Args:
        project: The folder with `chalice_app/` and `runcast/`.
        work: A cache with the installed dependencies and the last results.
        target: The directory of the Terraform module, which gets the two files.
        platform: The platform of the functions; by default that of the module's default variables.
        interpreter: A Python of the platform's version; by default one that is found on this machine.
        agents: The folder of the user's agents, which replace the demo's; its requirements are locked there.
        note: Called with a line for each invalid agent or playbook.
        say: Called with a line before each step that takes seconds.

    Returns:
        False if both files were up to date and nothing was written.

    Raises:
        PackagingError: This machine cannot package, a PARAMETERS_SCHEMA is invalid, a requirement does not fit the
            platform, Chalice failed, its export contains something that `repair` does not know, or the zip lacks a
            module that the code imports.
    """
    platform = platform or lambda_platform()
    own_platform(platform.runtime)  # raises first if this machine cannot package
    interpreter = interpreter or require_interpreter(platform.runtime)
    for flaw in flaws(project / "chalice_app", agents):
        note(flaw)
    require_valid_declarations(project / "chalice_app", agents)
    with alone_in(work):
        requirements = _requirements(project, work, platform, agents)
        results = work / "results" / platform.name
        made_of = results / "inputs"
        inputs = _digest_of_inputs(project, interpreter, requirements, agents)
        if not made_of.is_file() or made_of.read_text() != inputs:
            in_progress = results.with_suffix(".partial")
            shutil.rmtree(in_progress, ignore_errors=True)
            in_progress.mkdir(parents=True)
            _make(project, work, in_progress, platform, interpreter, requirements, agents, say)
            (in_progress / made_of.name).write_text(inputs)
            shutil.rmtree(results, ignore_errors=True)
            in_progress.rename(results)
        differing = [name for name in (EXPORT_NAME, ARCHIVE_NAME) if not _same(results / name, target / name)]
        for name in differing:
            _replace(target / name, results / name)
        return bool(differing)


def _make(
    project: Path,
    work: Path,
    results: Path,
    platform: Platform,
    interpreter: Path,
    requirements: Path,
    agents: Path | None,
    say: Callable[[str], None],
) -> None:
    """Write both files to a directory, and test them."""
    say("  installing the packages of the functions (downloads them the first time) ...")
    site_packages = install_dependencies(requirements, platform, interpreter, work / "dependencies")
    own = own_platform(platform.runtime)
    own_site_packages = install_dependencies(requirements, own, interpreter, work / "dependencies")
    say("  exporting the functions from Chalice ...")
    app = _stage_app(project, work / "app", agents)
    export, packaged = export_app(app, work / "export")
    staged_agents = app / "vendor" / agents_folder.ZIP_FOLDER if agents else None
    if staged_agents:
        agents_folder.refuse_taken_names(staged_agents, own_site_packages)
    repaired = repair(export, platform=platform, agents=agent_names(app, staged_agents))
    compile_bytecode(packaged, interpreter)

    say("  finding the modules that the functions import ...")
    handlers = sorted(function["handler"] for function in repaired["resource"]["aws_lambda_function"].values())
    services = services_named([app / "app.py", app / "chalicelib", app / "vendor"], own_site_packages)
    loaded = loaded_files(packaged, own_site_packages, interpreter=interpreter, handlers=handlers, services=services)
    # A package may be named in a string only, as pandas names openpyxl. Its author has listed it, so it is taken.
    named = outermost_modules(direct_requirements(agents), own_site_packages) if agents else []
    reached = reached_files([*loaded.files, *named], own_site_packages) | loaded.tried

    say("  compressing and testing the zip ...")
    tried = results / ARCHIVE_NAME if platform == own else work / "tried.zip"
    for archive, source in {tried: own_site_packages, results / ARCHIVE_NAME: site_packages}.items():
        write_archive(
            archive,
            app=packaged,
            site_packages=source,
            distribution_names=reached_distributions(reached, own_site_packages),
            reached=reached,
            cache_tag=platform.cache_tag,
            services=services,
        )
    import_test(tried, interpreter=interpreter, handlers=handlers, services=services)
    (results / EXPORT_NAME).write_text(json.dumps(repaired, indent=2, sort_keys=True) + "\n")


def _requirements(project: Path, work: Path, platform: Platform, agents: Path | None) -> Path:
    """Return the file with everything to install: the project's requirements, and those of the user's agents."""
    own = project / "chalice_app" / "requirements.txt"
    locked = lock_requirements(agents, platform, own) if agents else ""
    if not locked:
        return own
    both = work / "requirements.txt"
    both.write_text(f"{own.read_text()}\n{locked}")
    return both


def _stage_app(project: Path, app: Path, agents: Path | None) -> Path:
    """Copy the project for Chalice to package, with the library as vendored code and without requirements.

    Without requirements, because Chalice would install them again after every code change.
    """
    shutil.rmtree(app, ignore_errors=True)
    shutil.copytree(project / "chalice_app", app, ignore=_NOT_APP)
    (app / "requirements.txt").unlink()
    shutil.copytree(project / "runcast", app / "vendor" / "runcast", ignore=_NOT_LIBRARY)
    if agents:
        shutil.rmtree(app / "chalicelib" / "agents" / "demo", ignore_errors=True)
        agents_folder.stage(agents, app / "vendor" / agents_folder.ZIP_FOLDER)
    return app


def _digest_of_inputs(project: Path, interpreter: Path, requirements: Path, agents: Path | None) -> str:
    """Return a hash of everything that the results depend on, including the tools."""
    python = subprocess.run([interpreter, "-VV"], capture_output=True, check=False).stdout
    digest = hashlib.sha256(python + f" {sys.version} {version('chalice')}".encode())
    folders = {project / "chalice_app": _NOT_APP, project / "runcast": _NOT_LIBRARY, Path(__file__).parent: _NOT_APP}
    for folder, ignore in folders.items():
        for path in _sources(folder, ignore):
            digest.update(f"\0{folder.name}/{path.relative_to(folder)}\0".encode())
            digest.update(path.read_bytes())
    if agents:
        digest.update(requirements.read_bytes())
        for path in agents_folder.sources(agents):
            digest.update(f"\0agents/{path.relative_to(agents)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _sources(folder: Path, ignore: Callable[[str, list[str]], set[str]]) -> Iterator[Path]:
    for directory, subdirectories, names in os.walk(folder):
        ignored = ignore(directory, subdirectories)
        subdirectories[:] = sorted(set(subdirectories) - ignored)
        yield from (Path(directory, name) for name in sorted(names))


def _same(one: Path, other: Path) -> bool:
    return other.is_file() and filecmp.cmp(one, other, shallow=False)


def _replace(destination: Path, source: Path) -> None:
    """Copy a file atomically."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    partial = destination.with_name(f".{destination.name}.partial")
    shutil.copyfile(source, partial)
    partial.replace(destination)
