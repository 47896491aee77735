"""The command behind `make picture`: draws both pictures into `docs/pictures/`; the job is a real one."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path

from local.demo import machine
from local.deployment import client_environment
from local.settings import Settings
from pictures.architecture import drawn
from pictures.session import animated, record_job

_FOLDER = Path(__file__).resolve().parent.parent / "docs" / "pictures"


def main() -> int:
    """Draw the architecture, run the playbook on the local machine, and draw its recording."""
    parser = argparse.ArgumentParser(prog="python -m pictures", description="Draw the pictures of the documentation.")
    parser.add_argument("playbook", help="the playbook to record")
    parser.add_argument("query", help="the query of the job")
    given = parser.parse_args()
    (_FOLDER / "architecture.svg").write_text(drawn())
    with machine(Settings.from_environment()) as (state, _):
        os.environ.update(client_environment(state, state.users[0]))
        frames = asyncio.run(record_job(os.environ, given.playbook, given.query))
    (_FOLDER / "job.svg").write_text(animated(frames, "A job of four agents"))
    print(f"{_FOLDER}: architecture.svg and job.svg ({len(frames)} steps recorded)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
