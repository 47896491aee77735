"""`make chaos-proof`: each guard of the record is taken away once, in a copy of the sources, and chaos must fail.

    python -m tests.reliability.mutations

What survives shows a promise that nothing checks. A guard is any condition or order without which a promise does not
hold. Each new guard needs a line here.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.reliability.backends import PROJECT

HISTORIES = 3_000
_COPIED = ("runcast", "chalice_app", "tests", "local")
_SECONDS = 300
_WHOLE = "0 lost, 0 repeated, 0 hung, 0 changed results"


class Mutation(NamedTuple):
    """A removed guard: in one file, each of these texts, which occurs there once, is replaced by the other."""

    guard: str
    path: str
    changes: tuple[tuple[str, str], ...]


_STORE, _WRITER, _DRAFT = "runcast/record/store.py", "runcast/record/writer.py", "runcast/record/draft.py"
_ENDING, _CONDITIONS = "runcast/record/ending.py", "runcast/record/conditions.py"
_READER, _IDS, _IDENTITY = "runcast/record/reader.py", "runcast/record/ids.py", "runcast/record/identity.py"
_PLANNED = "runcast/record/planned.py"
_JOB, _JOB_RECORD = "chalice_app/chalicelib/orchestrator/job.py", "chalice_app/chalicelib/orchestrator/job_record.py"

# A condition is widened rather than cut out, because DynamoDB refuses values that no expression uses.
MUTATIONS = [
    Mutation(
        "a write is refused when the record holds another number of steps", _STORE,
        (("#seq = :expected", "(#seq = :expected OR attribute_exists(#seq))"),),
    ),
    Mutation(
        "a write is refused when the run is not its worker's", _STORE,
        (("#worker = :me", "(#worker = :me OR attribute_exists(#worker))"),),
    ),
    Mutation(
        "a write is refused when the run has ended", _STORE,
        (("#status IN (:in_progress, :waiting)", "(#status IN (:in_progress, :waiting) OR #seq = :expected)"),),
    ),
    Mutation(
        "a write is refused when a cancel was asked for", _STORE,
        (('("" if despite_cancel', '("" if True'),),
    ),
    Mutation(
        "a claim is refused when there is a worker", _STORE,
        (
            (
                "AND attribute_not_exists(#worker) AND #status = :status)",
                "AND (attribute_not_exists(#worker) OR attribute_exists(#worker)) AND #status = :status)",
            ),
        ),
    ),
    Mutation(
        "a claim is refused when the run has ended", _STORE,
        (("AND #status = :status)", "AND (#status = :status OR attribute_exists(#status)))"),),
    ),
    Mutation(
        "a record is not put over another", _CONDITIONS,
        (("#expiresAt <= :now_s", "#expiresAt <= :now_s OR attribute_exists(#owner)"),),
    ),
    Mutation(
        "an end from outside is refused when there are more steps than were read", _CONDITIONS,
        (("#seq = :seq_read", "(#seq = :seq_read OR attribute_exists(#seq))"),),
    ),
    Mutation(
        "an end from outside is refused when the lease was renewed", _CONDITIONS,
        (("#leaseUntil = :lease_read", "(#leaseUntil = :lease_read OR attribute_exists(#leaseUntil))"),),
    ),
    Mutation(
        "an end from outside is refused when the run was claimed meanwhile", _CONDITIONS,
        (('condition + "attribute_not_exists(#worker)"', 'condition + "attribute_exists(#status)"'),),
    ),
    Mutation(
        "only a run in progress is marked as to be cancelled", _STORE,
        (("#status = :in_progress AND attribute_exists(#worker)",
          "(#status = :in_progress OR attribute_exists(#status)) AND attribute_exists(#worker)"),),
    ),
    Mutation(
        "a job that has ended gets no run", _STORE,
        (("#owner = :owner AND #status = :in_progress AND {NOT",
          "#owner = :owner AND (#status = :in_progress OR attribute_exists(#status)) AND {NOT"),),
    ),
    Mutation(
        "another owner's job gets no run", _STORE,
        (("#owner = :owner AND #status = :in_progress AND {NOT",
          "(#owner = :owner OR attribute_exists(#owner)) AND #status = :in_progress AND {NOT"),),
    ),
    Mutation(
        "a job that has expired gets no run", _STORE,
        (("#status = :in_progress AND {NOT_EXPIRED}",
          "#status = :in_progress AND ({NOT_EXPIRED} OR attribute_exists(#owner))"),),
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
        "a claim that had landed is recognised", _WRITER,
        (("if refused.run.worker != run.worker or", "if refused.run.worker or"),),
    ),
    Mutation(
        "a run that is to be cancelled does not wait for people", _WRITER,
        (("            if self._cancel_seen:\n", "            if False:\n"),),
    ),
    Mutation(
        "an answer about another run is no answer", "runcast/record/table.py",
        (('if item.get("requestId") != {"S": key}:', "if not item:"),),
    ),
    Mutation(
        "an answer about another worker's claim is no answer", _STORE,
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
        "a page is not put over a later run's", "runcast/record/table.py",
        (("OR #{age} <= :{age}", "OR #{age} <= :{age} OR attribute_exists(#{age})"),),
    ),
    Mutation(
        "what waits to be sent keeps its order", "runcast/record/outbox.py",
        (("for message in messages:", "for message in reversed(messages):"),),
    ),
    Mutation(
        "a closer leaves a run alone whose lease has not passed", _ENDING,
        (("return now_ms > run.lease_until_ms + limits.CLOSE_GRACE_MS", "return True"),),
    ),
    Mutation(
        "a run that is worked on is not ended by who cancels it", _ENDING,
        (("or now > run.lease_until_ms:", "or True:"),),
    ),
    Mutation(
        "a run is cancelled by its owner only", _ENDING,
        (("if run.owner != owner or", "if run.owner is None or"),),
    ),
    Mutation(
        "a run is claimed by its owner only", _STORE,
        (("(#owner = :owner AND #expiresAt", "((#owner = :owner OR attribute_exists(#owner)) AND #expiresAt"),),
    ),
    Mutation(
        "an expired record is not claimed as it stands", _STORE,
        (("AND #expiresAt > :now_s", "AND (#expiresAt > :now_s OR attribute_exists(#expiresAt))"),),
    ),
    Mutation(
        "an expired record is replaced by a claim", _STORE,
        (("if refused.run.expires_at_ms > now_ms:", "if True:"),),
    ),
    Mutation(
        "a claim does not create a job's run", _STORE,
        (("may_create = not is_derived(request_id)", "may_create = True"),),
    ),
    Mutation(
        "a job is not claimed as a run", _STORE,
        (("'attribute_not_exists(#playbook)'", "'attribute_exists(#owner)'"),),
    ),
    Mutation(
        "an end from outside is refused when the record has become another owner's", _CONDITIONS,
        (("#owner = :owner_read AND", "(#owner = :owner_read OR attribute_exists(#owner)) AND"),),
    ),
    Mutation(
        "a run that has become another owner's is not marked as to be cancelled", _STORE,
        (("#owner = :owner AND #status = :in_progress AND attribute_exists(#worker)",
          "(#owner = :owner OR attribute_exists(#owner)) AND #status = :in_progress AND attribute_exists(#worker)"),),
    ),
    Mutation(
        "another owner's page is not read", "runcast/record/reads.py",
        (('page.get("owner", owner.key) != owner.key', "False"),),
    ),
    Mutation(
        "a record is read by its owner only", _READER,
        (("if run is None or run.owner != owner:", "if run is None:"),),
    ),
    Mutation(
        "a link is signed for a job only", _READER,
        (("run.playbook is None or run.result_key is None", "run.result_key is None"),),
    ),
    Mutation(
        "what is found under a planned id is the job's owner's", _PLANNED,
        (("run.owner == owner and", ""),),
    ),
    Mutation(
        "what is found under a planned id is of the job", _PLANNED,
        (("and run.job_id == job_id", ""),),
    ),
    Mutation(
        "what is cancelled with a job is of the job", _ENDING,
        (("not is_of_job(run, owner, job_id)", "False"),),
    ),
    Mutation(
        "a failed invocation ends its owner's run only", _ENDING,
        (("(run.owner != owner or run.playbook)", "run.playbook"),),
    ),
    Mutation(
        "a failed invocation ends no job", _ENDING,
        (("(run.owner != owner or run.playbook)", "run.owner != owner"),),
    ),
    Mutation(
        "the end of an execution ends its owner's job only", _ENDING,
        (("job.playbook is None or job.owner != owner", "job.playbook is None"),),
    ),
    Mutation(
        "an id has one spelling", _IDS,
        (("return _usual_uuid(given) or str(given)", "return str(given)"),),
    ),
    Mutation(
        "a client does not choose the id of a job's run", _IDS,
        (("if is_derived(chosen):", "if False:"),),
    ),
    Mutation(
        "a run without a job does not have the id of a job's run", _IDENTITY,
        (("if given_id and not job_id and is_derived(given_id):", "if False:"),),
    ),
    Mutation(
        "an execution's job is the one that it is named by", _JOB,
        ((" or execution != job_id", ""),),
    ),
    Mutation(
        "an execution's job has its id in its one spelling", _JOB,
        (('chosen_id("jobId", job_id) != job_id or ', ""),),
    ),
    Mutation(
        "an execution works on its owner's job only", _JOB_RECORD,
        (("(run.owner, run.playbook) != (self._job.owner, self._job.playbook)", "run.playbook != self._job.playbook"),),
    ),
    Mutation(
        "an execution works on a job of its playbook only", _JOB_RECORD,
        (("(run.owner, run.playbook) != (self._job.owner, self._job.playbook)", "run.owner != self._job.owner"),),
    ),
    Mutation(
        "who starts with a taken id is not told of another's", "chalice_app/chalicelib/lifecycle/start.py",
        (("run.owner != owner or ", ""),),
    ),
    Mutation(
        "a reader reads every page that it needs", "runcast/record/reader.py",
        (("bisect_right(run.pages, after_seq) :]", "bisect_right(run.pages, after_seq) + 1 :]"),),
    ),
]  # fmt: skip


def changed(source: str, mutation: Mutation) -> str:
    """Return a file's text without the guard.

    Raises:
        ValueError: The text to be replaced does not occur exactly once: the guard has moved.
    """
    for old, new in mutation.changes:
        if source.count(old) != 1:
            raise ValueError(f"{mutation.path} holds {source.count(old)} times: {old!r} ({mutation.guard})")
        source = source.replace(old, new)
    return source


def main() -> int:
    """Try each mutation, and print what became of it; 1 if one survives."""
    outcomes = {"(nothing is taken away)": _chaos_says(None) == _WHOLE}
    print(f"{'held' if all(outcomes.values()) else 'BROKEN':9} (nothing is taken away)", flush=True)
    for mutation in MUTATIONS:
        said = _chaos_says(mutation)
        caught = said != _WHOLE
        outcomes[mutation.guard] = caught
        print(f"{'caught' if caught else 'SURVIVED':9} {mutation.guard}: {said}", flush=True)
    failed = [name for name, fine in outcomes.items() if not fine]
    print(f"chaos-proof: {len(MUTATIONS)} guards taken away, {len(failed)} not noticed")
    return 1 if failed else 0


def _chaos_says(mutation: Mutation | None) -> str:
    """Return what chaos says of a copy of the sources: the second half of its last line; one that hangs prints none."""
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory)
        for name in _COPIED:
            shutil.copytree(PROJECT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        if mutation:
            file = copy / mutation.path
            file.write_text(changed(file.read_text(), mutation))
        paths = [copy, copy / "chalice_app"]
        with subprocess.Popen(
            [sys.executable, "-m", "tests.reliability.chaos", f"--histories={HISTORIES}", "--runs=0", "--engines"],
            cwd=copy,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths)), "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:  # fmt: skip
            try:
                printed, errors = process.communicate(timeout=_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                return f"nothing within {_SECONDS} s"
        *_, last = ["", *printed.splitlines()]
        counts, _, said = last.removeprefix("chaos: ").partition(": ")
        if not counts.endswith("steps") or process.returncode != (said != _WHOLE):
            raise RuntimeError(f"chaos came to no end ({process.returncode}):\n{printed}\n{errors[-4_000:]}")
        return said


if __name__ == "__main__":
    sys.exit(main())
