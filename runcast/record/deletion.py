"""Deletes records: a run that has ended, with its pages and the hints to its worker."""

from __future__ import annotations

from runcast.errors import AppendRefused
from runcast.record.conditions import as_read
from runcast.record.items import cancel_hint_id, page_id
from runcast.record.model import Run
from runcast.record.refusals import Check, of_record
from runcast.record.turns import RecordTurns


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
