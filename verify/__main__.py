"""`python -m verify SOURCE [ENVIRONMENT]`: ask, check a deployment, report, and remove what was created."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
from botocore.exceptions import BotoCoreError, ClientError

from deploy.terraform import TerraformFailed, TerraformUnusable
from runcast.record.model import Owner
from verify.checks import CHECKS, Check, Result, counts, do, failed
from verify.created import Created, remove
from verify.deployment import Aws, Deployment, OutputsMissing, read_deployment
from verify.report import report
from verify.users import TOKENS, NoUsers, find_identities, open_user
from verify.verification import QUERY, Figure, Verification, Wanted

_REPORT = Path(".local", "verify", "report.md")
_REQUEST_SECONDS = 30
_PLAN = """This creates in {account}, region {region}:
  {users}
  8 to 10 runs of one agent, 3 jobs of one playbook, 2 of them stopped early, and 8 runs that this machine records
  1 file that is uploaded for a run, if an agent takes files
  with tenant_isolation, 1 function that fails, and its role
It takes 2 to 10 minutes and costs about $1 with Claude Sonnet 4.6, nearly all of it for the model's tokens.
At the end, also after Ctrl-C, it removes all of that. Log lines and the history of executions expire by themselves.
"""


def main() -> int:
    """Verify a deployment; return 0 if every check has passed and nothing is left behind."""
    given = _arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        deployment = read_deployment(given.source, given.environment)
        aws = Aws(deployment.region)
        caller = aws.client("sts").get_caller_identity()
        account = f"account {caller['Account']} as {caller['Arn']}"
        if not _is_agreed(account, deployment, agreed=given.yes):
            return 1
        wanted = Wanted(given.agent, given.playbook, given.query)
        return _verify(deployment, aws, wanted, account)
    except (OutputsMissing, TerraformUnusable, NoUsers) as error:
        print(f"Cannot verify: {error}", file=sys.stderr)
        return 1
    except (ClientError, BotoCoreError) as error:
        print(f"Cannot verify: AWS does not answer with these credentials: {error}", file=sys.stderr)
        return 1
    except TerraformFailed:
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m verify", description="Prove that a deployment works.")
    parser.add_argument("source", type=Path, help="the Terraform root, or a file of `terraform output -json`")
    parser.add_argument("environment", nargs="?", help="the environment whose files in the root are used")
    parser.add_argument("--agent", default="", help="the agent to run; by default the first one")
    parser.add_argument("--playbook", default="", help="the playbook to run; by default the first one")
    parser.add_argument("--query", default=QUERY, help="what to ask them")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    return parser.parse_args()


def _is_agreed(account: str, deployment: Deployment, *, agreed: bool) -> bool:
    given = all(os.environ.get(name) for name in TOKENS)
    users = "no users: the tokens' owners are used" if given else f"2 users in the pool {deployment.user_pool_id}"
    print(_PLAN.format(account=account, region=deployment.region, users=users))
    if agreed:
        return True
    print("Type yes to go on: ", end="", flush=True)
    answer = sys.stdin.readline()
    if answer.strip() == "yes":
        return True
    print("Nothing was created." if answer else "nobody answered; without a terminal: make verify YES=1")
    return False


def _verify(deployment: Deployment, aws: Aws, wanted: Wanted, account: str) -> int:
    at = datetime.now(UTC)
    created, results, figures, left = Created(), list[Result](), list[Figure](), list[str]()
    interrupted = False
    try:
        asyncio.run(check(deployment, aws, wanted, created, results, figures, say=_say))
    except KeyboardInterrupt:
        interrupted = True
        _say("Interrupted: removing what was created ...")
    finally:
        # From here on, nothing may interrupt the removal.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: _say("Wait: what was created is being removed ..."))
        left += remove(created, deployment, aws, say=_say)
        for line in left:
            _say(f"Not removed: {line}")
    _REPORT.parent.mkdir(parents=True, exist_ok=True)
    _REPORT.write_text(report(deployment, results, figures, left, account=account, at=at), encoding="utf-8")
    _say(f"Report: {_REPORT}")
    if interrupted:
        return 130
    _say(counts(results))
    return 1 if left or any(failed(results)) else 0


async def check(
    deployment: Deployment,
    aws: Aws,
    wanted: Wanted,
    created: Created,
    results: list[Result],
    figures: list[Figure],
    *,
    say: Callable[[str], None],
    checks: Sequence[Check] = CHECKS,
) -> None:
    """Sign the users in and do the checks, one after the other; the lists receive what came out so far."""
    async with AsyncExitStack() as stack:
        identities = await find_identities(deployment, aws, created, os.environ)
        user, stranger = [await stack.enter_async_context(open_user(each, deployment)) for each in identities]
        if user.tenant_id == stranger.tenant_id:
            raise NoUsers("The two users belong to the same tenant, so their isolation cannot be checked.")
        if created.user_names:
            created.owners += [Owner(each.tenant_id, each.user_id) for each in (user, stranger)]
        timeout = aiohttp.ClientTimeout(total=_REQUEST_SECONDS)
        http = await stack.enter_async_context(aiohttp.ClientSession(timeout=timeout, trust_env=True))
        v = Verification(deployment, aws, user, stranger, created, http, wanted, figures)
        for each in checks:
            result = await do(each, v)
            results.append(result)
            say(str(result))


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
