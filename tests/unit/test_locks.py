"""The lock files name one version of each package, and serve every Python and system that is supported."""

from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("lock", ["requirements-dev.txt", "chalice_app/requirements.txt"])
@pytest.mark.parametrize("system", ["linux", "darwin"])
@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14"])
def test_what_a_locked_package_needs_is_locked_too(lock: str, system: str, version: str):
    lines = [line for line in (ROOT / lock).read_text().splitlines() if line and not line.startswith((" ", "#"))]
    pinned = {canonicalize_name(Requirement(line).name) for line in lines}
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
