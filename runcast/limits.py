"""The limits of the record and of the live channel, in one table.

An input over a limit is refused with a reason. Text from an agent is shortened visibly.
"""

# The record
RETENTION_SECONDS = 24 * 60 * 60
# A job's record must outlive its execution (JOB_TIMEOUT_SECONDS) until a sweep can find it open.
RETENTION_MIN_HOURS = 2
RETENTION_MAX_HOURS = 365 * 24
# How long a question can stay open: a run that begins to wait is kept for this time from then on.
QUESTION_RETENTION_SECONDS = 168 * 60 * 60
QUESTION_RETENTION_MIN_HOURS = 1
QUESTION_RETENTION_MAX_HOURS = 365 * 24
# A run can be answered, and its worker may work, until this long before its record expires. So its end can be read.
EXPIRY_MARGIN_MS = 15 * 60_000
MESSAGE_MAX_CHARACTERS = 1_000
NAME_MAX_CHARACTERS = 200
# Sizes of metadata, results and parameters are those of their JSON in UTF-8: a Chinese character takes 3 bytes.
METADATA_MAX_BYTES = 8 * 1024
# The metadata that the record adds to an agent's: the parent's number, the run's usage.
METADATA_ADDED_MAX_BYTES = 2 * 1024
# The questions of a waiting run (`metadata.interrupts`), in addition to METADATA_MAX_BYTES.
QUESTIONS_MAX_BYTES = 64 * 1024
# A tool's input, and its result, in the step that ends its call. Both fit in METADATA_MAX_BYTES with the other keys.
TOOL_IO_MAX_BYTES = 3_900
RESULT_MAX_BYTES = 64 * 1024
# The facts in a result; the rest is for its text.
FACTS_MAX_BYTES = 40 * 1024
FACT_NAME_MAX_CHARACTERS = 100
UNIT_MAX_CHARACTERS = 40
ERROR_MAX_CHARACTERS = 2_000
# The steps in one item. A write is charged for the whole item, so this bounds the cost of a small step. The largest
# step fits. An item may hold 400 KB, which leaves room for questions or a result, the error, and an end from outside.
# Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
PAGE_MAX_BYTES = 16 * 1024
# 32 MB of steps, or about 100,000 short ones. Later steps are only counted, in the last step.
PAGES_MAX = 2_000
# The pages that may be put before the write that lists them. A burst needs fewer writes but is still shown in parts.
PAGES_PER_WRITE = 8
# The steps that are queued in memory while the table does not answer.
QUEUE_MAX_STEPS = 10_000
# A step that another one nearly always follows, such as the end of a tool call, is written together with it if it comes
# within this time. So the ends need no writes of their own.
LINGER_MS = 50
# Tool progress and model text become at most one step in this interval; the last value is always recorded.
STEP_INTERVAL_SECONDS = 0.5
# Between two recorded steps of a model's text, at most one delta in this interval is only sent live.
DELTA_INTERVAL_SECONDS = 0.1

