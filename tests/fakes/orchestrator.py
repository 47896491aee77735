"""A fake of the functions `orchestrator` and `run_closer`, packaged as their zip, that follows the contract.

It notes each invocation in the folder `NOTES`, in a file for each job, and does what the file `<jobId>.json` tells it:

- `stages`: the names of the agents of each stage;
- `complaints`: what the validator says of an agent's first output;
- a step (`Validate`, `InvokeAgent/a`): what happens to its invocations, one after the other. `kill` ends the worker,
  `hang` waits for the file `<jobId>.release`, `silent` does not send the result, `sends X` sends the error X with the
  task's token, any other word is the class of an error. After these it does well.
"""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

Event = dict[str, Any]


def orchestrator(event: Event, _context: Any) -> Any:
    """Do one state of a job."""
    agent = event.get("agent")
    step = f"{event['state']}/{agent['name']}" if agent else event["state"]
    job_id = event["execution"]
    told = json.loads(Path(os.environ["NOTES"], f"{job_id}.json").read_text())
    faults, turn = told.get(step, ()), _note(job_id, step, event)
    _suffer(job_id, step, faults, turn)
    if agent:
        return _invoke_agent(event, faults[turn] if turn < len(faults) else None)
    return _STATES[event["state"]](event, told)


def run_closer(event: Event, _context: Any) -> None:
    """Receive the event of an execution's end."""
    _note(event["detail"]["name"], "run_closer", event)


def _note(job_id: str, step: str, event: Event) -> int:
    """Note an invocation; return how many of this step there were before."""
    path = Path(os.environ["NOTES"], f"{job_id}.jsonl")
    with path.open("a") as notes:
        notes.write(json.dumps({"step": step, "event": event}) + "\n")
    return sum(json.loads(line)["step"] == step for line in path.read_text().splitlines()) - 1


def _suffer(job_id: str, step: str, faults: list[str], turn: int) -> None:
    fault = faults[turn] if turn < len(faults) else None
    if fault == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif fault == "hang":
        while not Path(os.environ["NOTES"], f"{job_id}.release").exists():
            time.sleep(0.02)
    elif fault and fault != "silent" and not fault.startswith("sends "):
        raise type(fault, (Exception,), {})(f"{step} was told to fail.")


def _load_playbook(_event: Event, told: Event) -> Event:
    return {"playbook": {"stages": told["stages"]}, "agents": _first_attempts(told["stages"][0])}


def _invoke_agent(event: Event, fault: str | None) -> None:
    """Note the result of the task, which the test sends, because this zip has no client of Step Functions."""
    agent, answer = event["agent"], {"token": event["token"]}
    if fault == "silent":
        return
    if fault and fault.startswith("sends "):
        answer["error"] = fault.removeprefix("sends ")
    else:
        answer["output"] = json.dumps({"requestId": f"{agent['name']}/{agent['attempt']}"})
    with Path(os.environ["NOTES"], "tasks.jsonl").open("a") as tasks:
        tasks.write(json.dumps(answer) + "\n")


def _validate(event: Event, told: Event) -> Event:
    results, playbook = event["agents"], event["playbook"]
    answer = {"playbook": playbook, "agents": [], "next": "synthesize", "error": None}
    failed = [each["name"] for each in results if "failure" in each]
    if failed:
        return {**answer, "next": "save", "error": f"These failed: {', '.join(failed)}."}
    again = [
        {"name": each["name"], "attempt": 2, "timeoutSeconds": 60, "complaint": told["complaints"][each["name"]]}
        for each in results
        if each["requestId"].endswith("/1") and each["name"] in told.get("complaints", {})
    ]
    stages = playbook["stages"]
    [stage] = [number for number, names in enumerate(stages) if results[0]["name"] in names]
    following = _first_attempts(stages[stage + 1]) if stage + 1 < len(stages) else []
    agents = again or following
    return {**answer, "agents": agents, "next": "invoke"} if agents else answer


def _synthesize(_event: Event, _told: Event) -> Event:
    return {"summary": "All is well.", "error": None}


def _save_results(event: Event, _told: Event) -> Event:
    failure = event.get("failure")
    if error := failure["Error"] if failure else event.get("error"):
        raise type("JobFailed", (Exception,), {})(error)
    return {"status": "complete", "error": None}


def _first_attempts(names: list[str]) -> list[Event]:
    return [{"name": name, "attempt": 1, "timeoutSeconds": 60} for name in names]


_STATES = {
    "LoadPlaybook": _load_playbook,
    "Validate": _validate,
    "Synthesize": _synthesize,
    "SaveResults": _save_results,
}
