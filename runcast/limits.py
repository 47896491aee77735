"""The limits of the record and of the live channel, in one table.

An input over a limit is refused with a reason. Text from an agent is shortened visibly.
"""

# The record
RETENTION_SECONDS = 24 * 60 * 60
# A job's record must outlive its execution (JOB_TIMEOUT_SECONDS) until a sweep has found it open.
RETENTION_MIN_HOURS = 2
RETENTION_MAX_HOURS = 365 * 24
MESSAGE_MAX_CHARACTERS = 1_000
NAME_MAX_CHARACTERS = 200
# Sizes of metadata, results and parameters are those of their JSON in UTF-8: a Chinese character takes 3 bytes.
METADATA_MAX_BYTES = 8 * 1024
# What the record adds to an agent's own metadata: the tool's name, the parent's number, what the run took.
METADATA_ADDED_MAX_BYTES = 2 * 1024
# The questions of a waiting run (`metadata.interrupts`): they have this room beside the metadata.
QUESTIONS_MAX_BYTES = 64 * 1024
RESULT_MAX_BYTES = 64 * 1024
# The facts in a result; the rest is room for its text.
FACTS_MAX_BYTES = 40 * 1024
FACT_NAME_MAX_CHARACTERS = 100
UNIT_MAX_CHARACTERS = 40
ERROR_MAX_CHARACTERS = 2_000
# The steps in one item. A write is charged for the whole item, so this bounds the cost of a small step; the largest
# step fits. An item may hold 400 KB: that leaves room for questions or a result, the error, and an end from outside.
# Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
PAGE_MAX_BYTES = 16 * 1024
# 32 MB of steps, or some 100,000 short ones. Later steps are counted in the last step.
PAGES_MAX = 2_000
# So many pages may be put before the write that lists them: a burst takes fewer writes, and is still seen in parts.
PAGES_PER_WRITE = 8
# Steps that are queued in memory while the table does not answer.
QUEUE_MAX_STEPS = 10_000
# Tool progress and model text become at most one step in this interval; the last value is always recorded.
STEP_INTERVAL_SECONDS = 0.5

# The life of a run
QUEUED_LEASE_MS = 150_000
LEASE_MS = 15_000
HEARTBEAT_SECONDS = 4.0
# How often a worker that has nothing to write looks whether its run is to be cancelled.
CANCEL_HINT_SECONDS = 1.0
LATE_AFTER_MS = 8_000
# A waiting run can be answered for this part of its record's life.
WAITING_PERCENT = 90
# A worker writes the end this long before its deadline: time for a write that hangs, and for the answer.
DEADLINE_MARGIN_MS = 3_000
# An end that must be stored within a bound: from so long before it, steps that still wait are left out ...
END_ALONE_SECONDS = 0.8
# ... and so long before it, another worker (`run_closer`) is asked to write the end.
HAND_OVER_SECONDS = 0.2
# A worker whose answer is out tries to store the end for so long: by then a sweep has ended the run.
DRAIN_SECONDS = 15 * 60
# So long before its deadline a worker stops waiting for the end: time for its answer.
ANSWER_SECONDS = 0.3
# How long an agent has to stop by itself after a cancel request, or before its deadline, until its task is cancelled.
STOP_SECONDS = 1.0
TIME_UP_STOP_SECONDS = 1.0
# A run is closed this long after its lease expired: a worker that was only slow has renewed it by then.
CLOSE_GRACE_MS = 15_000
# The sweep checks open runs from this age on: a Lambda's worker has stopped by then.
# Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html
SWEEP_AGE_MS = 15 * 60_000
# How often an end is retried after conflicting writes.
END_MAX_TRIES = 5
# The timeout of a job's execution.
JOB_TIMEOUT_SECONDS = 3600
# Attempts for each agent of a job, after a dead worker or a rejected output.
ATTEMPTS_MAX = 3
# The lifetime of a link to a job's result, which works without a credential.
RESULT_LINK_SECONDS = 15 * 60
CLAIM_WAIT_SECONDS = 1.0
# The total time that a run waits for its record. The promise is 2 s, because a busy machine wakes threads late.
ADDED_TIME_SECONDS = 1.8

# Reading
READ_MAX_STEPS = 500
READ_MAX_BYTES = 512 * 1024
READ_PAGES_AT_ONCE = 10
LIST_MAX_RUNS = 50
CURSOR_MAX_CHARACTERS = 512
ANSWER_MAX_STEPS = 200
ANSWER_MAX_BYTES = 1024 * 1024

# The live channel
BATCH_MAX_MESSAGES = 50
BATCH_MAX_BYTES = 200 * 1024

# Inputs
REQUEST_ID_MAX_CHARACTERS = 128
QUERY_MAX_CHARACTERS = 10_000
PARAMETERS_MAX_BYTES = 64 * 1024

# JSON
# Objects and lists within one another. Python's reader and writer fail at about 1,000, other languages' earlier.
NESTING_MAX = 100
# Of one value that an agent hands over: no more fit into a result.
JSON_MAX_VALUES = 40_000
