"""The command behind `make release`: a tagged commit with one version everywhere, and its artefacts in `dist/VERSION`.

The artefacts are built from the commit before it is tagged. If one cannot be built, the commit is taken back. Nothing
is pushed or published.
"""

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

from packager.build import build
from packager.dist import commit_of, write_dist
from packager.errors import PackagingError

CHECKSUMS = "SHA256SUMS"
_PROJECT = Path(__file__).resolve().parent.parent
_SEMANTIC = re.compile(r"\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?")
_UNRELEASED = "## [Unreleased]\n"
# Each place with a version, as the group of a pattern.
_PLACES = {
    "pyproject.toml": r'^version = "(.+)"$',
    "runcast/__init__.py": r'^__version__ = "(.+)"$',
    "web/client/package.json": r'^  "version": "(.+)",$',
    "web/react/package.json": r'^  "version": "(.+)",$|^    "@runcast/client": "(.+)",$',
    "web/package-lock.json": r'"name": "@runcast/\w+",\n +"version": "(.+)",$|^ +"@runcast/client": "([\d].*)",$',
    "docs/frontend.md": r"runcast-(?:client|react)-(\d[\w.-]*)\.tgz",
}
# What the artefacts are made of. A file that Git does not know would be packaged and missing in the tag.
_PACKAGED = ("chalice_app", "graphql", "runcast", "terraform", "web")


def versions(project: Path) -> Iterator[tuple[str, str]]:
    """Yield each place with a version, and that version."""
    for name, pattern in _PLACES.items():
        for found in re.finditer(pattern, (project / name).read_text(), re.MULTILINE):
            yield name, next(filter(None, found.groups()))


def set_version(project: Path, version: str) -> None:
    """Write a version into each place."""
    for name, pattern in _PLACES.items():
        path = project / name
        path.write_text(
            re.sub(
                pattern,
                lambda found: found[0].replace(next(filter(None, found.groups())), version),
                path.read_text(),
                flags=re.MULTILINE,
            )
        )


def dated(changelog: str, version: str, today: date) -> tuple[str, str]:
    """Return the changelog with its unreleased changes under a version, and these changes.

    Raises:
        PackagingError: It has no unreleased changes.
    """
    before, heading, rest = changelog.partition(_UNRELEASED)
    changes = rest.partition("\n## [")[0].strip()
    if not heading or not changes:
        raise PackagingError("CHANGELOG.md has nothing under [Unreleased]: write down what has changed for users.")
    return f"{before}{heading}\n## [{version}] - {today.isoformat()}\n{rest}", changes


def release(project: Path, version: str) -> Path:
    """Commit the version, build the artefacts, tag the commit, and return the folder of the artefacts.

    Raises:
        PackagingError: The version or the clone does not allow a release, or an artefact cannot be built.
    """
    if not _SEMANTIC.fullmatch(version):
        raise PackagingError(f"VERSION is {version!r}: give one such as 1.0.0 (https://semver.org).")
    _require_releasable(project, version)
    before = _git(project, "rev-parse", "HEAD")
    text, changes = dated((project / "CHANGELOG.md").read_text(), version, datetime.now(UTC).date())
    (project / "CHANGELOG.md").write_text(text)
    set_version(project, version)
    _git(project, "commit", "-q", "-a", "-m", f"Release {version}")
    folder = project / "dist" / version
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _build_artefacts(project, folder)
        _git(project, "tag", "-a", f"v{version}", "--cleanup=whitespace", "-m", f"Runcast {version}\n\n{changes}")
    except BaseException:
        _git(project, "reset", "-q", "--hard", before)
        raise
    return folder


def _require_releasable(project: Path, version: str) -> None:
    if _git(project, "status", "--porcelain", "--untracked-files=no"):
        raise PackagingError("There are changes that are not committed: commit them, or take them back.")
    if unknown := _git(project, "ls-files", "--others", "--exclude-standard", *_PACKAGED):
        raise PackagingError(f"Git does not know these files, but they would be packaged:\n{unknown}")
    if _git(project, "tag", "--list", f"v{version}"):
        raise PackagingError(f"The tag v{version} exists already: give the next version.")


def _build_artefacts(project: Path, folder: Path) -> None:
    print("The wheel ...", flush=True)
    shutil.rmtree(project / "build" / "lib", ignore_errors=True)  # setuptools keeps deleted modules there
    uv = Path(sys.executable).with_name("uv")
    _run(
        project, str(uv), "build", "-q", "--wheel", "--no-build-isolation",
        "--python", sys.executable, "--out-dir", str(folder), ".",
    )  # fmt: skip
    (folder / ".gitignore").unlink()  # uv writes it
    print("The npm packages ...", flush=True)
    _run(project / "web", "npm", "run", "build", "--silent")
    _run(project / "web", "npm", "pack", "--silent", "--workspaces", "--pack-destination", str(folder))
    print("The Terraform module, with the console ...", flush=True)
    _run(project / "web", "npm", "run", "build-console", "--silent")
    build(project, work=project / "build" / "package", target=project / "terraform")
    write_dist(project, folder, commit_of(project)).with_suffix(".zip.sha256").unlink()  # it is in the checksums
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(folder.iterdir())]
    (folder / CHECKSUMS).write_text("".join(lines))


def _git(project: Path, *arguments: str) -> str:
    return _run(project, "git", *arguments).strip()


def _run(folder: Path, *command: str) -> str:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    except subprocess.CalledProcessError as error:
        raise PackagingError(f"{' '.join(command)} failed: {error.stderr.strip() or error.stdout.strip()}") from error
    return done.stdout


def main() -> int:
    """Release, and say what to do next."""
    parser = argparse.ArgumentParser(prog="python -m packager.release", description="Tag a version and build it.")
    parser.add_argument("version", help="the new version, such as 1.0.0")
    version = parser.parse_args().version
    try:
        folder = release(_PROJECT, version)
    except PackagingError as error:
        print(f"Cannot release: {error}", file=sys.stderr)
        return 1
    for path in sorted(folder.iterdir()):
        print(f"  {path.relative_to(_PROJECT)}")
    print(f"v{version} is tagged. Next: git push --follow-tags, and publish these files.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
