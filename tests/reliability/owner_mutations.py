"""The guards that keep owners, jobs and ids apart: `owners.py` must notice when one is missing.

A guard is any condition or order without which a promise does not hold. Each new guard needs a line here, or in
`mutations.py` if it concerns one run.
"""

from __future__ import annotations

from tests.reliability.mutation import Mutation

_STORE, _CREATION = "runcast/record/store.py", "runcast/record/creation.py"
_CONDITIONS, _CLOSE = "runcast/record/conditions.py", "runcast/record/close.py"
_READER, _IDS, _IDENTITY = "runcast/record/reader.py", "runcast/record/ids.py", "runcast/record/identity.py"
_PLANNED, _CANCEL = "runcast/record/planned.py", "runcast/record/cancel.py"
_CLAIMING = "runcast/record/claiming.py"
_JOB, _JOB_RECORD = "chalice_app/chalicelib/orchestrator/job.py", "chalice_app/chalicelib/orchestrator/job_record.py"

# A condition is widened rather than cut out, because DynamoDB refuses values that no expression uses.
OWNER_MUTATIONS = [
    Mutation(
        "a job that has ended gets no run", _CREATION,
        (("#owner = :owner AND #status = :in_progress AND {NOT",
          "#owner = :owner AND (#status = :in_progress OR attribute_exists(#status)) AND {NOT"),),
    ),
    Mutation(
        "another owner's job gets no run", _CREATION,
        (("#owner = :owner AND #status = :in_progress AND {NOT",
          "(#owner = :owner OR attribute_exists(#owner)) AND #status = :in_progress AND {NOT"),),
    ),
    Mutation(
        "a job that has expired gets no run", _CREATION,
        (("#status = :in_progress AND {NOT_EXPIRED}",
          "#status = :in_progress AND ({NOT_EXPIRED} OR attribute_exists(#owner))"),),
    ),
    Mutation(
        "a run is cancelled by its owner only", _CANCEL,
        (("if run.owner != owner or", "if run.owner is None or"),),
    ),
    Mutation(
        "a run is claimed by its owner only", _CREATION,
        (("(#owner = :owner AND #expiresAt", "((#owner = :owner OR attribute_exists(#owner)) AND #expiresAt"),),
    ),
    Mutation(
        "an expired record is not claimed as it stands", _CREATION,
        (("AND #expiresAt > :now_s", "AND (#expiresAt > :now_s OR attribute_exists(#expiresAt))"),),
    ),
    Mutation(
        "an expired record is replaced by a claim", _CREATION,
        (("if refused.run.expires_at_ms > now_ms:", "if True:"),),
    ),
    Mutation(
        "a claim does not create a job's run", _CREATION,
        (("may_create = not is_derived(request_id)", "may_create = True"),),
    ),
    Mutation(
        "a job is not claimed as a run", _CREATION,
        (("'attribute_not_exists(#playbook)'", "'attribute_exists(#owner)'"),),
    ),
    Mutation(
        "an end from outside is refused when the record has become another owner's", _CONDITIONS,
        (('            "owner": run.owner.key,\n', ""),),
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
        (("not run.is_job or run.result_key is None", "run.result_key is None"),),
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
        "what is cancelled with a job is of the job", _CANCEL,
        (("not is_of_job(run, owner, job_id)", "False"),),
    ),
    Mutation(
        "a failed invocation ends its owner's run only", _CLOSE,
        (("(run.owner != owner or run.is_job)", "run.is_job"),),
    ),
    Mutation(
        "a failed invocation ends no job", _CLOSE,
        (("(run.owner != owner or run.is_job)", "run.owner != owner"),),
    ),
    Mutation(
        "a handed-over end ends its owner's run only", _CLAIMING,
        (("and run.owner == self._run.owner and", "and"),),
    ),
    Mutation(
        "a handed-over end ends no job", _CLAIMING,
        ((" and not run.is_job\n", "\n"),),
    ),
    Mutation(
        "the end of an execution ends a job only", _CLOSE,
        (("if not job.is_job:", "if False:"),),
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
        (("if execution != job_id:", "if False:"),),
    ),
    Mutation(
        "an execution's job has its id in its one spelling", _JOB,
        (('given is None or chosen_id("jobId", given) != given', "given is None"),),
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
        "a rerun takes the input of its owner only", "chalice_app/chalicelib/lifecycle/rerun.py",
        (("if run is None or run.owner != owner:", "if run is None:"),),
    ),
    Mutation(
        "who starts with a taken id is not told of another's", "chalice_app/chalicelib/lifecycle/start.py",
        (("run.owner != owner or ", ""),),
    ),
]  # fmt: skip
