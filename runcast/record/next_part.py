"""Continues a run after an answer or a crash: one write begins its next part, another one hands a part out again.

Each part is one worker's share of the run. Beginning a part removes the claim, so DynamoDB refuses all later writes of
the earlier part's worker. The agent starts only after its worker has stored the first step of the part. So the agent
has not run in a part without a step, and another worker may take that part.

A worker that hands its run over begins the next part itself, with its last write (`RunStore.append`).
"""

from __future__ import annotations

from collections.abc import Sequence

from runcast import limits
from runcast.errors import AppendRefused
from runcast.record.conditions import NOT_EXPIRED, as_read, unless_gone
from runcast.record.creation import RecordCreation
from runcast.record.items import present, run_of, stored_step
from runcast.record.model import Json, Run, RunStatus, Step
from runcast.record.table import sets_of


def part_begins(part: int, seq: int, now_ms: int) -> Json:
    """Return the attributes with which a part begins.

    Args:
        part: Its number.
        seq: The number of the step that begins it.
        now_ms: The time, epoch milliseconds.
    """
    return {
        "part": part,
        "partTries": 1,
        "partSeq": seq,
        "leaseUntil": now_ms + limits.QUEUED_LEASE_MS,
        "openSince": 0,  # the sweep checks the run at any age, because no service reports a lost invocation
    }


class RecordParts(RecordCreation):
    """Begins the next part of a run, and hands out parts again."""

    def begin_next_part(self, run: Run, step: Step, answers_key: str | None) -> Run:
        """Move a waiting run to its next part, if its record has not changed since it was read.

        Args:
            run: The waiting run.
            step: The step that records the answer.
            answers_key: The key of the object with the answers, which must exist already. None if the worker that
                takes the part has them itself.

        Returns:
            The record, unclaimed and with a lease of `QUEUED_LEASE_MS`.

        Raises:
            AppendRefused: The record has changed since `run` was read.
            RunGone: The record was deleted or has expired.
        """
        now_ms = self.now_ms()
        sets = {
            "status": RunStatus.IN_PROGRESS.value,
            "seq": step.seq,
            "answersKey": answers_key,
            "waitedMs": run.waited_until(now_ms),
            "updatedAt": now_ms,
            "openTenant": run.owner.tenant_id,
            **({} if run.crashes is None else {"crashes": 0}),
            **part_begins(run.part + 1, step.seq, now_ms),
        }
        # Without an object, this part must not find the answers of an earlier one.
        removes = ["#answersKey"] if answers_key is None else []
        return self._changed(run, now_ms, RunStatus.WAITING, present(sets), step, removes=removes)

    def resume_part(self, run: Run, step: Step) -> Run:
        """Begin the next part of a run whose worker has died, if its record has not changed since it was read.

        Args:
            run: The run, whose record names a snapshot.
            step: The step that says so.

        Returns:
            The record, unclaimed and with a lease of `QUEUED_LEASE_MS`.

        Raises:
            AppendRefused: The record has changed since `run` was read.
            RunGone: The record was deleted or has expired.
        """
        now_ms = self.now_ms()
        sets = {
            "seq": step.seq,
            "crashes": (run.crashes or 0) + 1,
            "updatedAt": now_ms,
            **part_begins(run.part + 1, step.seq, now_ms),
        }
        return self._changed(run, now_ms, RunStatus.IN_PROGRESS, sets, step)

    def hand_out_again(self, run: Run) -> Run:
        """Release a part that has not begun, and count one more try, if the record has not changed since it was read.

        Returns:
            The record, unclaimed and with a lease of `QUEUED_LEASE_MS`.

        Raises:
            AppendRefused: The record has changed since `run` was read.
            RunGone: The record was deleted or has expired.
        """
        now_ms = self.now_ms()
        sets = {
            "partTries": run.part_tries + 1,
            "updatedAt": now_ms,
            "leaseUntil": now_ms + limits.QUEUED_LEASE_MS,
        }
        return self._changed(run, now_ms, RunStatus.IN_PROGRESS, sets)

    def _changed(
        self,
        run: Run,
        now_ms: int,
        state: RunStatus,
        sets: Json,
        step: Step | None = None,
        *,
        removes: Sequence[str] = (),
    ) -> Run:
        """Set attributes of a run in this state, append a step if there is one, and remove the claim."""
        condition, values = as_read(run)
        expressions = sets_of(sets)
        if step:
            expressions.append("#steps = list_append(#steps, :steps)")
            values["steps"] = [stored_step(step)]
        item = self._table.update(
            run.request_id,
            expressions,
            f"{condition} AND #status = :state AND {NOT_EXPIRED}",
            {**sets, **values, "state": state.value, "now_s": now_ms // 1000},
            unless_gone(lambda now: AppendRefused(f"Run {run.request_id} has changed since it was read.", now), now_ms),
            removes=["#worker", *removes],
            returning="ALL_NEW",
        )
        return run_of(item)
