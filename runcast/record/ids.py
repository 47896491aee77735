"""The ids of runs and jobs, checked and normalized: the one place where an id enters.

A record is found by its id alone, so two spellings of one id must never be two records in one place and one record in
another. A UUID in its usual form is kept in lower case; any other text is an id as it stands.

Lengths are counted in UTF-16 code units, as JavaScript counts them: the resolvers check the same limits.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid5

from runcast import limits
from runcast.errors import InvalidInput
from runcast.text import is_well_formed, utf16_length

_EXAMPLE = "123e4567-e89b-12d3-a456-426614174000"
_DERIVED_VERSION = 5


def is_name(given: Any, max_characters: int) -> bool:
    """Whether `given` can be a part of the table's keys.

    That is text of 1 to `max_characters` UTF-16 code units which UTF-8 can hold, without "#", which joins keys.
    """
    return (
        isinstance(given, str)
        and is_well_formed(given)
        and 1 <= utf16_length(given) <= max_characters
        and "#" not in given
    )


def canonical_id(name: str, given: Any) -> str:
    """Return the id of a run or a job in its one spelling.

    Args:
        name: The field that holds it, `requestId` or `jobId`.
        given: What the field holds.

    Raises:
        InvalidInput: It is no text of a fitting length.
    """
    if is_name(given, limits.REQUEST_ID_MAX_CHARACTERS):
        return _usual_uuid(given) or str(given)
    raise InvalidInput(f"{name} must be text of 1 to {limits.REQUEST_ID_MAX_CHARACTERS} characters without '#'.")


def requested_id(given: str) -> str | None:
    """Return the id of the run or job that a caller asks for; None if no record can have it.

    Raises:
        InvalidInput: It holds half of a surrogate pair, which no answer could repeat.
    """
    if not is_well_formed(given):
        raise InvalidInput("requestId must be Unicode text: it holds half of a surrogate pair.")
    return canonical_id("requestId", given) if is_name(given, limits.REQUEST_ID_MAX_CHARACTERS) else None


def chosen_id(name: str, given: Any) -> str | None:
    """Return the id that a client has chosen for its run or job, in its one spelling; None if it has not.

    Args:
        name: The field, `requestId` or `jobId`.
        given: What it holds.

    Raises:
        InvalidInput: It is no UUID in its usual form, or one of version 5, which only a job's runs have.
    """
    if given is None:
        return None
    chosen = _usual_uuid(given)
    if chosen is None:
        raise InvalidInput(f"{name} must be a UUID, like {_EXAMPLE}.")
    if is_derived(chosen):
        raise InvalidInput(f"{name} must not be a UUID of version 5. Choose a random one (version 4).")
    return chosen


def is_derived(canonical: str) -> bool:
    """Whether an id is a UUID of version 5, as the runs of a job have."""
    return _usual_uuid(canonical) is not None and UUID(canonical).version == _DERIVED_VERSION


def derived_ids(job_id: str, name: str) -> tuple[str, ...]:
    """Return the ids of the runs that may come of an agent of a job, one for each attempt.

    Args:
        job_id: The job's id, a UUID in its usual form.
        name: The agent's name in the playbook.
    """
    return tuple(str(uuid5(UUID(job_id), f"{name}/{attempt}")) for attempt in range(1, limits.ATTEMPTS_MAX + 1))


def _usual_uuid(given: Any) -> str | None:
    """Return a UUID with its hyphens in lower case; None if `given` is none in that form."""
    try:
        text = str(UUID(given))
    except (ValueError, AttributeError, TypeError):
        return None
    return text if text == given.lower() else None
