"""The site that `make docs` builds: it has every page, builds without a warning, and loads nothing from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SITE = ROOT / "website"
# Made for the site.
GENERATED = {"python.md", "npm.md"}


def pages_in(nav: Any) -> Iterator[str]:
    for entry in nav:
        for page in entry.values():
            yield from [page] if isinstance(page, str) else pages_in(page)


def test_each_document_has_its_place_in_the_navigation():
    nav = list(pages_in(yaml.safe_load((SITE / "mkdocs.yml").read_text())["nav"]))
    outside = dict(re.findall(r'^    "([a-z-]+\.md)": "(.+)",$', (SITE / "pages.py").read_text(), re.MULTILINE))
    documents = {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")}
    assert len(nav) == len(set(nav))
    # The index of the decisions names each of them: test_documents.py.
    assert set(nav) == {name for name in documents if not name.startswith("decisions/0")} | outside.keys() | GENERATED
    assert [source for source in outside.values() if not (ROOT / source).exists()] == []


@pytest.mark.long  # builds for half a minute what the test above and test_documents.py check in the sources
def test_the_site_builds_without_a_warning_and_each_page_is_two_clicks_away(tmp_path: Path):
    mkdocs = ROOT / ".local" / "docs-venv" / "bin" / "mkdocs"
    site = tmp_path / "site"
    done = subprocess.run(
        [mkdocs, "build", "--config-file", SITE / "mkdocs.yml", "--site-dir", site],
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stdout + done.stderr

    links, loaded = {}, set()
    for page in site.rglob("*.html"):
        html = page.read_text()
        found = re.findall(r'<a\s[^>]*?href="([^"#:]+\.html)', html)
        links[page] = {(page.parent / link).resolve() for link in found}
        loaded |= set(re.findall(r'<(?:script|img|link)\s[^>]*?(?:src|href)="(https?:[^"]+)"', html))
    assert loaded == set()
    pages = set(links) - {site / "404.html"}
    one_click = links[site / "index.html"] | {site / "index.html"}
    assert pages <= one_click.union(*(links[page] for page in one_click))

    assert (site / "pictures" / "job.svg").exists()
    assert 'src="pictures/job.svg"' in (site / "index.html").read_text()
    python, npm = (site / f"{name}.html" for name in ("python", "npm"))
    public = re.findall(r'^    "(\w+)",$', (ROOT / "runcast" / "__init__.py").read_text(), re.MULTILINE)
    assert [name for name in public if f'id="runcast.{name}"' not in python.read_text()] == []
    assert [name for name in ("useRun", "createRuncast", "JobTree") if f">{name}<" not in npm.read_text()] == []
