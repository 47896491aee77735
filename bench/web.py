"""Measures what the packages in `web/` cost: their size in a page, and the lines that a developer writes."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess

from bench.row import Row, single
from local.settings import ROOT

_WEB = ROOT / "web"


def measure_web() -> list[Row]:
    """Build the packages, and count."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise RuntimeError("Node or npm is missing: install Node 20 or later.")
    subprocess.run([npm, "run", "build", "--silent"], cwd=_WEB, check=True, capture_output=True)
    sizes = subprocess.run([node, "client/size.mjs"], cwd=_WEB, check=True, capture_output=True, text=True)
    client = json.loads(sizes.stdout)
    react = len(gzip.compress((_WEB / "react" / "dist" / "index.js").read_bytes()))
    return [
        single("@runcast/client in a page without a sign-in, gzipped", client["createRuncast"] / 1024, "KB", 6),
        single("@runcast/client in a page with cognitoAuth, gzipped", client["withCognitoAuth"] / 1024, "KB"),
        single("the file of @runcast/client, gzipped", client["file"] / 1024, "KB"),
        single("@runcast/react, gzipped", react / 1024, "KB"),
        single("lines of the page in docs/frontend.md, its sign-in included", _page_lines(), "lines"),
    ]


def _page_lines() -> int:
    text = (ROOT / "docs" / "frontend.md").read_text(encoding="utf-8")
    [page] = re.findall(r"^ *```tsx\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    return sum(bool(line.strip()) for line in page.splitlines())
