import asyncio
from types import SimpleNamespace

from verify import memory

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
