"""Processes are ended with all their descendants, and never confused with another."""

from dataclasses import replace

import psutil
import pytest

from local import processes
from local.processes import LocalProcess

CHILD = "import time; print('there', flush=True); time.sleep(60)"
DEAF_CHILD = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {CHILD}"


def parent_of(child):
    """A program that starts another one, and never looks at it again."""
    return f"""
import subprocess, sys, time
process = subprocess.Popen([sys.executable, "-c", {child!r}], stdout=subprocess.PIPE)
process.stdout.readline()
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture
def process(start_python):
    return start_python(parent_of(DEAF_CHILD))


def test_stopping_ends_it_and_what_it_started(process):
    [child] = psutil.Process(process.pid).children(recursive=True)
    family = [process, LocalProcess.of("the child", child.pid)]
    assert all(member.alive for member in family)
    process.stop()
    assert not any(member.alive for member in family)


@pytest.mark.timeout(60)
def test_stopping_does_not_wait_until_another_parent_notices_the_end(start_python, monkeypatch):
    [child] = psutil.Process(start_python(parent_of(CHILD)).pid).children()
    monkeypatch.setattr(processes, "_STOP_SECONDS", 1_000)
    LocalProcess.of("the child", child.pid).stop()
    assert child.status() == psutil.STATUS_ZOMBIE


def test_stopping_what_has_ended_does_nothing(process):
    process.stop()
    process.stop()


def test_another_process_with_its_number_is_left_alone(process):
    impostor = replace(process, began_at_epoch_s=process.began_at_epoch_s - 100)
    assert not impostor.alive
    impostor.stop()
    assert process.alive
