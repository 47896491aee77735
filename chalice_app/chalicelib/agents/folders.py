"""The folder with the user's agents and their playbooks, which lies outside the clone until it is packaged."""

from __future__ import annotations

import os
from pathlib import Path

OWN_FOLDER = Path(os.environ.get("RUNCAST_AGENTS_FOLDER") or Path(__file__).parents[2] / "runcast_agents")
"""The user's folder; it may not exist. In a zip it is `runcast_agents`; elsewhere the environment names it."""
