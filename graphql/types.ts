// Generated from schema.graphql by `make graphql-types`. A field that may be null is always in the answer.

/** Read operations. */
export interface Query {
  /** Returns the record of a run or a job: its steps, state and outcome. For an unknown or expired id, or another owner's, success is false and error has the reason. */
  getAgentProgress: AgentProgress;
  /** Lists the caller's runs and jobs, newest first. A new one may be missing for some seconds. */
  listAgentRuns: AgentRuns;
  /** Lists the caller's conversations, the one with the newest turn first. A new one may be missing for some seconds. */
  listConversations: Conversations;
  /** Returns a conversation of the caller with its messages and runs. For an unknown, deleted or expired id, or another owner's, success is false and error has the reason. */
  getConversation: ConversationContent;
  /** Lists the agents and playbooks that can be started. */
  listAgents: AgentList;
  /** Returns what AppSync has verified of the caller's own token. The REST API asks it with the caller's token. */
  me: VerifiedToken;
  /** Lists runs and jobs of all users, in no particular order, for an operator with AWS credentials. A new one may be missing for some seconds. */
  operatorListRuns: OwnedRuns;
  /** Returns the record of any user's run or job to an operator with AWS credentials, as getAgentProgress does to its owner. */
  operatorGetProgress: AgentProgress;
}

/** The arguments of `getAgentProgress`. */
export interface GetAgentProgressVariables {
  /** The requestId of a run or the jobId of a job, at most 128 characters. */
  requestId: string;
  /** Return only steps with a greater seq. Pass the highest seq received so far. Absent or 0 returns all steps. */
  afterSeq?: number | null;
}

/** The arguments of `listAgentRuns`. */
export interface ListAgentRunsVariables {
  /** The maximum number of runs, 1 to 50. The default is 50. */
  limit?: number | null;
  /** The nextCursor of the previous answer to the same status and agent. Absent starts with the newest run. */
  cursor?: string | null;
  /** List only runs with this status: in_progress, waiting, complete, error or cancelled. */
  status?: string | null;
  /** List only runs of this agent, 1 to 200 characters. The agent of a job is orchestrator. */
  agent?: string | null;
}

/** The arguments of `listConversations`. */
export interface ListConversationsVariables {
  /** The maximum number of conversations, 1 to 50. The default is 50. */
  limit?: number | null;
  /** The nextCursor of the previous answer. Absent starts with the conversation that has the newest turn. */
  cursor?: string | null;
}

/** The arguments of `getConversation`. */
export interface GetConversationVariables {
  /** The conversation's id, a UUID. */
  conversationId: string;
}

/** The arguments of `operatorListRuns`. */
export interface OperatorListRunsVariables {
  /** The maximum number of runs, 1 to 50. The default is 50. */
  limit?: number | null;
  /** The nextCursor of the previous answer to the same filters. Absent starts at the beginning. */
  cursor?: string | null;
  /** List only runs of this tenant, 1 to 200 characters. */
  tenantId?: string | null;
  /** List only runs of users with this id, 1 to 200 characters. */
  userId?: string | null;
  /** List only runs of this agent, 1 to 200 characters. The agent of a job is orchestrator. */
  agent?: string | null;
  /** List only runs with this status: in_progress, waiting, complete, error or cancelled. */
  status?: string | null;
  /** List only runs that were started at least this many minutes ago. */
  olderThanMinutes?: number | null;
}

/** The arguments of `operatorGetProgress`. */
export interface OperatorGetProgressVariables {
  /** The requestId of a run or the jobId of a job, at most 128 characters. */
  requestId: string;
  /** Return only steps with a greater seq. Pass the highest seq received so far. Absent or 0 returns all steps. */
  afterSeq?: number | null;
}

