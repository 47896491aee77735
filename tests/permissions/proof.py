"""`make prove-iam`: takes each permission from each role once; then a flow that needs it must fail.

    python -m tests.permissions.proof [ROLE …]

What no flow needs is not needed, or is one of the named exceptions. At the end every flow must work again, so that no
failure had another reason.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from local.settings import Settings
from local.stack import LocalStack
from tests.e2e.conftest import deployed, events_of
from tests.permissions import flows_of_jobs, flows_of_runs  # noqa: F401 - they fill the list
from tests.permissions.agents import DEPLOYED_TO, FILES
from tests.permissions.needs import FLOWS, NOT_NEEDED, Flow, flows_of
from tests.permissions.roles import Permission, permissions_of, without
from tests.permissions.site import Site


@contextmanager
def site_of(stack: LocalStack) -> Iterator[Site]:
    """Within this context, the agents and playbooks of the proof are deployed."""
    with deployed(stack, DEPLOYED_TO, FILES), events_of(stack, "run.ended") as ended:
        yield Site(stack, ended)


def gaps(permissions: Sequence[Permission]) -> list[str]:
    """Return what permissions and flows do not have in common: each is a permission or a need too many."""
    allowed = {(each.role, each.name) for each in permissions}
    roles = {role for role, _ in allowed}
    needed = {(role, name) for role in roles for flow in FLOWS for name in flow.needs_of(role)}
    excepted = {pair for pair in allowed if exception(*pair)}
    unneeded = [f"{role}: nothing needs {name}" for role, name in sorted(allowed - needed - excepted)]
    missing = [f"{role}: no statement allows {name}" for role, name in sorted(needed - allowed)]
    return unneeded + missing


def exception(role: str, name: str) -> str:
    """Return why a permission stays that nothing needs; empty if it is no exception."""
    return NOT_NEEDED.get(f"{role} {name.split()[0]}", "")


def failure_of(site: Site, flow: Flow, role: str) -> str:
    """Do a flow; return why it failed, or nothing."""
    try:
        flow.does(site, role)
    except AssertionError as error:
        return " ".join(str(error).split())[:160] or "an assertion failed"
    return ""


def prove(site: Site, permission: Permission) -> str:
    """Take a permission away; return which flow failed and why, or nothing."""
    with without(site.stack, permission):
        for flow in flows_of(permission.role, permission.name):
            if failure := failure_of(site, flow, permission.role):
                return f"{flow.name}: {failure}"
    return ""


def main(roles: Sequence[str]) -> int:
    """Prove all permissions, or those of some roles; return the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(port=0, model_port=0, directory=Path(folder) / "stack")
        with LocalStack(settings) as stack, site_of(stack) as site:
            return report(site, roles)


def report(site: Site, roles: Sequence[str]) -> int:
    """Prove, and print what failed without each permission."""
    permissions = permissions_of(site.stack)
    wrong = gaps(permissions)
    for permission in permissions:
        if roles and permission.role not in roles:
            continue
        reason = exception(permission.role, permission.name)
        found = f"kept: {reason}" if reason else prove(site, permission)
        if not found:
            wrong.append(f"{permission.role}: nothing fails without {permission.name}")
        print(f"{permission.role:17} {permission.name:66} {found or 'NOTHING FAILS'}", flush=True)
    for flow, role in ((each, role) for each in FLOWS for role in each.ways()):
        if failure := failure_of(site, flow, role):
            wrong.append(f"{flow.name} ({role}) does not work at the end: {failure}")
    for line in wrong:
        print(line, file=sys.stderr)
    print(f"prove-iam: {len(permissions)} permissions, {len(wrong)} wrong, {len(NOT_NEEDED)} exceptions")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
