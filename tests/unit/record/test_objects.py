"""The private objects of runs, on S3 as moto emulates it and in memory: both keep the same contract."""

from __future__ import annotations

import json
import logging
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest
from botocore.config import Config

from runcast.errors import ObjectGone, Unavailable
from runcast.record.model import Owner
from runcast.record.objects import PrivateObjects, private_key
from tests.fakes.objects_in_memory import ObjectsInMemory

CONTENT = {"text": "é 中 😀 \u0001", "number": 1.5, "none": None, "list": [{}]}


@pytest.fixture(params=["moto", "memory"])
def objects(request, aws):
    if request.param == "memory":
        return ObjectsInMemory()
    client = boto3.client("s3", region_name="us-east-1")
    client.create_bucket(Bucket="results")
    return PrivateObjects(lambda: client, "results")


def test_what_is_put_is_read(objects):
    objects.put("snapshots/a/b/c", json.dumps(CONTENT))
    assert objects.get("snapshots/a/b/c") == CONTENT


def test_what_was_never_put_is_gone(objects):
    with pytest.raises(ObjectGone, match="There is no object snapshots/a/b/d"):
        objects.get("snapshots/a/b/d")


def test_one_object_is_deleted_and_deleting_it_again_is_a_no_op(objects):
    for key in ("conversations/a/b", "conversations/a/bc"):
        objects.put(key, "1")
    for _ in range(2):
        objects.delete("conversations/a/b")
    with pytest.raises(ObjectGone):
        objects.get("conversations/a/b")
    assert objects.get("conversations/a/bc") == 1


def test_objects_under_a_prefix_are_deleted_and_younger_ones_stay(objects):
    for key in ("inputs/a/b", "inputs/a/c", "inputs/ab"):
        objects.put(key, "1")
    now_ms = round(time.time() * 1000)
    objects.delete_all("inputs/a/", until_ms=now_ms - 60_000)
    assert objects.get("inputs/a/b") == 1
    objects.delete_all("inputs/a/", until_ms=now_ms + 60_000)
    for key in ("inputs/a/b", "inputs/a/c"):
        with pytest.raises(ObjectGone):
            objects.get(key)
    objects.delete_all("inputs/ab")
    with pytest.raises(ObjectGone):
        objects.get("inputs/ab")


def test_a_bucket_that_does_not_answer_is_unavailable():
    config = Config(connect_timeout=0.1, retries={"total_max_attempts": 1})
    keys = {"aws_access_key_id": "k", "aws_secret_access_key": "s"}
    nowhere = boto3.client("s3", endpoint_url="http://127.0.0.1:1", region_name="us-east-1", config=config, **keys)
    objects = PrivateObjects(lambda: nowhere, "results")
    with pytest.raises(Unavailable, match="could not be written"):
        objects.put("answers/a", json.dumps(CONTENT))
    with pytest.raises(Unavailable, match="could not be deleted"):
        objects.delete("answers/a")
    with pytest.raises(Unavailable, match="could not be read"):
        objects.get("answers/a")


class Cutting(BaseHTTPRequestHandler):
    """A bucket with one object, whose first answers break off in the middle of the content."""

    def do_GET(self):
        self.server.asked.append(self.headers.get("Range") or self.headers.get("If-Match"))
        cut = len(self.server.asked) <= self.server.cuts
        self.send_response(206 if "Range" in self.headers else 200)
        about = {"Content-Length": "6", "Content-Range": "bytes 0-5/6", "Content-Type": "text/csv", "ETag": '"1"'}
        for name, value in about.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b'"dig' if cut else b'"dig!"')

    def log_message(self, *_):
        pass


@pytest.fixture
def cutting():
    """The server of a bucket, and the private objects in it."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Cutting) as server:
        server.asked, server.cuts = [], 0
        keys = {"aws_access_key_id": "k", "aws_secret_access_key": "s", "region_name": "us-east-1"}
        client = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{server.server_port}", **keys)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server, PrivateObjects(lambda: client, "results")
        client.close()
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("read", "content", "condition"),
    [
        (lambda objects: objects.get("answers/a"), "dig!", None),
        (lambda objects: objects.upload("uploads/a", '"1"'), b'"dig!"', '"1"'),
        (lambda objects: objects.upload_head("uploads/a", 9).begins, b'"dig!"', "bytes=0-8"),
    ],
)
def test_content_that_breaks_off_is_read_once_more(cutting, caplog, read, content, condition):
    caplog.set_level(logging.ERROR)  # the warning is expected
    server, objects = cutting
    server.cuts = 1
    assert read(objects) == content
    assert server.asked == [condition] * 2
    server.asked, server.cuts = [], 2
    with pytest.raises(Unavailable, match="could not be read"):
        read(objects)
    assert server.asked == [condition] * 2


def test_the_keys_of_two_owners_differ_and_hold_no_name():
    ana, bob = (private_key("answers", Owner("acme", name), "r1", "x") for name in ("ana", "bob"))
    assert ana != bob
    assert all(key.startswith("answers/") and key.endswith("/r1/x") and "acme" not in key for key in (ana, bob))


def test_an_upload_is_read_with_the_content_that_was_checked(aws):
    client = boto3.client("s3", region_name="us-east-1")
    client.create_bucket(Bucket="results")
    objects = PrivateObjects(lambda: client, "results")
    about = {"Bucket": "results", "Key": "uploads/a/1", "ContentType": "image/png", "Metadata": {"name": "site"}}
    client.put_object(Body=b"0123456789", **about)
    head = objects.upload_head("uploads/a/1", 4)
    assert (head.begins, head.size_bytes, head.content_type, head.metadata) == (
        b"0123",
        10,
        "image/png",
        {"name": "site"},
    )
    assert objects.upload_head("uploads/a/1", 400).begins == objects.upload("uploads/a/1", head.e_tag) == b"0123456789"
    client.put_object(Body=b"other", **about)
    for read in (lambda: objects.upload("uploads/a/1", head.e_tag), lambda: objects.upload_head("uploads/a/2", 4)):
        with pytest.raises(ObjectGone, match="There is no object uploads/a/"):
            read()
