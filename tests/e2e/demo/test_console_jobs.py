"""The console shows the demo's playbook as a job, and the pictures in docs/ are taken from it."""

import os
import shutil

import pytest

from local.settings import ROOT
from tests.e2e.console import play, recorded

PLAYBOOK = "site-assessment"
PICTURES = ROOT / "docs" / "pictures"


@pytest.mark.long
def test_a_job_and_its_runs_are_followed_on_a_phone(stack, alice):
    seen = play(stack, alice, "job", playbook=PLAYBOOK)

    job = alice.read_to_its_end(seen["id"])
    assert seen["agents"] == ["complete"] * len(job["runs"])
    records = [seen["id"], *(run["requestId"] for run in job["runs"])]
    assert len(seen["steps"]) == sum(len(recorded(alice, each)) for each in records)
    assert seen["run"]["id"] == job["runs"][0]["requestId"]
    assert seen["run"]["steps"] == recorded(alice, seen["run"]["id"])
    assert (seen["width"], seen["listed"]) == (390, job["playbook"])
    assert (seen["violations"], seen["problems"]) == ([], [])


@pytest.mark.long
def test_the_pictures_of_the_documents_can_be_taken(stack, alice, tmp_path):
    play(stack, alice, "", script="pictures.mjs", playbook=PLAYBOOK, agent="terrain", pictures=str(tmp_path))

    taken = {path.name: path for path in tmp_path.glob("*.png")}
    assert {
        f"console-{page}-{look}.png" for page in ("job", "run", "chat") for look in ("light", "dark", "phone")
    } == set(taken)
    assert set(taken) == {path.name for path in PICTURES.glob("console-*.png")}
    if os.environ.get("UPDATE_PICTURES"):
        for picture in taken.values():
            shutil.copy(picture, PICTURES)
