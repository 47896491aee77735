"""Deletes records: a run that has ended, with its pages and the hints to its worker, and the journals of tool calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runcast.errors import AppendRefused
from runcast.record.conditions import as_read
from runcast.record.items import cancel_hint_id, page_id
from runcast.record.journal import listed_under, run_of_entry
from runcast.record.model import Owner, Run
from runcast.record.reads import OWNER_INDEX
from runcast.record.refusals import Check, of_record
from runcast.record.turns import RecordTurns

_ENTRIES_AT_ONCE = 100  # so many heads are read at once


class RecordDeletion(RecordTurns):
    """Deletes records."""

    def delete(self, run: Run) -> None:
        """Delete the record of an ended run. The pages go first, so that a failed call can be repeated.

        Args:
            run: The run as it was read. It must have ended, so that no worker writes to it.

        Raises:
            AppendRefused: The record has changed since `run` was read.
            RunGone: The record was deleted already.
        """
        others = [page_id(run.request_id, seq) for seq in run.pages]
        self._table.delete_many([*others, *([cancel_hint_id(run.request_id, run.worker)] if run.worker else [])])
        condition, values = as_read(run)
        changed = AppendRefused(f"Run {run.request_id} has changed since it was read.", run)
        self._table.delete(Check(run.request_id, condition, values, of_record(lambda _: changed)))

    def delete_calls(self, owner: Owner) -> None:
        """Delete the entries of tool calls whose runs have no record any more. A new entry may be missed for seconds.

        Args:
            owner: The owner of the runs.
        """
        start: Mapping[str, Any] | None = None
        while True:
            keys, start = self._table.query_newest(OWNER_INDEX, listed_under(owner), _ENTRIES_AT_ONCE, start)
            runs = self.read_heads(list({run_of_entry(key) for key in keys}))
            kept = {run.request_id for run in runs if run.owner == owner}
            self._table.delete_many([key for key in keys if run_of_entry(key) not in kept])
            if start is None:
                return