/** Operations that start, answer and cancel runs and jobs, and the status publisher's operation. */
export interface Mutation {
  /** Starts a run of one agent for the caller and returns at once. The run continues in the background. With rerunOf it starts a run or a job again. */
  startAgentRun: StartedRun | null;
  /** Starts a job for the caller and returns at once: an execution of a playbook, which runs several agents. The job continues in the background. */
  startJob: StartedJob | null;
  /** Prepares the upload of one file that startAgentRun can name. Counts as a start, and its size for the day. */
  createUpload: Upload | null;
  /** Cancels the caller's run, or the caller's job with all its runs. Idempotent. For an unknown or expired id, or another owner's, success is false and error has the reason. */
  cancelAgentRun: RunState | null;
  /** Deletes what is stored of the caller's newest runs and jobs, at most 25: records, steps, inputs, answers, saved states and results. Those in progress are cancelled first. When no runs are left, it deletes conversations. Repeat it until remaining is false. */
  deleteMyRuns: DeletedRuns | null;
  /** Answers all open questions of the caller's waiting run, which then continues. The same answers again are a no-op; different ones, or a run that no longer waits, are a Conflict. For an unknown or expired id, or another owner's, success is false and error has the reason. */
  answerAgentRun: RunState | null;
  /** Deletes the caller's conversation and its messages. Idempotent. With an open run it is a Conflict. For an unknown or expired id, or another owner's, success is false and error has the reason. */
  deleteConversation: DeletedConversation | null;
  /** Cancels any user's run, or a job with all its runs, for an operator with AWS credentials, as cancelAgentRun does for its owner. */
  operatorCancelRun: RunState | null;
  /** Deletes what is stored of a user's newest runs and jobs, for an operator with AWS credentials, as deleteMyRuns does for the user. Repeat it until remaining is false. */
  operatorDeleteRuns: DeletedRuns | null;
  /** Sends a status message to its user's subscribers, who receive the selected fields. Only the status publisher may call it. */
  publishStatus: StatusUpdate | null;
}

/** The arguments of `startAgentRun`. */
export interface StartAgentRunVariables {
  /** The agent's name; required without rerunOf. The error for an unknown name lists all names. */
  agent?: string | null;
  /** The task for the agent, 1 to 10,000 characters; required without rerunOf. */
  query?: string | null;
  /** The agent's parameters: a JSON object, as JSON text of at most 64 KB. */
  parameters?: string | null;
  /** The id of the new run, a UUID. If the caller has used it before, that run is returned. Another owner's id is refused. Absent creates a new id. */
  requestId?: string | null;
  /** The id of an earlier run or job of the caller. Starts a new one with the same input; agent, query and parameters are then absent. */
  rerunOf?: string | null;
  /** The conversation that the run continues, a UUID. The agent begins with the state in which the last complete run ended. An unknown id starts a new conversation. A conversation with an open run is a Conflict. Absent, and without branchFrom, the run belongs to no conversation. */
  conversationId?: string | null;
  /** The requestId of a complete run of one of the caller's conversations. Starts a new conversation from the state in which that run ended; its id is conversationId, or else the new run's. */
  branchFrom?: string | null;
  /** The attachmentIds of files that the caller has uploaded for the agent, at most 5 with 20 MB together. Refused unless listAgents says that the agent takes attachments. */
  attachments?: string[] | null;
}

/** The arguments of `startJob`. */
export interface StartJobVariables {
  /** The playbook's name. The error for an unknown name lists all names. */
  playbook: string;
  /** The task for the job, 1 to 10,000 characters. The playbook inserts it into its agents' queries. */
  query: string;
  /** Parameters for all agents of the job: a JSON object, as JSON text of at most 64 KB. */
  parameters?: string | null;
  /** The id of the new job, a UUID. If the caller has used it before, that job is returned. Another owner's id is refused. Absent creates a new id. */
  jobId?: string | null;
}

/** The arguments of `createUpload`. */
export interface CreateUploadVariables {
  /** The file's name, 1 to 200 characters. */
  name: string;
  /** The file's media type: image/png, image/jpeg, image/gif, image/webp, application/pdf, text/csv, text/html, text/plain, text/markdown, or that of Word and Excel files. */
  contentType: string;
  /** The file's size in bytes, 1 to 10485760 (10 MB). */
  bytes: number;
}

