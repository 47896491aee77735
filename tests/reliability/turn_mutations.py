"""The guards of conversations: one open run, and a turn that ends with its run, whoever ends it."""

from __future__ import annotations

from tests.reliability.mutation import Mutation

_TURNS, _CONVERSATION = "runcast/record/turns.py", "runcast/record/conversation.py"
_START, _DELETE = "chalice_app/chalicelib/lifecycle/turn.py", "chalice_app/chalicelib/lifecycle/conversations.py"
_UNIT, _RUNS = "tests/unit/record/test_turns.py", "tests/unit/chalicelib/agents/test_runner_turns.py"

TURN_MUTATIONS = [
    Mutation(
        "the end of a run ends its turn", _TURNS,
        (("        if conversation_key is not None:\n", "        if False:\n"),),
    ),
    Mutation(
        "a worker's end ends the turn", "runcast/record/writer.py",
        (("conversation_key=self._run.conversation_key,", "conversation_key=None,"),),
    ),
    Mutation(
        "an end from outside ends the turn", "runcast/record/store.py",
        (("conversation_key=run.conversation_key,", "conversation_key=None,"),),
    ),
    Mutation(
        "a turn that is not complete leaves no state", _TURNS,
        (('[] if snapshot_key else ["#turnSnapshotKey"]', "[]"),), _UNIT,
    ),
    Mutation(
        "a run ends only its own turn", _TURNS,
        (('"#openRun = :run"', '"#openRun = :run OR attribute_exists(#requestId)"'),), _UNIT,
    ),
    Mutation(
        "a run ends without its conversation", _TURNS,
        (("with suppress(ConversationChanged):", "with suppress(KeyError):"),), _UNIT,
    ),
    Mutation(
        "a turn begins only if no other one has begun since the conversation was read", _CONVERSATION,
        (('"createdAt": conversation.last_turn_at_ms,\n            "openRun": conversation.open_run,\n', ""),),
    ),
    Mutation(
        "a first turn begins only if there is no conversation", _TURNS,
        (("if before else (EXPIRED, {})", 'if before else (f"{EXPIRED} OR attribute_exists(#requestId)", {})'),),
    ),
    Mutation(
        "a turn does not begin while a run is open", _START,
        (("    if run:\n", "    if False:\n"),),
    ),
    Mutation(
        "a conversation is not deleted while a run is open", _DELETE,
        (("if run := open_run(conversation, store):", "if (run := open_run(conversation, store)) and False:"),),
    ),
    Mutation(
        "a turn begins only with a confirmed claim", "chalice_app/chalicelib/agents/runner.py",
        (("elif work.event.conversation_id and claim is not Claim.CLAIMED:", "elif False:"),), _RUNS,
    ),
    Mutation(
        "a state that is stored too late is deleted", "chalice_app/chalicelib/agents/turn.py",
        (("        if not saved:\n", "        if False:\n"),), _RUNS,
    ),
    Mutation(
        "a state whose turn another has ended is deleted", "chalice_app/chalicelib/agents/runner.py",
        (("if saved_turn_key and outcome.status is not RunStatus.COMPLETE:", "if False:"),), _RUNS,
    ),
]  # fmt: skip
