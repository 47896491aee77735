"""Adds to the site what is not in `docs/`: the Markdown elsewhere in the project, and the reference of both packages.

The Markdown must also be readable by itself, so its links name files of the project. On the site, a link to another
page becomes a link to that page, and a link to any other file becomes plain text.
"""

from __future__ import annotations

import ast
import posixpath
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File, Files

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.pages import Page

_PROJECT = Path(__file__).resolve().parent.parent
_OUTSIDE = {
    "index.md": "README.md",
    "changelog.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
    "reporting.md": "SECURITY.md",
    "terraform.md": "terraform/README.md",
    "terraform-root.md": "examples/terraform-root/README.md",
}
"""The pages from outside `docs/`, each with its file in the project."""

_CLIENT = (
    *("client.connect", "client.Client", "watch.Watch", "watch_outcome.WatchOutcome"),
    *("step.WatchedStep", "step.Progress", "config.ClientConfig"),
)
_LINK = re.compile(r"\[((?:[^][]|\[[^]]*\])*)\]\((?!https?:|mailto:)([^)#\s]+)(#[^)\s]+)?\)")
_CODE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages from outside `docs/`, and the generated ones."""
    for page, source in _OUTSIDE.items():
        files.append(File.generated(config, page, content=(_PROJECT / source).read_text()))
    files.append(File.generated(config, "python.md", content=_python_reference()))
    files.append(File.generated(config, "npm.md", content=_npm_reference()))
    return files


def on_page_markdown(markdown: str, *, page: Page, files: Files, **_: object) -> str:
    """Let each link lead to a page of the site, and each image to its copy there."""
    source = _OUTSIDE.get(page.file.src_uri, f"docs/{page.file.src_uri}")
    parts = _CODE.split(markdown)
    return "".join(
        part if part.startswith("```") else _LINK.sub(lambda link: _on_site(link, source, page, files), part)
        for part in parts
    )


def _on_site(link: re.Match[str], source: str, page: Page, files: Files) -> str:
    text, target, anchor = link[1], link[2], link[3] or ""
    path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
    on_site = next((page for page, file in _OUTSIDE.items() if file == path), path.removeprefix("docs/"))
    if (path.startswith("docs/") or on_site in _OUTSIDE) and files.get_file_from_path(on_site):
        return f"[{text}]({posixpath.relpath(on_site, posixpath.dirname(page.file.src_uri) or '.')}{anchor})"
    # A target that does not exist stays, for MkDocs to report.
    return text if (_PROJECT / path).exists() else link[0]


def _python_reference() -> str:
    """Return the page of the Python package: its public names, the client's, and the errors."""
    module = ast.parse((_PROJECT / "runcast" / "__init__.py").read_text())
    [names] = [
        ast.literal_eval(each.value)
        for each in module.body
        if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == "__all__"
    ]
    lines = ["# Python", "", "The package `runcast`: `from runcast import track`.", ""]
    lines += [f"::: runcast.{name}\n" for name in names]
    lines += ["## The client", "", "With the extra `client`, for programs that start and watch runs.", ""]
    lines += [f"::: runcast.client.{name}\n" for name in _CLIENT]
    return "\n".join([*lines, "## Errors", "", "::: runcast.errors\n    options: {show_root_heading: false}\n"])


def _npm_reference() -> str:
    """Return the page of the npm packages, from their TypeScript."""
    program = [
        "node", str(Path(__file__).with_name("npm_reference.mjs")),
        *(f"@runcast/{package}={_PROJECT / 'web' / package / 'src' / 'index.ts'}" for package in ("client", "react")),
    ]  # fmt: skip
    done = subprocess.run(program, cwd=_PROJECT / "web", capture_output=True, text=True, check=True)
    return done.stdout
