"""The server's time on a machine whose own clock is wrong, jumps, or has stopped."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from runcast.clock import ServerClock

NOW_MS = 1_700_000_000_000


class Machine:
    """A machine's two clocks."""

    def __init__(self):
        self.wall_ms = NOW_MS
        self.seconds = 100.0
        self.clock = ServerClock(lambda: self.wall_ms, monotonic=lambda: self.seconds)

    def pass_ms(self, milliseconds):
        self.wall_ms += milliseconds
        self.seconds += milliseconds / 1000

    def hear(self, server_ms, *, after_ms=0):
        """Receive a response with the server's `Date`, so long after the request."""
        context = {}
        self.clock._on_call(context=context)
        self.pass_ms(after_ms)
        self.clock._on_response(http_response=Response(formatdate(server_ms // 1000, usegmt=True)), context=context)


class Response:
    def __init__(self, date):
        self.headers = {"Date": date} if date else {}


@pytest.fixture
def machine():
    return Machine()


@pytest.mark.parametrize("off_ms", [-3_600_000, -15_000, 15_000, 10_800_000])
def test_the_servers_time_wins(machine, off_ms):
    assert not machine.clock.known
    machine.hear(NOW_MS + off_ms)
    assert machine.clock.known
    assert machine.clock() == NOW_MS + off_ms + 500
    machine.pass_ms(1_234)
    assert machine.clock() == NOW_MS + off_ms + 1_734


def test_a_clock_that_is_right_to_the_second_is_kept(machine):
    for off_ms in (-1_000, 0, 1_000):
        machine.hear(NOW_MS + off_ms)
        assert machine.clock() == NOW_MS


def test_a_wall_clock_that_jumps_changes_nothing_until_the_server_is_heard(machine):
    machine.hear(NOW_MS)
    machine.wall_ms += 3_600_000
    assert machine.clock() == NOW_MS
    assert not machine.clock.known
    machine.hear(NOW_MS)
    assert machine.clock.known
    assert machine.clock() == NOW_MS


def test_a_machine_that_slept_asks_again(machine):
    machine.hear(NOW_MS)
    machine.wall_ms += 60_000  # the monotonic clock stood still
    assert not machine.clock.known
    machine.hear(NOW_MS + 60_000)
    assert machine.clock() == NOW_MS + 60_500


def test_a_response_that_was_long_on_its_way_tells_no_time(machine):
    machine.hear(NOW_MS, after_ms=20_000)
    assert not machine.clock.known
    assert machine.clock() == NOW_MS + 20_000


@pytest.mark.parametrize("date", [None, "", "yesterday"])
def test_a_response_without_a_date_tells_no_time(machine, date):
    context = {}
    machine.clock._on_call(context=context)
    machine.clock._on_response(http_response=Response(date), context=context)
    assert not machine.clock.known
