import asyncio
from types import SimpleNamespace

import pytest

from verify import memory
from verify.expecting import CheckFailed, NotApplicable
from verify.verification import Figure

LINE = "REPORT RequestId: 1\tDuration: 3.1 ms\tBilled Duration: 4 ms\tMemory Size: {} MB\tMax Memory Used: {} MB\t{}"
COLD = "Init Duration: {} ms\t"
TRACED = "\nXRAY TraceId: 1-5\tSegmentId: 6\tSampled: true\t\n"


def reports(*pages: list[str]) -> str:
    """Read pages of log lines, and return what the check says of them."""
    left = [{"events": [{"message": line} for line in page]} for page in pages]
    for number, page in enumerate(left[:-1]):
        page["nextToken"] = str(number)

    async def call(service: str, operation: str, **about: object) -> object:
        assert (service, operation, about["logGroupName"]) == ("logs", "filter_log_events", "/aws/lambda/f")
        return left.pop(0)

    return str(asyncio.run(memory._reports(SimpleNamespace(aws=SimpleNamespace(call=call)), "f")))


def test_all_kinds_of_reports_of_all_pages_are_read():
    cold, late = LINE.format(512, 101, COLD.format(130.5)), LINE.format(512, 99, COLD.format(150) + "Status: timeout\n")
    told = "104 of 512 MB, cold p50 140 ms (2)"
    assert reports([cold, "another line"], [], [late, LINE.format(512, 104, TRACED)]) == told


def test_a_function_without_reports_has_none():
    assert reports([]) == "None"


def test_what_was_used_with_another_size_does_not_count():
    assert reports([LINE.format(1024, 900, COLD.format(99)), LINE.format(768, 90, "")]) == "90 of 768 MB"


def checked(lines: dict[str, str], *, emulated: bool = False) -> tuple[str, list[Figure]]:
    """Do the check of two functions, each with these lines in its log; return what was seen, and the figures."""

    async def call(service: str, operation: str, **about: str) -> object:
        return {
            "events": [{"message": lines[name]} for name in [about["logGroupName"].rpartition("/")[2]] if name in lines]
        }

    deployment = SimpleNamespace(progress_reader_function_name="reader", function_names=("agent", "reader"))
    v = SimpleNamespace(deployment=deployment, aws=SimpleNamespace(call=call, emulated=emulated), figures=[])
    return asyncio.run(memory.memory(v)), v.figures


def test_memory_to_spare_passes_and_is_measured():
    lines = {"reader": LINE.format(512, 104, COLD.format(130)), "agent": LINE.format(768, 384, "")}
    assert checked(lines) == (
        "2 functions, at most 50% used",
        [Figure("memory of agent", "384 of 768 MB"), Figure("memory of reader", "104 of 512 MB, cold p50 130 ms (1)")],
    )


def test_a_function_that_was_not_invoked_is_left_out():
    assert checked({"reader": LINE.format(512, 128, "")})[0] == "1 functions, at most 25% used"


def test_a_function_that_used_nearly_all_of_its_memory_fails():
    lines = {"reader": LINE.format(512, 104, ""), "agent": LINE.format(768, 700, "")}
    with pytest.raises(CheckFailed, match=r"by agent\.memory_mb: agent 700 of 768 MB$"):
        checked(lines)


def test_an_emulation_does_not_know_the_memory():
    with pytest.raises(NotApplicable):
        checked({"reader": LINE.format(512, 512, "")}, emulated=True)
