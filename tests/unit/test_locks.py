"""The lock files name one version of each package and its hashes, and serve every supported Python and system."""

import re
from importlib.metadata import distribution
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("lock", ["requirements-dev.txt", "chalice_app/requirements.txt"])
@pytest.mark.parametrize("system", ["linux", "darwin"])
@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14"])
def test_what_a_locked_package_needs_is_locked_too(lock: str, system: str, version: str):
    lines = [line for line in (ROOT / lock).read_text().splitlines() if line and not line.startswith((" ", "#"))]
    pinned = {canonicalize_name(Requirement(line.removesuffix(" \\")).name) for line in lines}
    environment = {
        "python_version": version,
        "python_full_version": f"{version}.0",
        "sys_platform": system,
        "platform_system": {"linux": "Linux", "darwin": "Darwin"}[system],
        "extra": "",
    }
    missing = [
        f"{name} needs {needed}"
        for name in pinned
        for needed in map(Requirement, distribution(name).requires or ())
        if (needed.marker is None or needed.marker.evaluate(environment))
        and canonicalize_name(needed.name) not in pinned
    ]
    assert missing == []


def locks() -> list[Path]:
    ours = [path for depth in range(4) for path in ROOT.glob("*/" * depth + "*requirements*.in")]
    return [
        path.with_suffix(".txt") for path in ours if not {".local", ".venv", "build", "node_modules"} & {*path.parts}
    ]


@pytest.mark.parametrize("lock", [str(path.relative_to(ROOT)) for path in locks()])
def test_each_line_of_a_lock_is_one_version_with_hashes_and_names_no_registry(lock: str):
    text = (ROOT / lock).read_text()
    lines = re.findall(r"(?m)^[^#\s].*$", text)
    hashed = re.findall(r"(?m)^[\w.\[\],-]+==\S+(?: ; [^\\]+)? \\\n    --hash=sha256:[0-9a-f]{64}", text)
    assert len(lines) == len(hashed) > 0
    assert "://" not in re.sub(r"(?m)^ *#.*$", "", text)


def test_every_installation_from_a_lock_checks_the_hashes():
    makefile = (ROOT / "Makefile").read_text()
    recipes = re.findall(r"(?m)^\t.*requirements.*$", re.sub(r"(?m)^.*\$\(LOCK\).*$", "", makefile))
    assert [line for line in recipes if "$(SYNC) " not in line and "--require-hashes" not in line] == []
    assert len(recipes) >= 7
    assert "--require-hashes" in re.search(r"(?m)^SYNC := (.*)$", makefile)[1]
    # What is left installs this project, and nothing else.
    others = [
        line.strip() for line in makefile.splitlines() if "pip install" in line and "--require-hashes" not in line
    ]
    assert all("--no-deps --no-build-isolation -e ." in line for line in others)


def test_updates_of_every_lock_file_are_proposed():
    updates = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text())["updates"]
    for ecosystem, name in (("pip", "*requirements*.in"), ("npm", "package-lock.json")):
        found = [path.relative_to(ROOT).parent for depth in range(4) for path in ROOT.glob("*/" * depth + name)]
        # What make has installed or built has lock files, too.
        ours = [folder for folder in found if not {".local", ".venv", "build", "node_modules"} & {*folder.parts}]
        [listed] = [update["directories"] for update in updates if update["package-ecosystem"] == ecosystem]
        assert {folder for folder in listed if (ROOT / folder[1:]).is_dir()} == {
            "/" if folder == Path() else f"/{folder}" for folder in ours
        }
