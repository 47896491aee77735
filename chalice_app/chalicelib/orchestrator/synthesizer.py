"""The state `Synthesize`: merges the agents' outputs into one result and lets the model summarize it.

Merging is deterministic. If facts with the same name disagree, both are kept and the conflict is listed, because the
code cannot know which one is right. The model writes only the summary.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.orchestrator.errors import ModelFailed
from chalicelib.orchestrator.job import Job
from chalicelib.orchestrator.job_record import JobRecord
from chalicelib.orchestrator.outputs import facts_of, text_of
from chalicelib.orchestrator.playbook import Entry
from chalicelib.orchestrator.rules import agree
from runcast.errors import Unavailable
from runcast.json_text import json_bytes, json_text, longest_fitting
from runcast.record.model import Json, Run
from runcast.record.usage import total_tokens
from runcast.redaction import clean
from runcast.text import shortened, well_formed

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient

logger = logging.getLogger(__name__)

CHECKPOINT = "synthesize"
SUMMARY_MAX_BYTES = 8 * 1024
PROMPT_MAX_CHARACTERS = 32_000

_CONFLICT_TOLERANCE = 1e-9
_SUMMARY_MAX_TOKENS = 1_500
_TASK = (
    "You sum up what several agents have found out for one question. Answer the question in at most ten sentences, "
    "from what is given alone; give numbers with their units, and say where the agents disagree."
)

# Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_Errors
_TRANSIENT_CODES = {
    "InternalServerException",
    "ModelErrorException",
    "ModelNotReadyException",
    "ModelTimeoutException",
    "ServiceUnavailableException",
    "ThrottlingException",
}


def merged(entries: Mapping[str, Entry], runs: Mapping[str, Run]) -> Json:
    """Merge the results of all agents.

    Args:
        entries: The playbook's entries, by their names.
        runs: The accepted run of each entry, by the same names.

    Returns:
        `facts` by agent and name, `texts` by agent, `conflicts` (facts of the same name and subject that disagree, with
        their values) and `runs` (the ids).
    """
    facts = {name: facts_of(run.result) for name, run in runs.items()}
    texts = {name: text_of(run.result) for name, run in runs.items()}
    return {
        "facts": {name: found for name, found in facts.items() if found},
        "texts": {name: text for name, text in texts.items() if text is not None},
        "conflicts": _conflicts(entries, facts),
        "runs": {name: run.request_id for name, run in runs.items()},
    }


def synthesize(
    job: Job,
    record: JobRecord,
    found: Json,
    *,
    model: BedrockRuntimeClient,
    model_id: str,
    max_tokens: int,
    spend: Callable[[int], object],
) -> Json:
    """Let the model summarize a job.

    Args:
        job: The job.
        record: The job's record.
        found: The result of `merged`.
        model: The Bedrock client.
        model_id: A model or an inference profile.
        max_tokens: The limit of the deployment for one answer; the limit of a summary may be lower.
        spend: Counts tokens for the limit of the job's user; must not raise.

    Returns:
        `summary`, at most `SUMMARY_MAX_BYTES`, and `error`, which is None.

    Raises:
        ModelFailed: The model refused, or its answer has no text.
        JobEnded: The job was cancelled in the meantime.
        Unavailable: The model or DynamoDB did not answer. A retry asks the model again.
    """
    record.checkpoint(CHECKPOINT, "synthesizing", "Putting the findings together")
    try:
        answer = model.converse(
            modelId=model_id,
            system=[{"text": _TASK}],
            messages=[{"role": "user", "content": [{"text": _prompt(job, found)}]}],
            inferenceConfig={"maxTokens": min(max_tokens, _SUMMARY_MAX_TOKENS)},
        )
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in _TRANSIENT_CODES:
            raise Unavailable(f"The model did not write the summary ({code}). Try again.") from error
        logger.warning("the model refused to write the summary: %s", error)
        raise ModelFailed(f"The model did not write the summary ({code}).") from error
    except BotoCoreError as error:
        logger.warning("the model did not answer: %s", error)
        raise Unavailable("The model did not write the summary: it did not answer. Try again.") from error
    spend(total_tokens(answer["usage"]))
    stop_reason = answer["stopReason"]
    summary = "".join(block.get("text", "") for block in answer["output"]["message"]["content"]).strip()
    if stop_reason not in ("end_turn", "stop_sequence", "max_tokens") or not summary:
        raise ModelFailed(f"The model did not write the summary: it stopped at {stop_reason}.")
    # The state machine's history shows what a state returns.
    return {"summary": _fitting(clean(summary, "result")), "error": None}


def _conflicts(entries: Mapping[str, Entry], facts: Mapping[str, Mapping[str, Json]]) -> list[Json]:
    conflicts = []
    for fact in sorted({fact for found in facts.values() for fact in found}):
        said = {name: found[fact] for name, found in facts.items() if fact in found}
        pairs = [
            (one, other)
            for one, other in combinations(said, 2)
            if _same_matter(entries, one, other) and not agree(said[one], said[other], _CONFLICT_TOLERANCE)
        ]
        at_odds = {name: said[name] for name in said if any(name in pair for pair in pairs)}
        if at_odds:
            values = {name: each["value"] for name, each in at_odds.items()}
            units = {name: each["unit"] for name, each in at_odds.items()}
            conflicts.append({"fact": fact, "values": values, "units": units})
    return conflicts


def _same_matter(entries: Mapping[str, Entry], one: str, other: str) -> bool:
    """Return whether the facts of two entries describe the same subject, so that they can conflict.

    Two entries of the same agent with different parameters or inputs are alternatives, so their facts may differ. The
    facts of an entry may also differ from those of an alternative of an entry that it reads.
    """
    if entries[one].agent == entries[other].agent:
        return (entries[one].parameters, entries[one].reads) == (entries[other].parameters, entries[other].reads)
    return not (_reads_instead(entries, one, other) or _reads_instead(entries, other, one))


def _reads_instead(entries: Mapping[str, Entry], reader: str, other: str) -> bool:
    reads = entries[reader].reads
    return other not in reads and any(entries[name].agent == entries[other].agent for name in reads)


def _prompt(job: Job, found: Json) -> str:
    """Return the prompt. Each part is limited to its share, so that a long one does not displace the others."""
    share = (PROMPT_MAX_CHARACTERS - len(job.query)) // (len(found["runs"]) + 2)
    parts: list[tuple[str, Any]] = [("Conflicts", found["conflicts"])] if found["conflicts"] else []
    lines = [f"The question: {job.query}"]
    lines += [f"{title}: {shortened(json.dumps(part, ensure_ascii=False), share)}" for title, part in parts]
    for name in found["runs"]:
        facts, text = found["facts"].get(name), found["texts"].get(name)
        lines += [f"Facts of {name}: {shortened(json.dumps(facts, ensure_ascii=False), share // 2)}"] if facts else []
        lines += [f"What {name} says: {shortened(text, share // 2)}"] if text else []
    return "\n\n".join(lines)


def _fitting(text: str) -> str:
    """Return the text, visibly shortened if its JSON is over `SUMMARY_MAX_BYTES`."""
    if json_bytes(text) <= SUMMARY_MAX_BYTES:
        return well_formed(text)
    return str(json.loads(longest_fitting(lambda room: json_text(shortened(text, room)), len(text), SUMMARY_MAX_BYTES)))