/** The arguments of `cancelAgentRun`. */
export interface CancelAgentRunVariables {
  /** What to cancel: a run's requestId or a job's jobId, at most 128 characters. */
  requestId: string;
}

/** The arguments of `answerAgentRun`. */
export interface AnswerAgentRunVariables {
  /** The run's requestId, at most 128 characters. */
  requestId: string;
  /** An answer to each question: a JSON object from the ids in metadata.interrupts of the step waiting to any JSON but null, as JSON text of at most 64 KB. */
  answers: string;
}

/** The arguments of `deleteConversation`. */
export interface DeleteConversationVariables {
  /** The conversation's id, a UUID. */
  conversationId: string;
}

/** The arguments of `operatorCancelRun`. */
export interface OperatorCancelRunVariables {
  /** What to cancel: a run's requestId or a job's jobId, at most 128 characters. */
  requestId: string;
}

/** The arguments of `operatorDeleteRuns`. */
export interface OperatorDeleteRunsVariables {
  /** The user's tenant; of a user without a tenant, the user's id. */
  tenantId: string;
  /** The user's id. */
  userId: string;
}

/** The arguments of `publishStatus`. */
export interface PublishStatusVariables {
  /** The message to send: at most 200 KB as JSON in UTF-8. */
  input: PublishStatusInput;
}

/** Live updates. */
export interface Subscription {
  /** The caller's status messages in real time. Messages may be lost; getAgentProgress returns the complete record. */
  onStatusUpdate: StatusUpdate | null;
}

/** The arguments of `onStatusUpdate`. */
export interface OnStatusUpdateVariables {
  /** The caller's user id, or the claim sub of a token of the OpenID Connect provider. Any other id is refused. */
  userId: string;
  /** Receive only the messages of this job, 1 to 128 characters. Absent or null receives all messages, with and without a job. */
  jobId?: string | null;
  /** Receive only the messages of this run, 1 to 128 characters. Absent or null receives the messages of all runs. */
  requestId?: string | null;
}

/** A token that AppSync has verified. */
export interface VerifiedToken {
  /** AppSync's name for the way in which the caller is authorized. */
  authType: string;
  /** The token's claims, as the JSON text of an object. */
  claims: string;
}

/** What a request has deleted. */
export interface DeletedRuns {
  /** How many runs, jobs and conversations were deleted. */
  deleted: number;
  /** Whether there may be more, or some whose worker has not stopped yet. */
  remaining: boolean;
}

/** The requested part of the record of a run or a job. */
export interface AgentProgress {
  /** Whether the run was found. If false, error has the reason, steps is empty, and all other fields except requestId may be null. */
  success: boolean;
  /** The requested id. */
  requestId: string;
  /** The steps after afterSeq, oldest first, without gaps. */
  steps: ProgressStep[];
  /** The run's state: in_progress or waiting, then one of complete, error, cancelled. */
  status: string | null;
  /** When the run was started, in epoch milliseconds. */
  createdAt: number | null;
  /** When the record was last written, in epoch milliseconds. */
  updatedAt: number | null;
  /** Why the run failed, or why it could not be read. */
  error: string | null;
  /** The code for why the run or the job ended, such as complete, agent_failed, timed_out or worker_died; docs/contracts.md lists them. Null until it ends, and in a record from before reasons were stored. */
  reason: string | null;
  /** The afterSeq of the next request. Null if this answer contains all steps recorded so far. */
  nextSeq: number | null;
  /** The state of the worker, derived from its lease: live, late, cancelling, lost or done. */
  liveness: string | null;
  /** The time by which a live worker writes again, in epoch milliseconds. */
  leaseUntil: number | null;
  /** The result, as JSON text. Null until the run has ended, for a run without a result, and for a job whose result is behind resultLink. */
  result: string | null;
  /** The conversation that the run continues. Null outside of conversations. */
  conversationId: string | null;
  /** The playbook that the job executes. Null for a run. */
  playbook: string | null;
  /** The job's runs in the playbook's order, with all attempts of each agent. Null for a run; empty until the playbook is loaded. */
  runs: JobRun[] | null;
  /** A link to a job's result if it is larger than 64 KB. Null otherwise. */
  resultLink: ResultLink | null;
}