# The life of a run
QUEUED_LEASE_MS = 150_000
LEASE_MS = 15_000
HEARTBEAT_SECONDS = 4.0
# How often an idle worker checks for a cancel request.
CANCEL_HINT_SECONDS = 1.0
LATE_AFTER_MS = 8_000
# The time for a worker that continues a run to claim it and store its first step; it begins only after both.
PART_BEGIN_SECONDS = 10.0
# How often a part of a run is handed to a worker, if nothing of it has run yet.
PART_MAX_TRIES = 3
# By default, how long before its Lambda's deadline a worker hands a run over, and how long a run's workers may work.
HANDOVER_SECONDS = 120
MAX_RUN_HOURS = 8
# How many workers in a row may die after the same snapshot until the run is ended instead of continued.
CRASHES_MAX = 3
# A tool's result in its entry of the journal; a larger one is an object. An item may hold 400 KB.
JOURNAL_RESULT_MAX_BYTES = 300 * 1024
# How long a checkpointing agent waits for its state to be saved before its tools begin. Then its run ends.
SNAPSHOT_SAVE_SECONDS = 20.0
# A worker writes the end this long before its deadline, which leaves time for a slow write and for the answer.
DEADLINE_MARGIN_MS = 3_000
# If an end has a time limit, the worker skips pending steps from this long before the limit ...
END_ALONE_SECONDS = 0.8
# ... and asks another worker (`run_closer`) to write the end this long before the limit.
HAND_OVER_SECONDS = 0.2
# How long a worker that has already answered tries to store the end, if its process lives: as long as records are kept.
DRAIN_SECONDS = 24 * 3600
# A worker stops waiting for the end this long before its deadline, which leaves time for its answer.
ANSWER_SECONDS = 0.3
# How long an agent has to stop by itself after a cancel request, or before its deadline, until its task is cancelled.
STOP_SECONDS = 1.0
TIME_UP_STOP_SECONDS = 1.0
# A run is closed this long after its lease has expired. A worker that is only slow renews the lease by then.
CLOSE_GRACE_MS = 15_000
# The sweep checks open runs from this age on: a Lambda's worker has stopped by then.
# Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html
SWEEP_AGE_MS = 15 * 60_000
# How often an end is retried after conflicting writes.
END_MAX_TRIES = 5
# A job's time limit, without the time in which it waits for answers.
JOB_TIMEOUT_SECONDS = 3600
JOB_TIMEOUT_MAX_MINUTES = 24 * 60
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
# The records that a page of a filtered list reads. BatchGetItem reads up to 100 items.
LIST_FILTERED_MAX_RUNS = 100
# The runs that one request of `deleteMyRuns` deletes: each takes a read, three lists of objects and two deletions.
DELETE_MAX_RUNS = 25
# Enough for an owner and an id of 128 characters that JSON escapes, in base64.
CURSOR_MAX_CHARACTERS = 4_608
# The key of an item or of an index's entry.
# Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
KEY_MAX_BYTES = 2_048
# The entries of an index that a page of an operator's list examines: about 150 KB.
SCAN_MAX_KEYS = 1_000
ANSWER_MAX_STEPS = 200
ANSWER_MAX_BYTES = 1024 * 1024

# The live channel
BATCH_MAX_MESSAGES = 50
BATCH_MAX_BYTES = 200 * 1024

# Inputs
REQUEST_ID_MAX_CHARACTERS = 128
QUERY_MAX_CHARACTERS = 10_000
LISTED_QUERY_MAX_CHARACTERS = 200
PARAMETERS_MAX_BYTES = 64 * 1024
ANSWERS_MAX_BYTES = 64 * 1024
# An agent's state between two parts of its run.
SNAPSHOT_MAX_BYTES = 32 * 1024 * 1024
# The files of one run. A saved state holds them in base64, so all of them fit into one.
ATTACHMENTS_MAX = 5
ATTACHMENT_MAX_BYTES = 10 * 1024 * 1024
ATTACHMENTS_MAX_BYTES = 20 * 1024 * 1024
# How long a client may wait until it sends the file.
UPLOAD_SECONDS = 5 * 60

# Conversations
# How long a conversation is kept after its state was last saved, unless the deployment says otherwise.
CONVERSATION_RETENTION_SECONDS = 30 * 24 * 3600
CONVERSATION_RETENTION_MAX_DAYS = 365
# The newest runs that a conversation names. BatchGetItem reads up to 100 items.
CONVERSATION_MAX_RUNS = 100
# The text of a conversation's newest messages in one answer.
CONVERSATION_MAX_BYTES = 256 * 1024
# How long the end of a turn may wait until the agent's state is saved.
TURN_SAVE_SECONDS = 2.0

# JSON
# Nested objects and lists. Python's reader and writer fail at about 1,000 levels, other languages' earlier.
NESTING_MAX = 100
# The values within one value from an agent; more would not fit into a result.
JSON_MAX_VALUES = 40_000
