"""Processes are ended with all their descendants, and never confused with another."""

from dataclasses import replace

import psutil
import pytest

# A parent whose child ignores SIGTERM.
CHILD = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('there', flush=True); time.sleep(60)"
PARENT = f"""
import subprocess, sys, time
process = subprocess.Popen([sys.executable, "-c", {CHILD!r}], stdout=subprocess.PIPE)
process.stdout.readline()
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture
def process(start_python):
    return start_python(PARENT)


def test_stopping_ends_it_and_what_it_started(process):
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    assert len(family) == 2
    process.stop()
    assert not process.alive
    assert not any(member.is_running() for member in family)


def test_stopping_what_has_ended_does_nothing(process):
    process.stop()
    process.stop()


def test_another_process_with_its_number_is_left_alone(process):
    impostor = replace(process, began_at_epoch_s=process.began_at_epoch_s - 100)
    assert not impostor.alive
    impostor.stop()
    assert process.alive
