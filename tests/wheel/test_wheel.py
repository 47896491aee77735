"""The wheel's content and requirements."""

from __future__ import annotations

import re
import zipfile
from email import message_from_string
from pathlib import Path

import pytest

import runcast
from tests.wheel.conftest import ROOT


@pytest.fixture
def wheel(wheel_file: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(wheel_file)


def test_it_holds_the_library_typed_and_with_its_documents(wheel):
    sources = {f"runcast/{path.relative_to(ROOT / 'runcast')}" for path in (ROOT / "runcast").rglob("*.py")}
    documents = {f"runcast/client/operations/{path.name}" for path in (ROOT / "graphql/operations").glob("*.graphql")}
    packaged = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert packaged == sources | documents | {"runcast/py.typed"}
    for name in documents:
        assert wheel.read(name) == (ROOT / "graphql" / "operations" / Path(name).name).read_bytes()


def test_boto3_is_all_that_it_needs(wheel):
    (metadata,) = (name for name in wheel.namelist() if name.endswith("/METADATA"))
    requirements = message_from_string(wheel.read(metadata).decode()).get_all("Requires-Dist")
    hard = [re.split(r"\W", requirement)[0] for requirement in requirements if "extra ==" not in requirement]
    assert hard == ["boto3"]
    assert {re.search(r"extra == .(\w+)", each)[1] for each in requirements if "extra" in each} == {"client", "strands"}


def test_its_public_names_are_there_and_nothing_else_is():
    for name in runcast.__all__:
        assert getattr(runcast, name).__doc__
    with pytest.raises(AttributeError, match=r"^module 'runcast' has no attribute 'trak'$"):
        _ = runcast.trak
