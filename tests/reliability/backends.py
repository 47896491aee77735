"""The engines that emulate DynamoDB: one in memory, moto, MiniStack, and AWS's own DynamoDB Local as the reference.

DynamoDB Local needs Java 17 and Maven, which fetches it once into `.local/`; without them, only the others are used.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from moto import mock_aws

from local.emulator.process import EmulatorProcess
from local.endpoint import Endpoint
from local.settings import Settings
from runcast.record.store import STORE_CLIENT_CONFIG
from tests.fakes.dynamodb_in_memory import DynamoDBInMemory

PROJECT = Path(__file__).resolve().parents[2]
JARS = PROJECT / ".local" / "dynamodb-local"
# Like the store's own client, but with longer timeouts for a busy machine.
PATIENT = STORE_CLIENT_CONFIG.merge(Config(connect_timeout=30, read_timeout=30))
POM = PROJECT / "tests" / "reliability" / "dynamodb-local" / "pom.xml"


@cache
def why_no_judge() -> str | None:
    """Return why DynamoDB Local cannot be used; None if it can. Fetches it if it is missing."""
    java, maven = shutil.which("java"), shutil.which("mvn")
    if java is None:
        return "DynamoDB Local needs Java 17: there is no `java` on the PATH"
    told = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60).stderr
    version = re.search(r'version "(\d+)', told)
    if version is None or int(version[1]) < 17:
        return f"DynamoDB Local needs Java 17; `java -version` says: {told.splitlines()[:1]}"
    if maven is None and not (JARS / ".ready").exists():
        return "DynamoDB Local is fetched by Maven: there is no `mvn` on the PATH"
    JARS.mkdir(parents=True, exist_ok=True)
    with (JARS / ".lock").open("w") as lock:  # every process that runs tests asks, and one fetches
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (JARS / ".ready").exists():
            return None
        fetched = subprocess.run(
            [maven, "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={JARS}"],
            capture_output=True, text=True, timeout=280,
        )  # fmt: skip
        if fetched.returncode:
            return f"Maven could not fetch DynamoDB Local: {(fetched.stdout + fetched.stderr).strip()[-300:]}"
        (JARS / ".ready").touch()
    return None


def backends() -> list[str]:
    return ["memory", "moto", "ministack", *(["dynamodb-local"] if why_no_judge() is None else [])]


@contextlib.contextmanager
def dynamodb(backend: str, directory: Path) -> Iterator[Any]:
    """Start a backend and return a client of it."""
    with contextlib.ExitStack() as stack:
        endpoint = None
        if backend == "memory":
            yield DynamoDBInMemory()
            return
        if backend == "moto":
            stack.enter_context(mock_aws())
        elif backend == "ministack":
            settings = Settings()
            emulator = EmulatorProcess(
                interpreter=settings.emulator_python,
                function_python=settings.function_python,
                model_url="http://127.0.0.1:9",  # nothing here asks a model
                log=directory / "emulator.log",
            )
            emulator.endpoint = Endpoint("", "test", "test")  # known to the workers, which are processes of their own
            endpoint = stack.enter_context(emulator).url
        else:
            endpoint = stack.enter_context(_dynamodb_local(directory))
        yield boto3.client(
            "dynamodb",
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=PATIENT,
        )


@contextlib.contextmanager
def _dynamodb_local(directory: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (directory / "dynamodb-local.log").open("w")
    process = subprocess.Popen(
        [
            "java", f"-Djava.library.path={JARS}", "-cp", f"{JARS}{os.sep}*",
            "com.amazonaws.services.dynamodbv2.local.main.ServerRunner",
            "-inMemory", "-sharedDb", "-disableTelemetry", "-port", str(port),
        ],
        stdout=log,
        stderr=log,
    )  # fmt: skip
    try:
        url = f"http://127.0.0.1:{port}"
        _await(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(20)
        log.close()


def _await(url: str, process: subprocess.Popen[bytes]) -> None:
    client = boto3.client(
        "dynamodb", endpoint_url=url, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test",
        config=PATIENT,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            client.list_tables()
        except (BotoCoreError, ClientError):
            time.sleep(0.1)
        else:
            return
    pytest.fail("DynamoDB Local did not start")
