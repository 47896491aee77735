"""An id has one spelling wherever it enters, and a client may not choose one that a job derives."""

from __future__ import annotations

from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

import pytest

from runcast.errors import InvalidInput
from runcast.record.identity import run_identity
from runcast.record.ids import canonical_id, chosen_id, derived_ids, is_name, requested_id
from tests.fakes.spellings import spellings

ID = "6f1c9d3e-52f0-4b57-9a38-0c4f6f6f2a11"
DERIVED = str(uuid5(NAMESPACE_URL, "a run"))


def test_a_uuid_in_capitals_is_the_same_id():
    assert chosen_id("requestId", ID.upper()) == canonical_id("requestId", ID.upper()) == requested_id(ID.upper()) == ID
    event = {"requestId": ID.upper(), "jobId": ID.upper()}
    assert (run_identity(event, request_id="r").request_id, run_identity(event, request_id="r").job_id) == (ID, ID)


@pytest.mark.parametrize("given", [text for text in spellings(ID) if text.lower() != ID])
def test_a_client_writes_a_uuid_in_its_usual_form(given):
    with pytest.raises(InvalidInput, match="must be a UUID, like"):
        chosen_id("jobId", given)


@pytest.mark.parametrize("given", [DERIVED, DERIVED.upper()])
def test_a_client_may_not_choose_an_id_of_version_5(given):
    with pytest.raises(InvalidInput, match="must not be a UUID of version 5"):
        chosen_id("requestId", given)
    with pytest.raises(InvalidInput, match="only the runs of a job have those"):
        run_identity({"requestId": given}, request_id="r")
    assert run_identity({"requestId": given, "jobId": ID}, request_id="r").request_id == DERIVED


def test_the_ids_of_a_jobs_runs_are_of_version_5():
    derived = derived_ids(ID, "terrain")
    assert derived[0] == str(uuid5(UUID(ID), "terrain/1"))
    assert {UUID(each).version for each in derived} == {5}


@pytest.mark.parametrize("given", ["", "a#b", "x" * 129, "💧" * 65, "\ud800", "a\udfffb", None, 7, [ID]])
def test_what_cannot_be_a_key_is_refused(given):
    with pytest.raises(InvalidInput, match="requestId must be text of 1 to 128 characters without '#'"):
        canonical_id("requestId", given)


@pytest.mark.parametrize("given", ["", "a#b", "x" * 129])
def test_no_record_has_such_an_id(given):
    assert requested_id(given) is None


@pytest.mark.parametrize("given", ["\ud800", "x" * 500 + "\udfff"])
def test_half_of_a_surrogate_pair_is_refused(given):
    with pytest.raises(InvalidInput, match="Unicode"):
        requested_id(given)


@pytest.mark.parametrize(("text", "fits"), [("💧" * 5, True), ("💧" * 5 + "x", False), ("é" * 10, True)])
def test_lengths_are_counted_as_javascript_counts_them(text, fits):
    assert is_name(text, 10) is fits


def test_a_random_id_may_be_chosen():
    assert UUID(chosen_id("requestId", str(uuid4()))).version == 4


@pytest.mark.parametrize("given", ["", "run-1", 7, {}, b"", UUID(int=1)])
def test_anything_else_is_no_chosen_id(given):
    with pytest.raises(InvalidInput) as refused:
        chosen_id("requestId", given)
    assert str(refused.value) == "requestId must be a UUID, like 123e4567-e89b-12d3-a456-426614174000."


def test_an_id_need_not_be_chosen():
    assert chosen_id("requestId", None) is None
