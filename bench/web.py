"""Measures what the packages in `web/` cost: their size in a page, and the lines that a developer writes."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess

from bench.row import Row, single
from local.settings import ROOT

_WEB = ROOT / "web"


def measure_web() -> list[Row]:
    """Build the packages, and count."""
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError("npm is missing: install Node 20 or later.")
    subprocess.run([npm, "run", "build", "--silent"], cwd=_WEB, check=True, capture_output=True)
    return [
        single("@runcast/client with its sign-ins, gzipped", _kilobytes("client"), "KB", 6),
        single("@runcast/react, gzipped", _kilobytes("react"), "KB"),
        single("lines of the page in docs/frontend.md, its sign-in included", _page_lines(), "lines"),
    ]


def _kilobytes(package: str) -> float:
    code = (_WEB / package / "dist" / "index.js").read_bytes()
    return len(gzip.compress(code)) / 1024


def _page_lines() -> int:
    text = (ROOT / "docs" / "frontend.md").read_text(encoding="utf-8")
    [page] = re.findall(r"^ *```tsx\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    return sum(bool(line.strip()) for line in page.splitlines())
