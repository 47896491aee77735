"""The guards of a run's record: `histories.py` must notice when one is missing. `proof.py` removes each in turn.

A guard is any condition or order without which a promise does not hold. Each new guard needs a line here, or in
`owner_mutations.py` if it keeps owners, jobs or ids apart.
"""

from __future__ import annotations

from tests.reliability.mutation import Mutation
from tests.reliability.owner_mutations import OWNER_MUTATIONS
from tests.reliability.part_mutations import PART_MUTATIONS
from tests.reliability.turn_mutations import TURN_MUTATIONS

_STORE, _CREATION, _DRAFT = "runcast/record/store.py", "runcast/record/creation.py", "runcast/record/draft.py"
_WRITER, _CLAIMING = "runcast/record/writer.py", "runcast/record/claiming.py"
_CLOSE, _CONDITIONS, _READER = "runcast/record/close.py", "runcast/record/conditions.py", "runcast/record/reader.py"

# A condition is widened rather than cut out, because DynamoDB refuses values that no expression uses.
#
# Not here: that a write is refused when the run has ended. An end is a step, so the number of steps refuses such a
# write as well, and no history can tell the two apart. The store's own tests hold it to both.
MUTATIONS = [
    Mutation(
        "a write is refused when the record holds another number of steps", _STORE,
        (("#seq = :expected", "(#seq = :expected OR attribute_exists(#seq))"),),
    ),
    Mutation(
        "a write is refused when the run is not its worker's", _STORE,
        (("expected AND #worker = :me", "expected AND (#worker = :me OR attribute_exists(#worker))"),),
    ),
    Mutation(
        "a write is refused when a cancel was asked for", _STORE,
        (('("" if despite_cancel', '("" if True'),),
    ),
    Mutation(
        "a claim is refused when there is a worker", _CREATION,
        (
            (
                "AND attribute_not_exists(#worker) AND #status = :status)",
                "AND (attribute_not_exists(#worker) OR attribute_exists(#worker)) AND #status = :status)",
            ),
        ),
    ),
    Mutation(
        "a claim is refused when the run has ended", _CREATION,
        (("AND #status = :status)", "AND (#status = :status OR attribute_exists(#status)))"),),
    ),
    Mutation(
        "an event of a run that was deleted does not bring it back", _CREATION,
        ((" and part == 1 and created_at_ms is None", " and part == 1"),),
    ),
    Mutation(
        "an event is for the record that its starter has put", _CREATION,
        (("' AND #createdAt = :created'", "' AND (#createdAt = :created OR attribute_exists(#createdAt))'"),),
    ),
    Mutation(
        "an end that was handed over does not bring a deleted run back", "runcast/record/handed_over.py",
        (('"createdAt": run.created_at_ms,', '"createdAt": None,'),),
    ),
    Mutation(
        "a failed invocation counts for the record that its event names", _CLOSE,
        (("if created_at_ms is not None and", "if False and"),),
        "tests/unit/chalicelib/lifecycle/test_closer_parts.py",
    ),
    Mutation(
        "an invocation that did not have the run says nothing about its worker",
        "chalice_app/chalicelib/lifecycle/closer.py",
        (("None if failed.had_no_run else failed.invocation", "failed.invocation"),),
        "tests/unit/chalicelib/lifecycle/test_closer_parts.py",
    ),
    Mutation(
        "the ids of questions differ from part to part", "runcast/record/answer.py",
        (("f\"{part}:{each['id']}\"", "f\"0:{each['id']}\""),),
        "tests/functional/test_answers_elsewhere.py",
    ),
    Mutation(
        "a record is not put over another", _CONDITIONS,
        (("#expiresAt <= :now_s", "#expiresAt <= :now_s OR attribute_exists(#owner)"),),
    ),
    Mutation(
        "an end from outside is refused when there are more steps than were read", _CONDITIONS,
        (('            "seq": run.seq,\n', ""),),
    ),
    Mutation(
        "an end from outside is refused when the lease was renewed", _CONDITIONS,
        (('            "leaseUntil": run.lease_until_ms,\n', ""),),
    ),
    Mutation(
        "an end from outside is refused when the run was claimed meanwhile", _CONDITIONS,
        (('            "worker": run.worker,\n', ""),),
    ),
    Mutation(
        "only a run in progress is marked as to be cancelled", _STORE,
        (("#status = :in_progress AND attribute_exists(#worker)",
          "(#status = :in_progress OR attribute_exists(#status)) AND attribute_exists(#worker)"),),
    ),
    Mutation(
        "a late heartbeat does not set the lease back", _STORE,
        ((' AND #leaseUntil < :leaseUntil', ''),),
    ),
    Mutation(
        "a record that has expired takes no more writes", _CONDITIONS,
        (
            (
                'NOT_EXPIRED = "#expiresAt > :now_s"',
                'NOT_EXPIRED = "(#expiresAt > :now_s OR attribute_exists(#expiresAt))"',
            ),
        ),
    ),
    Mutation(
        "a write that had landed is recognised", _DRAFT,
        (("if held.get(step.seq) == step:", "if False:"),),
    ),
    Mutation(
        "a claim that had landed is recognised", _CLAIMING,
        (("mine = run.worker == self._run.worker and", "mine = run.worker is None and"),),
    ),
    Mutation(
        "a run that is to be cancelled does not wait for people", _WRITER,
        (("            if self._cancel_seen:\n", "            if False:\n"),),
    ),
    Mutation(
        "an answer about another run is no answer", "runcast/record/refusals.py",
        (('if item.get("requestId") != {"S": key}:', "if not item:"),),
    ),
    Mutation(
        "an answer about another worker's claim is no answer", _CREATION,
        (("        if run.worker != worker:", "        if run.worker is None:"),),
    ),
    Mutation(
        "a step is stored before it is sent", _WRITER,
        (
            ("        self._send(steps)\n", ""),
            ("                self._append()\n", "                self._send(draft.steps); self._append()\n"),
        ),
    ),
    Mutation(
        "a page is put before it is listed", _WRITER,
        (("            for page in draft.pages:\n", "            for page in ():\n"),),
    ),
    Mutation(
        "a page is not put over a later run's", _STORE,
        (("#expiresAt < :expiresAt OR", "attribute_exists(#expiresAt) OR"),),
    ),
    Mutation(
        "an answer is due before the record expires", _STORE,
        (("* 1000 - limits.EXPIRY_MARGIN_MS", "* 1000 + limits.EXPIRY_MARGIN_MS"),),
    ),
    Mutation(
        "waiting extends a record at most to the life of its pages", _STORE,
        (("min(extended_epoch_s, lives.pages_epoch_s)", "extended_epoch_s"),),
        "tests/unit/record/test_recorder.py",
    ),
    Mutation(
        "a page lives as long as a record that waits", _WRITER,
        (("expires_at_epoch_s=run.pages_expire_at_epoch_s,", "expires_at_epoch_s=run.expires_at_epoch_s,"),),
    ),
    Mutation(
        "a worker ends its part before the record expires", _WRITER,
        (("            self._run.end_before_expiry(self._now_ms(), self._monotonic())\n", "            pass\n"),),
        "tests/unit/record/test_recorder.py",
    ),
    Mutation(
        "what waits to be sent keeps its order", "runcast/record/outbox.py",
        (("for message in messages:", "for message in reversed(messages):"),),
    ),
    Mutation(
        "a closer leaves a run alone whose lease has not passed", _CLOSE,
        (("return now_ms > run.lease_until_ms + limits.CLOSE_GRACE_MS", "return True"),),
    ),
    Mutation(
        "a run that is worked on is not ended by who cancels it", "runcast/record/cancel.py",
        (("or now > run.lease_until_ms:", "or True:"),),
    ),
    Mutation(
        "a reader reads every page that it needs", "runcast/record/reader.py",
        (("bisect_right(run.pages, after_seq) :]", "bisect_right(run.pages, after_seq) + 1 :]"),),
    ),
    Mutation(
        "a claim's lease follows from the server's time", _CLAIMING,
        (("        self._store.learn_time()  # before", "        # before"),),
    ),
    Mutation(
        "the time is the server's", "runcast/clock.py",
        (("if abs(off_ms) > _TOLERANCE_MS:", "if False:"),),
    ),
    Mutation(
        "time passes on the monotonic clock", "runcast/clock.py",
        (("(self._monotonic() - base_seconds) * 1000)", "0) + self._wall_ms() - (self._heard_at or (base_ms,))[0]"),),
    ),
    Mutation(
        "the deadline is on the monotonic clock", _WRITER,
        (("deadline.time_up_seconds - self._monotonic()", "deadline.time_up_seconds - self._now_ms() / 1000"),),
    ),
    Mutation(
        "a lease does not outlast its worker's deadline", _WRITER,
        (("min(limits.LEASE_MS, max(0, round(", "max(limits.LEASE_MS, max(0, round("),),
    ),
    Mutation(
        "a run whose worker's time is up is ended", _WRITER,
        (("        if self._seconds_left() > 0:\n", "        if True:\n"),),
    ),
    Mutation(
        "an end counts the steps that are missing", _DRAFT,
        (('            about["unrecorded"] = unrecorded\n', "            pass\n"),),
    ),
    Mutation(
        "a step that finds no room is counted", "runcast/record/step_queue.py",
        (
            ("                self.taken += 1\n", ""),
            ("                    return False\n            self._steps",
             "                    return False\n                self.taken += 1\n            self._steps"),
        ),
    ),
    Mutation(
        "an end that is handed over counts the steps before it", "runcast/record/handed_over.py",
        (("queue = StepQueue(handed.taken)", "queue = StepQueue()"),),
    ),
    Mutation(
        "an end that is handed over follows what lands late", _DRAFT,
        (("        self.begin(run)\n        self.steps", "        return False\n        self.steps"),),
    ),
    Mutation(
        "an end that is written alone keeps what may be stored", _DRAFT,
        (("self._held, self.pages = None, []\n", "self._held, self.pages, self.steps = None, [], []\n"),),
    ),
    Mutation(
        "a write is tried again when there was no memory for it", _WRITER,
        (("            except Exception as error:  # noqa", "            except StoreUnavailable as error:  # noqa"),),
    ),
    Mutation(
        "a record that cannot be read does not keep a sweep from listing the others", "runcast/record/reads.py",
        (("    except Exception:  # an invalid item", "    except StoreUnavailable:  # an invalid item"),),
    ),
    Mutation(
        "a record that cannot be read does not end a sweep", "chalice_app/chalicelib/lifecycle/closer.py",
        (
            (
                '        except Exception:\n            logger.exception("run %s could not be ended',
                '        except InvalidInput:\n            logger.exception("run %s could not be ended',
            ),
        ),
    ),
    Mutation(
        "without all of its threads, a recorder claims nothing", "runcast/record/recorder.py",
        (
            (
                "            self._sending.start()\n",
                "            self._writing.start()\n            self._sending.start()\n",
            ),
            ("            self._writing.start()\n        except", "        except"),
        ),
        "tests/unit/record/test_end_in_time.py::test_without_threads_nothing_is_claimed_and_the_end_is_handed_over",
    ),
    Mutation(
        "an end is handed over even if the watching thread does not get to run", "runcast/record/recorder.py",
        (("or (self._watching and not writer.settled.is_set()):", "or False:"),),
        "tests/unit/record/test_end_in_time.py",
    ),
    Mutation(
        "a worker whose claim is refused is stopped", _CLAIMING,
        (
            (
                "        self.refusal = str(error)\n        self._stops.tell(Stop.ENDED)\n",
                "        self.refusal = str(error)\n",
            ),
        ),
        "tests/unit/record",
    ),
    Mutation(
        "a writer that dies stops its run", _WRITER,
        (
            (
                'its recorder failed", self._run.request_id)\n            self._stops.tell(Stop.ENDED)\n',
                'its recorder failed", self._run.request_id)\n',
            ),
        ),
        "tests/unit/record/test_writer_faults.py",
    ),
    Mutation(
        "a tool waits for the claim", "runcast/runs/tracked.py",
        (("        await self._hold()\n", ""),),
        "tests/unit/agents/test_track_stops.py",
    ),
    Mutation(
        "a run whose claim is refused calls no tool", "runcast/runs/tracked.py",
        (("        if self._is_refused() and not self.stop.reason:\n", "        if False:\n"),),
        "tests/unit/agents/test_track_stops.py",
    ),
    *PART_MUTATIONS,
    *TURN_MUTATIONS,
    *OWNER_MUTATIONS,
]  # fmt: skip
