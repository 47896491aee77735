"""The list of flows: each uses the system as people and services do, and names the permissions that it needs.

A flow that is called with a door needs what it names of `run-starter` and `progress-reader` when the door is GraphQL,
and all of it of `api` when it is REST.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.permissions.site import GraphqlDoor, RestDoor, Site

DOORS = ("run-starter", "progress-reader")
"""The roles of the functions behind the GraphQL API."""

NOT_NEEDED = {
    "agent bedrock:InvokeModel": "For agents that ask a model without streaming; those of this project stream.",
    "api-logs logs:CreateLogStream": "For AppSync's own logs, which the local AppSync does not write.",
    "api-logs logs:PutLogEvents": "As above.",
}
"""What no flow needs, by role and action, and why it stays. At most three."""


@dataclass(frozen=True)
class Flow:
    """One use of the system.

    Attributes:
        name: Its name.
        act: Does it, and raises an `AssertionError` if it does not work.
        needs: The names of the permissions that it needs, by role.
        by_door: Whether it is called with a door.
    """

    name: str
    act: Callable[..., Any]
    needs: dict[str, frozenset[str]]
    by_door: bool

    def does(self, site: Site, role: str) -> None:
        """Do it, for a role that is to be proved."""
        if self.by_door:
            door = RestDoor if role == "api" else GraphqlDoor
            self.act(door(site, site.new_user()))
        else:
            self.act(site)

    def ways(self) -> tuple[str, ...]:
        """Return a role for each way in which it can be done."""
        return ("run-starter", "api") if self.by_door else tuple(self.needs)[:1]

    def needs_of(self, role: str) -> frozenset[str]:
        """Return the names of the permissions of a role that it needs."""
        own = self.needs.get(role, frozenset())
        if self.by_door and role == "api":
            return own.union(*(self.needs.get(each, frozenset()) for each in DOORS))
        return own


FLOWS: list[Flow] = []


def needs(table: str, *, by_door: bool = False, name: str = "") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add a flow, with a table of roles and of the permissions that each needs for it."""

    def add(act: Callable[..., Any]) -> Callable[..., Any]:
        FLOWS.append(Flow(name or act.__name__.replace("_", " "), act, _parsed(table), by_door))
        return act

    return add


def _parsed(table: str) -> dict[str, frozenset[str]]:
    _, *parts = re.split(r"([a-z-]+): ", table)
    return {
        role: frozenset(" ".join(name.split()) for name in names.split(","))
        for role, names in zip(parts[::2], parts[1::2], strict=True)
    }


def flows_of(role: str, name: str) -> Iterator[Flow]:
    """Yield the flows that need a permission."""
    return (flow for flow in FLOWS if name in flow.needs_of(role))
