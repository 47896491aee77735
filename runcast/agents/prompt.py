"""What a function in Terraform's `agent_functions` gives its agent: the query with its files or, later, the answers.

Files and answers are objects of the private bucket, which the event names, because they may be larger than an event.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runcast.errors import InvalidInput, ObjectGone, Unavailable
from runcast.record.answer import id_in_agent
from runcast.record.attachments import named_attachments, prompt_with
from runcast.record.identity import checked_query, run_identity
from runcast.record.model import Json
from runcast.record.objects import ANSWERS, private_key
from runcast.runs.from_environment import private_objects_of_environment


def prompt_of(event: Mapping[str, Any]) -> Any:
    """Return the prompt for the agent that an event starts or continues.

    Args:
        event: The event with which Runcast invokes an agent's function. It has `query` and maybe `attachments` or, if
            the run was answered, `resume`, the key of the object with the answers.

    Returns:
        The query; content blocks of the query and the files if there are attachments; or the answers. Each in the form
        that Strands expects.

    Raises:
        AttachmentUnusable: A file is no longer stored, was replaced after the start, or could not be read.
        ConfigurationMissing: `RESULTS_BUCKET` is not set. Set what Terraform's output `recorder_environment` has.
        InvalidInput: The event has neither a valid query nor `resume`, or `resume` is of another run.
        Unavailable: The answers could not be read, or are damaged. Let the function fail: the part is then handed out
            again.
    """
    key = event.get("resume")
    if key is None:
        query, attachments = checked_query(event.get("query")), named_attachments(event.get("attachments"))
        if not attachments:
            return query
        identity, objects = run_identity(event, request_id=""), private_objects_of_environment()
        return prompt_with(attachments, query, identity.owner, identity.request_id, objects)
    identity = run_identity(event, request_id="")
    if not (isinstance(key, str) and key.startswith(private_key(ANSWERS, identity.owner, identity.request_id, ""))):
        raise InvalidInput("resume must be the key of the run's answers.")
    return prompt_of_answers(_answers(key))


def prompt_of_answers(answers: Mapping[str, Any]) -> list[Json]:
    """Return the prompt with which Strands continues an agent, from answers by the ids of the run's questions."""
    return [
        {"interruptResponse": {"interruptId": id_in_agent(key), "response": answer}} for key, answer in answers.items()
    ]


def _answers(key: str) -> Json:
    try:
        answers = private_objects_of_environment().get(key)
    except (ObjectGone, Unavailable, ValueError) as error:
        raise Unavailable(f"The answers {key} could not be read: {error}") from error
    if not isinstance(answers, dict):
        raise Unavailable(f"The answers {key} are damaged: the object holds no answers by their ids.")
    return answers
