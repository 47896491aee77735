"""The files of runs: their types by their first bytes, their names, and how an event names them."""

from __future__ import annotations

import re

import pytest

from runcast.errors import AttachmentUnusable, InvalidInput, Unavailable
from runcast.file_types import FILE_TYPES
from runcast.record.attachments import Attachment, named_attachments, plain_name, prompt_with
from runcast.record.model import Owner

ANA = Owner("acme", "ana")
ID = "7a0f0a53-6c3e-4bb3-8d0b-2f6f4f0c9d11"
NAMED = {"attachmentId": ID, "name": "report", "contentType": "application/pdf", "eTag": '"1"'}
# Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_DocumentBlock.html
ALLOWED = re.compile(r"(?!.*  )[A-Za-z0-9 ()\[\]-]{1,200}")


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("report.pdf", "report"),
        ("report v1.2.final.pdf", "report v1 2 final"),
        ("Windmühle (Süd) [2].png", "Windmuhle (Sud) [2]"),
        ("a_b\t\n c--d", "a b c--d"),
        ("分期报告.pdf", "file"),
        (".pdf", "pdf"),
        ("😀", "file"),
        ("x" * 200, "x" * 180),
        ("x" * 179 + " y.pdf", "x" * 179),
    ],
)
def test_a_name_is_made_plain_once(name, plain):
    assert plain_name(name) == plain
    assert plain_name(f"{plain}.pdf") == plain
    assert ALLOWED.fullmatch(plain)


@pytest.mark.parametrize(
    ("content_type", "begins"),
    [
        ("image/png", b"\x89PNG\r\n\x1a\n\0"),
        ("image/jpeg", b"\xff\xd8\xff\xe0\0"),
        ("image/gif", b"GIF89a"),
        ("image/webp", b"RIFF\n\0\0\0WEBPVP8 "),
        ("application/pdf", b"\n\n%PDF-1.7"),
        ("application/msword", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0"),
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", b"PK\x03\x04"),
    ],
)
def test_a_file_is_known_by_its_first_bytes(content_type, begins):
    fitting = [name for name, of in FILE_TYPES.items() if of.begins and of.fits(begins, whole=False)]
    assert content_type in fitting
    assert {FILE_TYPES[name].begins for name in fitting} == {FILE_TYPES[content_type].begins}


@pytest.mark.parametrize(
    ("content", "as_beginning", "as_whole"),
    [
        (b"", True, True),
        ("Mühle, 漢字 😀".encode(), True, True),
        ("\ufeffsize;7 €".encode(), True, True),
        ("size;7 €".encode()[:-1], True, False),
        ("size;7 €".encode("cp1252"), False, False),
        ("Mühle;7".encode("latin-1"), False, False),
        ("面積".encode("shift_jis"), False, False),
        ("size;7".encode("utf-16"), False, False),
        (b"size\0;7", False, False),
        (b"\x89PNG\r\n\x1a\n", False, False),
    ],
)
@pytest.mark.parametrize("content_type", ["text/plain", "text/csv", "text/html", "text/markdown"])
def test_text_is_utf_8(content_type, content, as_beginning, as_whole):
    file_type = FILE_TYPES[content_type]
    assert (file_type.fits(content, whole=False), file_type.fits(content, whole=True)) == (as_beginning, as_whole)


@pytest.mark.parametrize(
    "given",
    [
        "x",
        [NAMED] * 6,
        [ID],
        [{}],
        [NAMED | {"attachmentId": "../x"}],
        [NAMED | {"name": "a/b"}],
        [NAMED | {"contentType": "text/xml"}],
        [NAMED | {"eTag": 1}],
        [NAMED | {"eTag": "*"}],
        [NAMED | {"eTag": '"1"\r\nx-amz-acl: public-read'}],
        [NAMED | {"eTag": '"é"'}],
    ],
)
def test_an_event_with_other_attachments_is_refused(given):
    with pytest.raises(InvalidInput, match="attachment"):
        named_attachments(given)


def test_an_event_names_files_as_the_input_does():
    [attachment] = named_attachments([NAMED])
    assert attachment.to_json() == NAMED
    assert named_attachments(None) == named_attachments([]) == ()


class Uploads:
    """The private objects, which answer this."""

    def __init__(self, answer):
        self.answer = answer

    def upload(self, key, e_tag):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_no_two_documents_of_a_conversation_have_the_same_name():
    attachments = [Attachment(ID[:-1] + str(n), "x" * 180, "text/csv", "1") for n in range(2)]
    names = [
        block["document"]["name"]
        for request_id in ("r1", "r2")
        for block in prompt_with(attachments, "Sum it.", ANA, request_id, Uploads(b"a,b"))[1:]
    ]
    assert len(set(names)) == 4
    assert all(ALLOWED.fullmatch(name) for name in names)


@pytest.mark.parametrize(
    ("content_type", "content", "message"),
    [
        (
            "text/csv",
            b"a" * 2_000 + "€".encode("cp1252"),
            "report is not text/csv in UTF-8. Upload",
        ),
        ("application/pdf", b"GIF89a", "report is not application/pdf. Upload"),
    ],
)
def test_a_file_of_another_type_further_on_is_unusable(content_type, content, message):
    [attachment] = named_attachments([NAMED | {"contentType": content_type}])
    with pytest.raises(AttachmentUnusable, match=message):
        prompt_with([attachment], "Sum it.", ANA, "r1", Uploads(content))


def test_a_bucket_that_does_not_answer_makes_the_files_unusable():
    with pytest.raises(AttachmentUnusable, match="report could not be read"):
        prompt_with(named_attachments([NAMED]), "Sum it.", ANA, "r1", Uploads(Unavailable("later")))
