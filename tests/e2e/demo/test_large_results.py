"""A job's result that is too large for its record is stored in the bucket, and read by a link that expires."""

import json
import os
import subprocess
import sys
import time
from urllib.parse import urlsplit

import pytest
import requests

from local.deployment import client_environment
from local.settings import ROOT
from runcast import limits
from runcast.client.fetch import fetch_result
from runcast.client.job import ResultLink
from runcast.errors import InvalidInput
from tests.e2e.demo.jobs import DEADLINE_SECONDS, read, read_to_its_end, start

# Three such texts fit what the report reads, and four do not fit the record.
QUERY = "[model:long 18000] Where could a wind farm be built?"


@pytest.fixture(scope="module")
def job(alice):
    return read_to_its_end(alice, start(alice, "site-assessment", QUERY))


@pytest.fixture(scope="module")
def kept(stack, job):
    """What is in the bucket."""
    key = f"results/{job['requestId']}.json"
    return stack.client("s3").get_object(Bucket=stack.state.outputs["results_bucket_name"], Key=key)["Body"].read()


def fetch(url):
    return requests.get(url, timeout=DEADLINE_SECONDS)


def test_the_link_gives_what_the_bucket_holds(alice, job, kept):
    assert (job["status"], job["error"], job["result"]) == ("complete", None, None)
    assert len(kept) > limits.RESULT_MAX_BYTES
    texts = json.loads(kept)["texts"]
    assert {name: len(text) for name, text in texts.items()} == {run["name"]: 18_000 for run in job["runs"]}
    given = fetch(job["resultLink"]["url"])
    assert (given.status_code, given.headers["content-type"], given.content) == (200, "application/json", kept)


def test_the_rest_api_and_the_command_give_it_too(stack, alice, job, kept):
    url, headers = f"{stack.state.outputs['rest_url']}/runs/{job['requestId']}", {"Authorization": alice.id_token}
    answer = requests.get(url, headers=headers, timeout=DEADLINE_SECONDS).json()
    assert (answer["result"], fetch(answer["resultLink"]["url"]).content) == (None, kept)
    shown = subprocess.run(
        [sys.executable, "-m", "runcast.client.terminal.command", "show", job["requestId"], "--json"],
        env=os.environ | client_environment(stack.state, alice.user), cwd=ROOT, capture_output=True, text=True,
        timeout=DEADLINE_SECONDS,
    )  # fmt: skip
    assert (shown.returncode, shown.stderr) == (0, "")
    assert json.loads(shown.stdout.splitlines()[-1])["result"] == json.loads(kept)


def test_nobody_else_is_given_a_link_and_without_one_the_bucket_gives_nothing(bob, job):
    answer = read(bob, job["requestId"])
    assert (answer["success"], answer["result"], answer["resultLink"]) == (False, None, None)
    address = urlsplit(job["resultLink"]["url"])
    unsigned = address._replace(query="").geturl()
    forged = address._replace(path=address.path.replace(job["requestId"], "another")).geturl()
    assert [fetch(url).status_code for url in (unsigned, forged)] == [403, 403]


async def test_the_link_is_refused_from_the_time_that_it_names(stack, alice, job):
    table, key = stack.state.outputs["agent_progress_table_name"], {"requestId": {"S": job["requestId"]}}
    records = stack.client("dynamodb")
    expires_at = records.get_item(TableName=table, Key=key)["Item"]["expiresAt"]
    deadline, answer = time.monotonic() + DEADLINE_SECONDS, {"resultLink": None}
    while answer["resultLink"] is None:  # a busy machine may have looked away until the record was gone
        assert time.monotonic() < deadline
        # A link lives no longer than the record, so one that is to go soon gives a link that does.
        soon_epoch_s = int(time.time()) + 4
        expire(records, table, key, {"N": str(soon_epoch_s)})
        try:
            answer = read(alice, job["requestId"])
        finally:
            expire(records, table, key, expires_at)
    link = ResultLink.from_answer(answer["resultLink"])
    assert link.expires_at_ms <= soon_epoch_s * 1000
    while time.time() * 1000 < link.expires_at_ms:
        time.sleep(0.05)
    assert fetch(link.url).status_code == 403
    with pytest.raises(InvalidInput) as refused:
        await fetch_result(link)
    assert str(refused.value) == "The link to the result has expired. Read the job's record again for a new one."


def expire(records, table, key, at):
    change = {"UpdateExpression": "SET expiresAt = :at", "ExpressionAttributeValues": {":at": at}}
    records.update_item(TableName=table, Key=key, **change)
