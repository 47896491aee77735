"""`runcast run --attach`: files are uploaded by their forms, and the run names them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.appsync import FakeAppSync
from tests.unit.client.terminal.conftest import REQUEST_ID, Run, two_steps

PNG = b"\x89PNG\r\n\x1a\n\0"


@pytest.fixture
def picture(tmp_path: Path) -> str:
    file = tmp_path / "Mühle.PNG"
    file.write_bytes(PNG)
    return str(file)


async def test_files_are_sent_and_named(server: FakeAppSync, run: Run, picture: str, tmp_path: Path):
    server.script = two_steps
    notes = tmp_path / "notes.md"
    notes.write_text("# Notes")

    code = await run("run", "picture", "What?", "--request-id", REQUEST_ID, "--attach", picture, "--attach", str(notes))

    assert code == 0
    assert server.started_with == {
        "agent": "picture",
        "query": "What?",
        "parameters": None,
        "requestId": REQUEST_ID,
        "attachments": ["a-1", "a-2"],
    }
    assert server.uploads == [
        {"name": "Mühle.PNG", "contentType": "image/png", "bytes": len(PNG)},
        {"name": "notes.md", "contentType": "text/markdown", "bytes": 7},
    ]
    assert server.sent == [
        [("key", b"uploads/1"), ("Content-Type", b"image/png"), ("file", PNG)],
        [("key", b"uploads/2"), ("Content-Type", b"text/markdown"), ("file", b"# Notes")],
    ]


@pytest.mark.parametrize(
    ("name", "status", "message"),
    [
        ("a.png", 204, "a.png cannot be read: No such file or directory."),
        ("a.exe", 204, "a.exe: the name must end in one of .csv, .doc, .docx, .gif, .htm,"),
        ("Mühle.PNG", 400, "refused Mühle.PNG: HTTP status 400. Has the file changed?"),
    ],
)
async def test_a_file_that_cannot_be_used_starts_nothing(
    server: FakeAppSync,
    run: Run,
    picture: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    status: int,
    message: str,
):
    (tmp_path / "a.exe").write_bytes(b"MZ")
    server.upload_status = status
    assert await run("run", "picture", "What?", "--attach", str(tmp_path / name)) == 2
    assert message in capsys.readouterr().err
    assert server.started_with is None
