"""Deltas go out between steps, and never instead of them."""

from __future__ import annotations

from runcast.record.outbox import Outbox


def test_a_delta_is_sent_but_not_counted():
    sent = []
    outbox = Outbox(lambda messages: sent.extend(messages) or len(messages))
    outbox.put_delta({"seq": None})
    assert outbox.send_next()
    assert (sent, outbox.unsent) == ([{"seq": None}], 0)


def test_a_busy_channel_gets_no_deltas():
    sent = []
    outbox = Outbox(lambda messages: sent.extend(messages) or len(messages))
    outbox.put([{"seq": 1}])
    outbox.put_delta({"seq": None})
    outbox.close()
    assert not outbox.send_next()
    assert sent == [{"seq": 1}]


def test_a_delta_after_the_close_keeps_nothing_open():
    outbox = Outbox(len)
    outbox.close()
    outbox._stored.put({"seq": None})
    assert not outbox.send_next()
