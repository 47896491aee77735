"""Claims a run for a worker, and handles a refused claim.

After a refusal, the returned record shows whether an earlier attempt of the same worker took effect. If not, this
worker must not record the run, and its work is stopped.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from runcast.errors import AppendRefused, ClaimRefused, InvalidInput, RuncastError, RunGone
from runcast.record.answer import answered_step, id_in_agent, questions_of
from runcast.record.assignment import Assignment, Claim, Stop
from runcast.record.draft import Draft
from runcast.record.model import Run, RunStatus
from runcast.record.stop_signal import StopSignal
from runcast.record.store import RunStore

logger = logging.getLogger(__name__)


class Claiming:
    """Claims one run for one worker.

    Args:
        store: The table.
        assignment: The run and its worker. A successful claim updates it from the record.
        draft: The worker's next write. A successful claim lets it continue after the record's last step.
        stops: Tells the work to stop if the claim is refused.
        lease_until_ms: Returns when a lease that begins now ends, in epoch milliseconds.

    Attributes:
        state: The state of the claim.
        known: Set when the claim has succeeded or failed, or when no answer will follow.
        refusal: Why the claim was refused; None if it was not.
    """

    def __init__(
        self,
        store: RunStore,
        assignment: Assignment,
        draft: Draft,
        stops: StopSignal,
        *,
        lease_until_ms: Callable[[], int],
    ) -> None:
        self.state = Claim.UNANSWERED
        self.known = threading.Event()
        self.refusal: str | None = None
        self._store = store
        self._run = assignment
        self._draft = draft
        self._stops = stops
        self._lease_until_ms = lease_until_ms

    def attempt(self) -> None:
        """Claim the run with one write. A repeated call detects that an earlier one took effect.

        Raises:
            StoreUnavailable: DynamoDB did not answer in time. Try again.
        """
        run = self._run
        self._store.learn_time()  # before computing the lease: with a fast clock, it would last for hours
        try:
            record = self._claimed()
        except ClaimRefused as refused:
            taken = refused.run if self._is_claimed_before(refused.run) else self._continued(refused.run)
            if taken is None:
                self._refuse(refused)
                return
            record = taken
        except RunGone as gone:
            self._refuse(gone)
            return
        run.follow(record)
        self._draft.begin(record)
        self.state = Claim.CLAIMED

    def _claimed(self) -> Run:
        run = self._run
        return self._store.claim(
            run.request_id,
            worker=run.worker,
            owner=run.owner,
            agent=run.agent,
            job_id=run.job_id,
            lease_until_ms=self._lease_until_ms(),
            part=run.part,
            created_at_ms=run.created_at_ms,
        )

    def _is_claimed_before(self, run: Run) -> bool:
        """Return whether an earlier attempt of this worker has claimed the run.

        The owner must match, too: an event may name any worker, and the name of a job's worker is known.
        """
        mine = run.worker == self._run.worker and run.owner == self._run.owner and not run.is_job
        return mine and not run.status.ended

    def _continued(self, run: Run) -> Run | None:
        """Continue a run whose answers or whose saved state the work has; return it as claimed, None if refused.

        A run whose state Runcast has saved is answered through the APIs alone, so work that loads this state takes only
        a part that has begun. The write that begins the next part may have taken effect without an answer, so an
        unclaimed part is claimed, too.
        """
        mine, now_ms = self._run, self._store.now_ms()
        can_continue = mine.answered if run.snapshot_key is None else mine.loads_state and run.agent == mine.agent
        if not can_continue or run.owner != mine.owner or run.is_job:
            return None
        try:
            if mine.answered and run.status is RunStatus.WAITING and now_ms <= run.lease_until_ms:
                asked = {id_in_agent(each["id"]): each["id"] for each in questions_of(run)}
                answered = [asked.get(each, each) for each in mine.answered]
                run = self._store.begin_next_part(run, answered_step(run, answered, now_ms), None)
            if not run.part_is_queued:
                return None
            mine.part = run.part
            return self._claimed()
        except (AppendRefused, ClaimRefused, InvalidInput, RunGone) as error:
            logger.warning("run %s: it cannot continue here: %s", run.request_id, error)
            return None

    def _refuse(self, error: RuncastError) -> None:
        logger.warning("run %s: %s This worker does not record it.", self._run.request_id, error)
        self.refusal = str(error)
        self._stops.tell(Stop.ENDED)
        self.state = Claim.REFUSED  # set last: a thread that waits for the claim checks the stop signal next
