"""The guards of a run with several parts: each is done once, by one worker, and only after an answer or a hand-over."""

from __future__ import annotations

from tests.reliability.mutation import Mutation

_STORE, _STOP, _WORK = "runcast/record/store.py", "runcast/runs/stop.py", "runcast/agents/checkpoints.py"
_PART_WORK, _CHECKPOINTS = (
    "chalice_app/chalicelib/agents/part_work.py", "tests/unit/chalicelib/agents/test_runner_checkpoints.py",
)  # fmt: skip
_JOURNAL, _TOOLS = "runcast/record/journal.py", "runcast/agents/journal.py"
_HANDOVERS = "tests/unit/chalicelib/agents/test_runner_handovers.py"
_CHECKPOINT_FAULTS = "tests/unit/chalicelib/agents/test_runner_checkpoint_faults.py"
_CRASHES = "tests/unit/chalicelib/agents/test_runner_crashes.py"
_CALLS = "tests/unit/chalicelib/agents/test_runner_journal.py"
_RUNNER, _UNIT = "chalice_app/chalicelib/agents/runner.py", "tests/unit/chalicelib/agents/test_runner_parts.py"
_SAVED_STATE = "tests/unit/chalicelib/agents/test_runner_saved_state.py"
_ELSEWHERE = "tests/functional/test_answers_elsewhere.py"
_CLOSE, _ANSWER, _NEXT_PART = "runcast/record/close.py", "runcast/record/answer.py", "runcast/record/next_part.py"

