"""The guards of a run that goes on after an answer: each part is done once, by one worker, and only after an answer."""

from __future__ import annotations

from tests.reliability.mutation import Mutation

_RUNNER, _UNIT = "chalice_app/chalicelib/agents/runner.py", "tests/unit/chalicelib/agents/test_runner_parts.py"
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
        (('removes=["#worker"],', "removes=[],"),),
    ),
    Mutation(
        "a part is handed out again only if nothing has changed since it was read", _NEXT_PART,
        (('f"{condition} AND {state}', 'f"({condition} OR attribute_exists(#seq)) AND {state}'),),
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
        (("run.answers_key == key_of(run, run.part - 1)", "False"),),
    ),
    Mutation(
        "a later part continues the page of the part before", "runcast/record/draft.py",
        (("self._head, self._pages_stored = list(run.steps), len(run.pages)", "pass"),),
    ),
    Mutation(
        "a part begins only with a confirmed claim", _RUNNER,
        (("        if claim is not Claim.CLAIMED:\n", "        if False:\n"),), _UNIT,
    ),
    Mutation(
        "a part begins only after its first step is stored", _RUNNER,
        (("if not recorder.await_first_step(limits.PART_BEGIN_SECONDS):", "if False:"),), _UNIT,
    ),
    Mutation(
        "an answer is stored before the record names it", _ANSWER,
        (("        put(key)\n", ""),), _UNIT,
    ),
]  # fmt: skip