/** One run of a job, which is one attempt of one of its agents. */
export interface JobRun {
  /** The unique name of the agent's entry in the playbook. */
  name: string;
  /** The agent's name. */
  agent: string;
  /** The playbook's stage. The agents of a stage run in parallel. */
  stage: string;
  /** The number of the attempt: 1, 2 or 3. Attempts 2 and 3 are listed only if they were needed. */
  attempt: number;
  /** The run's id, with which to watch, read and cancel it. */
  requestId: string;
  /** The run's state: in_progress or waiting, then one of complete, error, cancelled. Null until the run begins. */
  status: string | null;
  /** The state of the worker, derived from its lease: live, late, cancelling, lost or done. Null until the run begins. */
  liveness: string | null;
  /** The number of recorded steps. Null until the run begins. */
  seq: number | null;
  /** The run's duration in seconds, up to now or to its end. Null until the run begins. */
  elapsed: number | null;
  /** When the run was started, in epoch milliseconds. Null until the run begins. */
  createdAt: number | null;
  /** Why the run failed. */
  error: string | null;
  /** The code for why the run or the job ended, such as complete, agent_failed, timed_out or worker_died; docs/contracts.md lists them. Null until it ends, and in a record from before reasons were stored. */
  reason: string | null;
}

/** A short-lived link to a job's result. Anyone who has the link can fetch the result. */
export interface ResultLink {
  /** The URL. GET it without a credential; the response is the result as JSON. */
  url: string;
  /** When the link expires, in epoch milliseconds. Read the record again for a new link. */
  expiresAt: number;
}

/** One step of a run's record. */
export interface ProgressStep {
  /** Always progress. */
  type: string;
  /** The event. In a run: init, bedrock, tools, agent, ready, warm, attachments, thinking, executing, executed, text, waiting, answered, complete, error, cancelled, or an agent's own. In a job: loading_agents, validating, synthesizing, complete, error or cancelled. */
  step: string;
  /** A readable description of the event. */
  message: string;
  /** Seconds since the run began. */
  elapsed: number;
  /** When it happened, in epoch milliseconds. */
  timestamp: number;
  /** The step's number in its run: 1, 2, 3, without gaps. The live message of the step has the same number. */
  seq: number;
  /** The agent that the step belongs to. */
  agentName: string;
  /** The called tool, if the step is a tool call. */
  toolName: string | null;
  /** The event's name on the live channel, such as agent_invoking or calling_tool; otherwise equal to step. */
  status: string;
  /** Additional data, as the JSON text of an object. */
  metadata: string | null;
}

/** An accepted run. */
export interface StartedRun {
  /** The run's id, with which to watch and read it. */
  requestId: string;
  /** The conversation that the run continues. Null outside of conversations. */
  conversationId: string | null;
  /** The run's state at the time of the answer. */
  status: string;
  /** When the run was started, in epoch milliseconds. */
  createdAt: number;
}

/** An accepted job. */
export interface StartedJob {
  /** The job's id, with which to watch and read it. */
  jobId: string;
  /** The job's state at the time of the answer. */
  status: string;
  /** When the job was started, in epoch milliseconds. */
  createdAt: number;
}

/** A form that uploads one file. Anyone who has it can upload that file until it expires. */
export interface Upload {
  /** The file's id, with which startAgentRun names it. */
  attachmentId: string;
  /** Where to POST the form, as multipart/form-data, without a credential. */
  url: string;
  /** The form's fields, as the JSON text of an object. Send all of them unchanged, and then the file as the last field, named file. */
  fields: string;
  /** When the form expires, in epoch milliseconds. */
  expiresAt: number;
}

/** The agents and playbooks that can be started. */
export interface AgentList {
  /** The agents for startAgentRun, sorted by name. */
  agents: AgentInfo[];
  /** The playbooks for startJob, sorted by name. */
  playbooks: PlaybookInfo[];
}

