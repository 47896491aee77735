from contextlib import suppress

import psutil

from bench.busy import busy_processes


def test_the_busy_processes_end_with_the_block_even_after_an_error():
    this = psutil.Process()
    before = set(this.children())
    with suppress(ZeroDivisionError), busy_processes(2):
        added = set(this.children()) - before
        raise ZeroDivisionError
    assert len(added) == 2
    assert not any(process.is_running() for process in added)