PART_MUTATIONS = [
    Mutation(
        "a claim is refused when another part is current", "runcast/record/creation.py",
        (
            (
                "'attribute_not_exists(#part)' if part == 1 else '#part = :part'",
                "'(attribute_not_exists(#part) OR attribute_exists(#part))' if part == 1 else '#part = :part'",
            ),
        ),
    ),
    Mutation(
        "an answer removes the claim of the worker that has asked", _NEXT_PART,
        (('removes=["#worker", *removes],', "removes=[],"),),
    ),
    Mutation(
        "a part is handed out again only if nothing has changed since it was read", _NEXT_PART,
        (('f"{condition} AND #status', 'f"({condition} OR attribute_exists(#seq)) AND #status'),),
    ),
    Mutation(
        "a page of a worker that has lost its part replaces no page of a later one", _STORE,
        (("#claim <= :claim)", "attribute_exists(#claim))"),), "tests/unit/record/test_store.py",
    ),
    Mutation(
        "a part that has begun is not handed out again", _CLOSE,
        (("if not run.part_has_begun and", "if run.part > 1 and"),),
    ),
    Mutation(
        "a failed invocation counts for its own part", _CLOSE,
        (("current = part == (run.part, run.part_tries)", "current = True"),),
        "tests/unit/chalicelib/lifecycle/test_closer_parts.py",
    ),
    Mutation(
        "a part is handed out a few times only", _CLOSE,
        (("and run.part_tries < limits.PART_MAX_TRIES", ""),),
    ),
    Mutation(
        "the same answers again are recognised", _ANSWER,
        (("run.answers_key in [key_of(run, part) for part in range(1, run.part)]", "False"),),
    ),
    Mutation(
        "a later part continues the page of the part before", "runcast/record/draft.py",
        (("self._head, self._pages_stored = list(run.steps), len(run.pages)", "pass"),),
    ),
    Mutation(
        "a run that waits does not count as in progress", _STORE,
        (('else ["#openTenant"] if end else []', "else []"),),
    ),
    Mutation(
        "a run that has ended does not count as in progress", "runcast/record/turns.py",
        (('removes = ["#openSince", "#openTenant", *', 'removes = ["#openSince", *'),),
    ),
    Mutation(
        "an answered run counts as in progress", _NEXT_PART,
        (('            "openTenant": run.owner.tenant_id,\n', ""),),
    ),
    Mutation(
        "a hand-over removes the claim of its worker", _STORE,
        (('removes = ["#worker"] if next_part else', "removes: list[str] = [] if next_part else"),),
    ),
    Mutation(
        "a run that is to be cancelled is not handed over", "runcast/record/draft.py",
        (("if self.end and not self.end.status.ended:", "if self.end and self.end.status is RunStatus.WAITING:"),),
    ),
    Mutation(
        "a failed invocation of an earlier part asks for the next one", _CLOSE,
        (("part[0] < run.part and run.part_is_queued", "False"),), _HANDOVERS,
    ),
    Mutation(
        "no tool begins once its agent is interrupted", _STOP,
        (("if self.handing_over and not self._tools_begun:\n            raise", "if False:\n            raise"),),
        _CHECKPOINTS,
    ),
    Mutation(
        "an agent whose tools have begun is not interrupted", _STOP,
        (("self.handing_over and not self._tools_begun and work.whole_run", "self.handing_over and work.whole_run"),),
        _CHECKPOINTS,
    ),
    Mutation(
        "the state is named before a tool begins", _WORK,
        (("await patiently(self._run.stop, partial(self._run.recorder.name_snapshot, key))", "pass"),), _CHECKPOINTS,
    ),
    Mutation(
        "a worker that has lost its run names no state", _STORE,
        (('f"#worker = :me AND #status = :in_progress AND', 'f"(#worker = :me OR attribute_exists(#status)) AND'),),
        _CHECKPOINT_FAULTS,
    ),
    Mutation(
        "a tool begins only if no other worker has called it", _JOURNAL,
        (("_item(call, entry), EXPIRED,", '_item(call, entry), f"attribute_exists(#state) OR {EXPIRED}",'),),
    ),
    Mutation(
        "a part is handed out only if no cancel was requested since it was read", "runcast/record/conditions.py",
        (('            "cancelRequestedAt": run.cancel_requested_at_ms,\n', ""),),
    ),
    Mutation(
        "a run whose worker dies every time is ended", "runcast/record/crash.py",
        (("and run.crashes < limits.CRASHES_MAX", ""),), _CRASHES,
    ),
    Mutation(
        "every retry of a call whose outcome is unknown begins nothing", _TOOLS,
        (("        self._refused[call.tool_use_id] = told\n", ""),), _CALLS,
    ),
    Mutation(
        "an earlier worker's call of unknown outcome is not begun again", _TOOLS,
        (("(has_no_result and may_run_again)", "entry.state is CallState.BEGUN"),), _CALLS,
    ),
    Mutation(
        "a worker stops if a later part has its call", _TOOLS,
        (("if entry.part > recorder.assignment.part:", "if False:"),), _CALLS,
    ),
    Mutation(
        "a part begins only with a confirmed claim", _PART_WORK,
        (("        if claim is not Claim.CLAIMED:\n", "        if False:\n"),), _SAVED_STATE,
    ),
    Mutation(
        "a part begins only after its first step is stored", _RUNNER,
        (("if not recorder.await_first_step(limits.PART_BEGIN_SECONDS):", "if False:"),), _SAVED_STATE,
    ),
    Mutation(
        "a worker with answers continues its owner's run only", "runcast/record/claiming.py",
        (("run.owner != mine.owner or run.is_job:", "run.is_job:"),), "tests/unit/agents/test_track.py",
    ),
    Mutation(
        "a worker with answers continues no run whose state is saved", "runcast/record/claiming.py",
        (("mine.answered if run.snapshot_key is None else", "mine.answered or"),), "tests/unit/agents/test_track.py",
    ),
    Mutation(
        "a worker that loads a saved state continues its own agent's run only", "runcast/record/claiming.py",
        (("mine.loads_state and run.agent == mine.agent", "mine.loads_state"),),
        "tests/unit/agents/test_in_parts_ends.py",
    ),
    Mutation(
        "the token of a task is stored only while its run is open", "runcast/record/in_job.py",
        (
            (
                "#status IN (:in_progress, :waiting)",
                "(attribute_exists(#owner) OR #status IN (:in_progress, :waiting))",
            ),
        ),
        "tests/unit/chalicelib/orchestrator/test_agent_invoker.py",
    ),
    Mutation(
        "a change is reported for its owner's run only", "chalice_app/chalicelib/lifecycle/closer.py",
        (("run.owner != changed.owner or ", ""),), "tests/unit/chalicelib/lifecycle/test_closer.py",
    ),
    Mutation(
        "an answer is stored before the record names it", _ANSWER,
        (("        put(key)\n", ""),), _UNIT,
    ),
    Mutation(
        "a part whose worker has the answers does not find those of an earlier part", _NEXT_PART,
        (('["#answersKey"] if answers_key is None else []', "[]"),),
        "tests/unit/chalicelib/lifecycle/test_closer_parts.py",
    ),
    Mutation(
        "a function continues only the part with which it was invoked", "runcast/runs/from_environment.py",
        (("answered if part == 1 else frozenset()", "answered"),), _ELSEWHERE,
    ),
    Mutation(
        "a function's agent does not continue without its claim", "runcast/runs/tracked.py",
        (("resumes and not self._is_later_part", "resumes"),), _ELSEWHERE,
    ),
    Mutation(
        "a function's agent calls no tool before its first step is stored", "runcast/runs/tracked.py",
        (("return not self.recorder.await_first_step(0)", "return False"),), _ELSEWHERE,
    ),
]  # fmt: skip