/** An agent. */
export interface AgentInfo {
  /** The name. */
  name: string;
  /** What the agent does. Empty for an agent in another Lambda. */
  description: string;
  /** The JSON Schema of the agent's parameters, as JSON text. Null if the agent declares none. */
  parametersSchema: string | null;
  /** Whether the agent takes attachments. True for an agent in another Lambda, which may refuse them. */
  attachments: boolean;
}

/** A playbook, which defines the agents of a job and the stages in which they run. */
export interface PlaybookInfo {
  /** The name. */
  name: string;
  /** What the playbook does. */
  description: string;
}

/** The state of a run or a job after a cancel request or an answer. */
export interface RunState {
  /** Whether the run was found. If false, error has the reason, and all other fields except requestId are null. */
  success: boolean;
  /** The requested id. */
  requestId: string;
  /** The run's state. After a cancel: in_progress until its worker has stopped, then cancelled; a run that had already ended keeps its state. After an answer: in_progress, or how the run has ended since. */
  status: string | null;
  /** The state of the worker: live, late, cancelling until it has stopped, lost, or done once the run has ended. */
  liveness: string | null;
  /** Why the run failed, or why it could not be cancelled or answered. */
  error: string | null;
  /** The code for why the run or the job ended, such as cancel_requested; docs/contracts.md lists them. Null until it ends, and in a record from before reasons were stored. */
  reason: string | null;
}

/** A page of the caller's runs, newest first. */
export interface AgentRuns {
  /** The runs. A page may have fewer than requested, or none, and still have a nextCursor, because expired runs are omitted and a filtered page examines at most 100 runs. */
  runs: AgentRun[];
  /** The cursor of the next request. Null if there are no more runs. */
  nextCursor: string | null;
}

/** The state of a run, without its steps and its result. */
export interface AgentRun {
  /** The run's id, with which to watch, read and cancel it. */
  requestId: string;
  /** The agent's name. */
  agent: string;
  /** The id of the run's job, if any. For a job, its own id. */
  jobId: string | null;
  /** The playbook that the job executes. Null for a run. */
  playbook: string | null;
  /** The conversation that the run continues. Null outside of conversations. */
  conversationId: string | null;
  /** The beginning of the query, without secrets, at most 200 characters. Null if no API has started the run. */
  query: string | null;
  /** The run's state: in_progress or waiting, then one of complete, error, cancelled. */
  status: string;
  /** The state of the worker, derived from its lease: live, late, cancelling, lost or done. */
  liveness: string;
  /** The number of recorded steps. */
  seq: number;
  /** When the run was started, in epoch milliseconds. */
  createdAt: number;
  /** When the record was last written, in epoch milliseconds. */
  updatedAt: number;
  /** The time by which a live worker writes again, in epoch milliseconds. */
  leaseUntil: number;
  /** Why the run failed. */
  error: string | null;
  /** The code for why the run or the job ended, such as complete, agent_failed, timed_out or worker_died; docs/contracts.md lists them. Null until it ends, and in a record from before reasons were stored. */
  reason: string | null;
}

/** A page of runs of all users, in no particular order. */
export interface OwnedRuns {
  /** The runs. A page may have fewer than requested, or none, and still have a nextCursor, because a page examines a part of the records. */
  runs: OwnedRun[];
  /** The cursor of the next request. Null if there are no more runs. */
  nextCursor: string | null;
}

/** A run and its owner. */
export interface OwnedRun {
  /** The owner's tenant. */
  tenantId: string;
  /** The owner's user id. */
  userId: string;
  /** The run. */
  run: AgentRun;
}

/** A page of the caller's conversations, the one with the newest turn first. */
export interface Conversations {
  /** The conversations. A page may have fewer than requested, or none, and still have a nextCursor, because expired conversations are omitted. */
  conversations: Conversation[];
  /** The cursor of the next request. Null if there are no more conversations. */
  nextCursor: string | null;
}

