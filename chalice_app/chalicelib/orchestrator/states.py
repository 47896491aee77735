"""The entry point of the state machine, which calls the function of the state that the event names.

The state machine matches errors by class name and does not know subclasses. Subclasses of `Unavailable` are therefore
raised as `Unavailable` itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from chalicelib.agents import registry
from chalicelib.agents.agent_functions import AgentFunctions, agent_functions
from chalicelib.orchestrator.agent_invoker import AgentInvoker
from chalicelib.orchestrator.errors import JobEnded, JobFailed, OrchestratorFailed
from chalicelib.orchestrator.job import Job, checked_job_id
from chalicelib.orchestrator.job_record import JobRecord
from chalicelib.orchestrator.load_playbook import load_playbook
from chalicelib.orchestrator.outputs import latest_runs
from chalicelib.orchestrator.playbook import Playbook
from chalicelib.orchestrator.save_results import save_results
from chalicelib.orchestrator.synthesizer import merged, synthesize
from chalicelib.orchestrator.task import report_run
from chalicelib.orchestrator.validator import validate
from chalicelib.runtime import clients, logs
from chalicelib.runtime.announce import announcer
from chalicelib.runtime.config import OrchestratorConfig, config_of_environment
from chalicelib.runtime.day_tokens import count_tokens
from chalicelib.runtime.inputs import Inputs
from runcast.errors import RuncastError, Unavailable
from runcast.record.model import Json, RunStatus
from runcast.record.store import RunStore

logger = logging.getLogger(__name__)


class _State:
    """The context of every state: its job, the job's record and the AWS clients."""

    def __init__(self, event: Json) -> None:
        self.event = event
        self.config = config_of_environment(OrchestratorConfig)
        job_id = checked_job_id(event.get("execution"))
        logs.about_run(job_id)
        self.store: RunStore = clients.run_store(
            self.config.agent_progress_table, self.config.retention_hours, self.config.question_retention_hours
        )
        run = self.store.read(job_id)
        if run is None:
            raise JobEnded("The job's record is gone.")
        logs.about_owner(run.owner)
        self.job = Job.of(Inputs(clients.s3, self.config.results_bucket).get(run), execution=job_id)
        self.send = clients.status_publisher(self.config.status_publisher_function).send
        self.record = JobRecord(
            self.store, self.job, send=self.send, timeout_seconds=self.config.job_timeout_minutes * 60
        )

    @property
    def functions(self) -> AgentFunctions:
        return agent_functions(self.config)


def run_state(event: Any) -> Json:
    """Execute one state of a job.

    Args:
        event: `state`, `execution` (its name, which is the job's id) and the input of the state.

    Returns:
        The output of the state.

    Raises:
        RuncastError: One of the classes in `chalicelib.orchestrator.errors`, `Conflict`, `Unavailable` or
            `InvalidInput`.
    """
    try:
        return _STATES[event["state"]](_State(event))
    except Unavailable as error:
        raise Unavailable(str(error)) from error
    except RuncastError:
        raise
    except Exception as error:
        logger.exception("the state %s failed unexpectedly", event.get("state"))
        raise OrchestratorFailed from error


def _load_playbook(state: _State) -> Json:
    return load_playbook(state.job, state.record, state.functions.by_agent, registry.parameters_schema)


def _invoke_agent(state: _State) -> Json:
    agent = state.event["agent"]
    invoker = AgentInvoker(
        state.job,
        state.record,
        store=state.store,
        functions=state.functions,
        announce=announcer(state.config.status_publisher_function).announce,
        report=lambda run: report_run(clients.step_functions(), run),
    )
    entry = Playbook.of(state.event["playbook"]).entries[agent["name"]]
    invoker.invoke(
        entry, agent["attempt"], agent.get("complaint"), token=state.event["token"], waiting=state.event["waiting"]
    )
    return {}


def _validate(state: _State) -> Json:
    state.record.require_in_time()
    return validate(state.job, state.record, state.store, state.event["playbook"], state.event["agents"])


def _synthesize(state: _State) -> Json:
    state.record.require_in_time()
    config, owner = state.config, state.job.owner
    counts = clients.owner_counts(config.agent_progress_table)
    entries = Playbook.of(state.event["playbook"]).entries
    return synthesize(
        state.job,
        state.record,
        merged(entries, latest_runs(state.store, state.job, entries)),
        model=clients.bedrock(
            config.model_connect_timeout_seconds, config.model_read_timeout_seconds, config.model_max_attempts
        ),
        model_id=config.bedrock_model_id,
        max_tokens=config.model_max_tokens,
        spend=lambda tokens: count_tokens(counts, owner, tokens, state.store.now_ms()),
    )


def _save_results(state: _State) -> Json:
    ended = save_results(
        state.job,
        state.record,
        state.store,
        state.event,
        s3=clients.s3,
        bucket=state.config.results_bucket,
        tell_end=announcer(state.config.status_publisher_function).put_event,
    )
    if ended["status"] != RunStatus.COMPLETE.value:
        raise JobFailed(ended["error"] or f"The job is {ended['status']}.")
    return ended


_STATES: dict[str, Callable[[_State], Json]] = {
    "LoadPlaybook": _load_playbook,
    "InvokeAgent": _invoke_agent,
    "Validate": _validate,
    "Synthesize": _synthesize,
    "SaveResults": _save_results,
}
