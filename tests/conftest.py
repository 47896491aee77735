"""Rules for every test: its process, no recorder that outlives it, and no AWS credentials from the shell.

Tests that share an expensive fixture (a packaged module, a deployed machine, an emulator) run one after the other in
one process; so do the tests of one file. A recorder that is not ended keeps sending heartbeats, which would go to the
real AWS once moto has stopped. boto3 keeps the first credentials that it finds for its default session.
"""

from __future__ import annotations

import functools
import os
import signal
import threading
import time
from collections.abc import Generator, Iterator
from typing import Any

import boto3
import botocore.handlers
import botocore.loaders
import botocore.session
import pytest
from hypothesis import HealthCheck, settings
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.serialize import ResponseSerializer
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from local.service_model import EVENT, refuse_invalid
from local.settings import no_proxy
from runcast import limits

# What a developer's shell says to AWS tools, to a local machine and of their terminal is not for the tests; this is
# taken out before any of them is imported. Proxies stay, for what is fetched, but nobody asks them for this machine.
_NOT_FOR_TESTS = (
    "AWS_",
    "RUNCAST_",
    "LOCAL_MODEL_",
    "TF_",
    "NO_COLOR",
    "FORCE_COLOR",
    "TTY_",
    "COLUMNS",
    "LINES",
    "TERM",
)
for _name in [name for name in os.environ if name.startswith(_NOT_FOR_TESTS)]:
    del os.environ[_name]
os.environ.update(
    no_proxy(),
    TERM="xterm",
    AGENTS="",  # the tests' own agents, not a developer's
    AWS_CONFIG_FILE=os.devnull,
    AWS_SHARED_CREDENTIALS_FILE=os.devnull,
    AWS_EC2_METADATA_DISABLED="true",
)

# Each of these has one machine that is deployed to, or one emulator; and the wheel is built in place. The first that
# fits holds. They are begun in this order, the longest first, so that no process is left waiting for another's last.
_TOGETHER = {
    "terraform": "terraform",
    "e2e": "e2e",
    "wheel": "e2e",
    "reliability": "reliability",
    "local/terraform_provider": "terraform",
    "local/appsync": "local",
    "local/emulator": "local",
}
_LONGEST_FILES = ("tests/functional/", "tests/local/", "tests/web/", "tests/graphql/")
_STOPPING_SECONDS = 5.0

# Every call of every client that a test's process makes must fit AWS's own model: moto accepts nearly anything.
botocore.handlers.BUILTIN_HANDLERS.append((EVENT, refuse_invalid))

# Each boto3 session would parse the service models again, which takes longer than most tests.
botocore.session.create_loader = functools.cache(botocore.loaders.create_loader)

# A busy machine makes no test fail.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Assign tests that belong together to one process; pytest-xdist ignores its own groups since pytest 9.2.

    Source: https://github.com/pytest-dev/pytest-xdist/issues/1386
    """
    config.option.loadscopereorder = False  # it would begin with those that are many, not with those that are long
    return _Together(config, log)


class _Together(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return _together(nodeid) or nodeid.split("::")[0]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest groups, then the longest files; within each, keep pytest-randomly's order."""
    order = [*dict.fromkeys(_TOGETHER.values()), None]
    items.sort(key=lambda item: (order.index(_together(item.nodeid)), not item.nodeid.startswith(_LONGEST_FILES)))


def _together(nodeid: str) -> str | None:
    return next((group for folder, group in _TOGETHER.items() if nodeid.startswith(f"tests/{folder}/")), None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None]:
    """Fail a test that leaves a recorder running. Checked before its fixtures end: a write may be in flight."""
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
    """Make the output of tests safe to send between processes: some print half a character on purpose."""
    report = yield
    report.sections = [(name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections]
    return report


@pytest.fixture(scope="module", autouse=True)
def recorders_have_time() -> Iterator[None]:
    """A busy machine takes none away from a recorder; the tests of what happens without it set their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "CLAIM_WAIT_SECONDS", 60)
        patch.setattr(limits, "ADDED_TIME_SECONDS", 60)
        yield


@pytest.fixture(scope="session", autouse=True)
def _signals_are_heard() -> None:
    """Tests send them; but what a shell or `nohup` starts in the background ignores them, and passes that on."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session", autouse=True)
def _moto_answers_one_request_after_the_other() -> Iterator[None]:
    """Serialize writes: moto loses one of two concurrent writes, and shows partial ones; DynamoDB does neither."""
    answer, lock = BotocoreStubber.__call__, threading.RLock()

    def answer_alone(self: BotocoreStubber, *arguments: Any, **options: Any) -> Any:
        with lock:
            return answer(self, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BotocoreStubber, "__call__", answer_alone)
        yield


@pytest.fixture(scope="session", autouse=True)
def _moto_answers_values_of_dynamodb_directly() -> Iterator[None]:
    """Take each member of a value by its name: moto looks for every other spelling first, for most of a call's time."""
    pick = ResponseSerializer.get_value

    def pick_directly(self: ResponseSerializer, value: Any, key: str, shape: Any) -> Any:
        of = getattr(shape, "parent", None)
        if of is not None and of.name == "AttributeValue" and isinstance(value, dict):
            return value.get(key)
        return pick(self, value, key, shape)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ResponseSerializer, "get_value", pick_directly)
        yield


@pytest.fixture(scope="module", autouse=True)
def _own_credentials() -> None:
    boto3.DEFAULT_SESSION = None