/** A conversation, without its messages. */
export interface Conversation {
  /** The conversation's id. */
  conversationId: string;
  /** The agent of all its runs. */
  agent: string;
  /** The beginning of its first query, without secrets, at most 200 characters. */
  title: string;
  /** When its newest run was started, in epoch milliseconds. */
  lastTurnAt: number;
  /** When it expires, in epoch milliseconds. A run that completes renews it. */
  expiresAt: number;
  /** The requestId of the run that is open. Null if a new run can be started. */
  openRun: string | null;
}

/** A conversation with its messages and runs. */
export interface ConversationContent {
  /** Whether the conversation was found. If false, error has the reason, and all other fields except conversationId are null. */
  success: boolean;
  /** Why it could not be read. */
  error: string | null;
  /** The conversation's id. */
  conversationId: string;
  /** The agent of all its runs. */
  agent: string | null;
  /** The beginning of its first query, without secrets, at most 200 characters. */
  title: string | null;
  /** When its newest run was started, in epoch milliseconds. */
  lastTurnAt: number | null;
  /** When it expires, in epoch milliseconds. A run that completes renews it. */
  expiresAt: number | null;
  /** The requestId of the run that is open. Null if a new run can be started. */
  openRun: string | null;
  /** What was said up to the end of the last complete run, oldest first. Null if it is no longer stored. */
  messages: ConversationMessage[] | null;
  /** The number of older messages that are left out, because the messages of an answer are at most 256 KB. */
  messagesOmitted: number | null;
  /** Its newest runs whose records have not expired, newest first, at most 100. */
  runs: AgentRun[] | null;
}

/** A message of a conversation, without secrets. */
export interface ConversationMessage {
  /** Who said it: user or assistant. */
  role: string;
  /** What was said. */
  text: string;
  /** The names of the files that the user attached, without secrets, at most 5. Null if there are none. */
  attachments: string[] | null;
}

/** The result of deleting a conversation. */
export interface DeletedConversation {
  /** Whether the conversation is deleted. If false, error has the reason. */
  success: boolean;
  /** The requested id. */
  conversationId: string;
  /** Why it could not be deleted. */
  error: string | null;
}

/** A status message of the live channel. requestId and seq together identify the step in the record. */
export interface StatusUpdate {
  /** The user who receives the message. */
  userId: string | null;
  /** The user's tenant. */
  tenantId: string | null;
  /** The run's job, if any. */
  jobId: string | null;
  /** The run that the message describes. */
  requestId: string | null;
  /** The agent that the message describes. */
  agentName: string | null;
  /** The called tool, if the message describes a tool call. */
  toolName: string | null;
  /** The live name of the event: agent_invoking, calling_tool, tool_complete, tool_error, agent_complete, agent_error, or the step's own name. */
  status: string | null;
  /** A readable description of the event. */
  message: string | null;
  /** When it happened, in epoch milliseconds. */
  timestamp: number | null;
  /** Additional data, as the JSON text of an object. */
  metadata: string | null;
  /** The step's number in its run. Null for a message that is not recorded: show it, but do not merge it. */
  seq: number | null;
  /** The version of the message format: 1. */
  schemaVersion: number | null;
}

/** A status message to send. Subscribers receive only the given fields. */
export interface PublishStatusInput {
  /** The user who receives the message. */
  userId: string;
  /** The user's tenant. */
  tenantId: string;
  /** The run's job, if any. */
  jobId?: string | null;
  /** The run that the message describes. */
  requestId?: string | null;
  /** The agent that the message describes. */
  agentName?: string | null;
  /** The called tool, if the message describes a tool call. */
  toolName?: string | null;
  /** The live name of the event. */
  status: string;
  /** A readable description of the event. */
  message?: string | null;
  /** When it happened, in epoch milliseconds. */
  timestamp?: number | null;
  /** Additional data, as the JSON text of an object. */
  metadata?: string | null;
  /** The step's number in its run, or null for a message that is not recorded. */
  seq?: number | null;
  /** The version of the message format: 1. */
  schemaVersion?: number | null;
}
