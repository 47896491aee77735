"""Fixtures for the tests of the local machine."""

import subprocess
import sys

import pytest

from local.processes import LocalProcess


@pytest.fixture
def start_python():
    """Start a Python program that says when it is ready; it is ended with the test."""
    started = []

    def start(program):
        popen = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, start_new_session=True)
        process = LocalProcess.of("a program", popen.pid)
        started.append((popen, process))
        assert popen.stdout.readline() == b"ready\n"
        return process

    yield start
    for popen, process in started:
        process.stop()
        popen.stdout.close()
        popen.wait()
