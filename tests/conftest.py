"""What holds for every test: where it runs, that no recorder outlives it, and that no module inherits AWS credentials.

Tests that share something dear (a packaged module, a machine that is deployed to, an emulator) run one after the other
in one process; so do the tests of one file. A recorder that nobody ends beats on, and with moto gone its beats would go
to the real AWS. boto3 keeps the credentials that it has found first for its default session.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, settings
from moto.core.botocore_stubber import BotocoreStubber

_TESTS = Path(__file__).parent
# Each of these has one machine that is deployed to, or one emulator; and the wheel is built in place. The first that
# fits holds.
_TOGETHER = {
    "e2e/demo": "jobs",
    "e2e": "e2e",
    "wheel": "e2e",
    "terraform": "terraform",
    "local/front": "front",
    "reliability": "reliability",
}
_STOPPING_SECONDS = 5.0

# On a busy machine an example may take any time; none is about that.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say which tests belong into one process, where there are several."""
    for item in items:
        folder = item.path.parent.relative_to(_TESTS).as_posix()
        group = next((group for shared, group in _TOGETHER.items() if f"{folder}/".startswith(f"{shared}/")), None)
        item.add_marker(pytest.mark.xdist_group(group or str(item.path.relative_to(_TESTS))))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None]:
    """Fail a test that leaves a recorder behind, asked while its fixtures stand: a last write may be under way."""
    earlier = set(threading.enumerate())
    yield
    deadline = time.monotonic() + _STOPPING_SECONDS
    left = [each for each in threading.enumerate() if each.name.startswith("recorder-") and each not in earlier]
    for recorder in left:
        recorder.join(max(0.0, deadline - time.monotonic()))
    names = ", ".join(recorder.name for recorder in left if recorder.is_alive())
    if names:
        pytest.fail(f"not ended, and still writing: {names}", pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let what a test has printed travel between processes: some print half of a character on purpose."""
    report = yield
    report.sections = [(name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections]
    return report


@pytest.fixture(scope="session", autouse=True)
def _moto_answers_one_request_after_the_other() -> Iterator[None]:
    """Of two writes at the same time moto loses one, and it shows half of one under way; DynamoDB does neither."""
    answer, lock = BotocoreStubber.__call__, threading.RLock()

    def answer_alone(self: BotocoreStubber, *arguments: Any, **options: Any) -> Any:
        with lock:
            return answer(self, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BotocoreStubber, "__call__", answer_alone)
        yield


@pytest.fixture(scope="module", autouse=True)
def _own_credentials() -> None:
    boto3.DEFAULT_SESSION = None
