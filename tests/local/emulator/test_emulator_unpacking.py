"""Functions with the same zip share one unpacked copy of it."""

import io
import zipfile

import pytest

from local.emulator.unpacking import shared_archive


@pytest.fixture
def archive(tmp_path):
    def make(name, text):
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as opened:
            opened.writestr(zipfile.ZipInfo("handler.py"), text)
        path = tmp_path / name
        path.write_bytes(content.getvalue())
        return path

    return make


@pytest.fixture
def unpacked(tmp_path):
    shared = shared_archive(tmp_path / "copies")

    def unpack(path):
        code = tmp_path / f"{path.name}-code"
        code.mkdir()
        with shared(path) as opened:
            opened.extractall(code)
        return code

    return unpack


def test_the_same_content_is_unpacked_once(archive, unpacked):
    one, other = unpacked(archive("one.zip", "A")), unpacked(archive("other.zip", "A"))
    assert (one / "handler.py").read_text() == "A"
    assert one.resolve() == other.resolve()


def test_other_content_has_its_own_copy(archive, unpacked):
    one, other = unpacked(archive("one.zip", "A")), unpacked(archive("other.zip", "B"))
    assert ((one / "handler.py").read_text(), (other / "handler.py").read_text()) == ("A", "B")
