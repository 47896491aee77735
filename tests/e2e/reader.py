"""A reader of the documents: the commands of a page, and a shell with only what the reader has at that point."""

import json
import os
import re
import subprocess
from pathlib import Path

from local.settings import ROOT
from tests.e2e.conftest import AGENT, DEADLINE_SECONDS


def blocks_of(document: str, language: str = "sh") -> list[str]:
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / document).read_text(), re.MULTILINE | re.DOTALL)
    # As a reader does who has removed the demonstration's agents.
    return [block.replace('"terrain"', json.dumps(AGENT)) for block in blocks]


def environment_of(home: Path) -> dict[str, str]:
    """Return the variables of a shell in which nothing was read or activated yet."""
    path = ":".join(part for part in os.environ["PATH"].split(":") if part != str(ROOT / ".venv" / "bin"))
    return {"PATH": path, "HOME": str(home)}


def read_in_a_shell(lines: str, *, home: Path, environment: dict[str, str] | None = None, **options) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", lines],
        env=environment_of(home) | (environment or {}), capture_output=True, text=True,
        **{"cwd": ROOT, "timeout": 4 * DEADLINE_SECONDS, **options},
    )  # fmt: skip
    assert done.returncode == 0, f"{lines}\n{done.stdout}{done.stderr}"
    return done.stdout
