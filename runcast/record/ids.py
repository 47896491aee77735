"""Validates and normalizes the ids of runs and jobs. Every id enters the system here.

A record's key is its id, so all components must agree on one spelling of an id. A UUID in its usual form is converted
to lower case; any other text is used unchanged.

Lengths are in UTF-16 code units, as in JavaScript, because the resolvers check the same limits.
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
    """Whether `given` can be part of the table's keys.

    A name is text of 1 to `max_characters` UTF-16 code units that UTF-8 can encode. It must not contain "#", which
    separates the parts of a key.
    """
    return (
        isinstance(given, str)
        and is_well_formed(given)
        and 1 <= utf16_length(given) <= max_characters
        and "#" not in given
    )


def owner_name(field: str, given: Any) -> str:
    """Return the name of a user or a tenant.

    Args:
        field: The name of the field, for the error.
        given: The value of the field.

    Raises:
        InvalidInput: The value is not text, its length is out of bounds, or it contains "#".
    """
    if is_name(given, limits.NAME_MAX_CHARACTERS):
        return str(given)
    raise InvalidInput(f"{field} must be text of 1 to {limits.NAME_MAX_CHARACTERS} characters without '#'.")


def canonical_id(name: str, given: Any) -> str:
    """Return the canonical form of a run's or a job's id.

    Args:
        name: The name of the field, `requestId` or `jobId`.
        given: The value of the field.

    Raises:
        InvalidInput: The value is not text, its length is out of bounds, or it contains "#".
    """
    if is_name(given, limits.REQUEST_ID_MAX_CHARACTERS):
        return _usual_uuid(given) or str(given)
    raise InvalidInput(f"{name} must be text of 1 to {limits.REQUEST_ID_MAX_CHARACTERS} characters without '#'.")


def requested_id(given: str, name: str = "requestId") -> str | None:
    """Return the canonical form of an id that a request names; None if no record can have this id.

    Args:
        given: The value of the field.
        name: The name of the field, for the error.

    Raises:
        InvalidInput: It contains half of a surrogate pair, which a response cannot encode.
    """
    if not is_well_formed(given):
        raise InvalidInput(f"{name} must be Unicode text: it holds half of a surrogate pair.")
    return canonical_id("requestId", given) if is_name(given, limits.REQUEST_ID_MAX_CHARACTERS) else None


def chosen_id(name: str, given: Any) -> str | None:
    """Return the canonical form of an id that a client chose for its run or job; None if it chose none.

    Args:
        name: The name of the field, `requestId` or `jobId`.
        given: The value of the field.

    Raises:
        InvalidInput: It is not a UUID in its usual form, or it is a UUID of version 5, reserved for a job's runs.
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
    """Return the run ids of an agent of a job, one for each possible attempt.

    Args:
        job_id: The job's id, a UUID in its usual form.
        name: The agent's name in the playbook.
    """
    return tuple(str(uuid5(UUID(job_id), f"{name}/{attempt}")) for attempt in range(1, limits.ATTEMPTS_MAX + 1))


def _usual_uuid(given: Any) -> str | None:
    """Return a UUID in lower case with hyphens; None if `given` is not a UUID in that form."""
    try:
        text = str(UUID(given))
    except (ValueError, AttributeError, TypeError):
        return None
    return text if text == given.lower() else None
