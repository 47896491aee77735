"""An invocation finishes on the version of the function on which it began, while its function is updated."""

import io
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.local.appsync_api import Aws
from tests.local.emulator.test_emulator_compute import create_function, invoke, put_role
from tests.waiting import wait_until

CODE = """
import os, pathlib, time

def handler(event, context):
    if "begun" in event:
        pathlib.Path(event["begun"]).touch()
        while not os.path.exists(event["go_on"]):
            time.sleep(0.01)
    return {"version": VERSION, "setting": os.environ.get("SETTING"), "pid": os.getpid()}
"""


def update_code(aws: Aws, name: str) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", f"VERSION = 2\n{CODE}")
    aws.client("lambda").update_function_code(FunctionName=name, ZipFile=packed.getvalue())


def update_configuration(aws: Aws, name: str) -> None:
    aws.client("lambda").update_function_configuration(FunctionName=name, Environment={"Variables": {"SETTING": "new"}})


def is_running(pid: int) -> bool:
    # A process that has ended but was not waited for still has an entry.
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize(
    ("name", "update", "after"),
    [("new-code", update_code, (2, None)), ("new-configuration", update_configuration, (1, "new"))],
    ids=["code", "configuration"],
)
def test_an_invocation_in_flight_outlives_an_update(
    aws: Aws, tmp_path: Path, name: str, update: Callable[[Aws, str], None], after: tuple[int, str | None]
) -> None:
    role = put_role(aws, name, {"Effect": "Allow", "Action": "logs:*", "Resource": "*"})
    create_function(aws, name, role, f"VERSION = 1\n{CODE}")
    begun, go_on = tmp_path / "begun", tmp_path / "go_on"
    with ThreadPoolExecutor() as pool:
        in_flight = pool.submit(invoke, aws, name, begun=str(begun), go_on=str(go_on))
        wait_until(begun.exists)
        update(aws, name)
        _, answer = invoke(aws, name)
        assert (answer["version"], answer["setting"]) == after
        assert not in_flight.done()
        go_on.touch()
        succeeded, earlier = in_flight.result()
    assert succeeded
    assert (earlier["version"], earlier["setting"]) == (1, None)
    wait_until(lambda: not is_running(earlier["pid"]))
    assert is_running(answer["pid"])
