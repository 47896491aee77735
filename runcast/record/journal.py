"""The journal of a checkpointing agent's tool calls, by which no call is made twice.

A call has one entry, an item beside the run's record. It is put before the tool begins, only if it is absent, and put
again with the result. Its key contains the saved state from which the agent continues: a worker that continues from
the same state makes the same calls, and finds their entries. A refused put returns the entry, so a worker needs no
permission to read the table. The index of runs by owner lists the entries too, so that they can be deleted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from runcast.record.conditions import EXPIRED
from runcast.record.items import Item, from_item, present, to_item
from runcast.record.model import Owner
from runcast.record.table import Table


class CallState(StrEnum):
    """How far a call is known to be."""

    BEGUN = "begun"
    ENDED = "ended"
    ASKED = "asked"


@dataclass(frozen=True)
class CallEntry:
    """What the journal knows of one call.

    Attributes:
        part: The part of the run whose worker has begun it.
        worker: That worker.
        state: How far it is.
        first_begun_at_ms: When its first worker has begun it, epoch milliseconds.
        result_json: The result of an ended call, as JSON text.
        result_key: Names the object that holds the result, if it is too large for an item.
    """

    part: int
    worker: str
    state: CallState
    first_begun_at_ms: int
    result_json: str | None = None
    result_key: str | None = None

    @property
    def is_lost(self) -> bool:
        """Whether the call has ended and its result could not be stored."""
        return self.state is CallState.ENDED and self.result_json is None and self.result_key is None


@dataclass(frozen=True)
class Call:
    """Which call it is.

    Attributes:
        request_id: The run.
        owner: The run's owner.
        snapshot_key: The saved state from which the call follows.
        tool_use_id: The id that the model has given to the call.
        attempt: 1, and more if a hook has the tool called again.
        expires_at_epoch_s: When the run's record expires.
    """

    request_id: str
    owner: Owner
    snapshot_key: str
    tool_use_id: str
    attempt: int
    expires_at_epoch_s: int

    @property
    def key(self) -> str:
        """The key of its entry, of bounded length."""
        which = "\0".join((self.snapshot_key, self.tool_use_id, str(self.attempt)))
        return f"{self.request_id}#call/{hashlib.sha256(which.encode(errors='surrogatepass')).hexdigest()}"


class CallJournal:
    """Reads and writes the entries. Each method is one request, and raises `StoreUnavailable` if it is not answered.

    Args:
        table: The table.
        now_ms: The time in epoch milliseconds.
    """

    def __init__(self, table: Table, now_ms: Callable[[], int]) -> None:
        self._table = table
        self._now_ms = now_ms

    def begin(self, call: Call, part: int, worker: str) -> CallEntry:
        """Put the entry of a call that begins, if it has none.

        Returns:
            The entry of the call: this worker's new one, or the one that it has.
        """
        now_ms = self._now_ms()
        entry = CallEntry(part, worker, CallState.BEGUN, now_ms)
        found = self._table.put_unless(_item(call, entry), EXPIRED, {"now_s": now_ms // 1000})
        return entry if found is None else _entry(found)

    def begin_again(self, call: Call, before: CallEntry, part: int, worker: str) -> CallEntry:
        """Replace the entry of a call that may begin again, if it is still `before`; return the entry of the call."""
        entry = CallEntry(part, worker, CallState.BEGUN, before.first_begun_at_ms)
        as_read = "#part = :part AND #worker = :worker AND #state = :state"
        values = {"part": before.part, "worker": before.worker, "state": before.state.value}
        found = self._table.put_unless(_item(call, entry), as_read, values)
        return entry if found is None else _entry(found)

    def end(self, call: Call, entry: CallEntry) -> None:
        """Put how a call has ended, unless another worker has begun it since."""
        self._table.put_unless(_item(call, entry), "#worker = :worker", {"worker": entry.worker})


def ended(entry: CallEntry, *, result_json: str | None = None, result_key: str | None = None) -> CallEntry:
    """Return the entry of a call that has ended with a result; without one, the result is lost."""
    return replace(entry, state=CallState.ENDED, result_json=result_json, result_key=result_key)


def asked(entry: CallEntry) -> CallEntry:
    """Return the entry of a call that has asked a person, so that it begins again after the answer."""
    return replace(entry, state=CallState.ASKED)


def listed_under(owner: Owner) -> str:
    """Return the owner under whom the index of runs by owner lists the entries, apart from the runs."""
    return f"{owner.key}#calls"


def run_of_entry(key: str) -> str:
    """Return the id of the run to which the entry with this key belongs."""
    return key.partition("#")[0]


def _item(call: Call, entry: CallEntry) -> Item:
    return to_item(
        present(
            {
                "requestId": call.key,
                "owner": listed_under(call.owner),
                "createdAt": entry.first_begun_at_ms,  # constant, because a change would write the index again
                "part": entry.part,
                "worker": entry.worker,
                "state": entry.state.value,
                "result": entry.result_json,
                "resultKey": entry.result_key,
                "expiresAt": call.expires_at_epoch_s,
            }
        )
    )


def _entry(item: Item) -> CallEntry:
    stored = from_item(item)
    return CallEntry(
        int(stored["part"]),
        stored["worker"],
        CallState(stored["state"]),
        int(stored["createdAt"]),
        stored.get("result"),
        stored.get("resultKey"),
    )
