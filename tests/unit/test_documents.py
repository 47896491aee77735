"""The files, tests, `make` targets and headings that the documents name exist.

Where the local machine is more lenient than AWS, the document names a test.
"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "terraform/README.md")] + sorted(
    (ROOT / "docs").rglob("*.md")
)
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
TESTS = {path.name for path in (ROOT / "tests").rglob("*.py")}
# Made by `make package`, by a reader, or removed by `make remove-demo`.
ABSENT = (
    "terraform/chalice.tf.json",
    "terraform/deployment.zip",
    "terraform/terraform.tf",
    "tests/e2e/demo",
    "bench/pywake",
)
FOLDERS = r"(?:tests|docs|runcast|local|bench|packager|deploy|terraform|examples|graphql)"


def anchors(document: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_document_names_exists(document):
    text = document.read_text()
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)", text):
        path = document.parent / target if target else document
        assert path.exists(), target
        assert not anchor or anchor in anchors(path), f"{target}#{anchor}"
    code = re.findall(r"`[^`\n]+`|^(?:    )?make .*$", text, re.MULTILINE)
    commands = [target for line in code for target in re.findall(r"^[` ]*make ([a-z][a-z-]*)", line)]
    assert set(commands) <= TARGETS
    assert set(re.findall(r"`(test_\w+\.py)`", text)) <= TESTS
    for path in re.findall(rf"`({FOLDERS}/[\w./-]+)`", text):
        assert path.startswith(ABSENT) or (ROOT / path).exists(), path


def test_differences_from_aws_name_their_test_and_at_most_five_have_none():
    section = (ROOT / "docs" / "local.md").read_text().split("| here | on AWS | checked by |\n|---|---|---|\n")[1]
    rows = section.split("\n\n")[0].splitlines()
    checks = {row: row.strip("| ").split(" | ")[2] for row in rows}
    untested = [row for row, check in checks.items() if not re.search(r"`(?:tests/|make )", check)]
    assert [row for row in untested if not checks[row].startswith("nothing")] == []
    assert len(untested) <= 5


def test_the_index_of_the_decisions_has_each_of_them():
    folder = ROOT / "docs" / "decisions"
    indexed = re.findall(r"\]\((.*?)\)", (folder / "README.md").read_text())
    assert indexed == sorted(path.name for path in folder.glob("0*.md")), (
        "docs/decisions/README.md needs a line for each."
    )


def test_each_price_has_a_source_of_aws_and_a_date():
    rows = (ROOT / "docs" / "costs.md").read_text().partition("| price | AWS source |")[2].splitlines()[2:]
    assert len(rows) > 10
    for row in rows:
        _, source, seen, _ = row.strip("| ").split(" | ")
        assert re.search(r"\]\(https://(docs\.)?aws\.amazon\.com/", source), row
        assert re.fullmatch(r"\d+ \w+ 20\d\d", seen), row
