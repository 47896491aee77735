/**
 * The GraphQL operations that the client sends, with the fields that it reads. A test checks them against the schema.
 *
 * Documents for other clients are in `graphql/operations/`.
 */

/** The fields of a `SentStep`. */
const STEP = 'seq status message timestamp agentName toolName metadata';
/** The fields that a `Progress`, a `ListedRun` and a `JobRun` share. */
const STATE = 'status liveness createdAt error reason';
/** The fields that a `ListedRun` and a `JobRun` share. */
const HEAD = `requestId agent seq ${STATE}`;
/** The fields of a `ListedRun`. */
const RUN = `${HEAD} jobId playbook conversationId query updatedAt`;
/** The fields of a `ListedConversation`. */
const CONVERSATION = 'conversationId agent title lastTurnAt expiresAt openRun';

/** Returns an operation with one field, whose arguments are its variables. */
const operation = (type: string, field: string, variables: string, selection: string): string =>
  `${type}(${variables}){${field}(${variables.replace(/\$(\w+)\S+/g, '$1:$$$1')}){${selection}}}`;

export const answerAgentRun = operation('mutation', 'answerAgentRun', '$requestId:String! $answers:String!', 'success error');
export const cancelAgentRun = operation('mutation', 'cancelAgentRun', '$requestId:String!', 'success error');
// Written out, so that a page that uploads nothing does not load it.
export const createUpload =
  'mutation($name:String! $contentType:String! $bytes:Int!){createUpload(name:$name contentType:$contentType bytes:$bytes){attachmentId url fields}}';
export const deleteConversation = operation('mutation', 'deleteConversation', '$conversationId:ID!', 'success error');
export const getAgentProgress = operation(
  'query', 'getAgentProgress', '$requestId:String! $afterSeq:Int',
  `success steps{${STEP}} ${STATE} nextSeq result conversationId playbook runs{${HEAD} name stage attempt elapsed} resultLink{url}`,
);
export const getConversation = operation(
  'query', 'getConversation', '$conversationId:ID!', `success ${CONVERSATION} messages{role text attachments} messagesOmitted runs{${RUN}}`,
);
export const listAgentRuns = operation(
  'query', 'listAgentRuns', '$limit:Int $cursor:String $status:String $agent:String', `runs{${RUN}} nextCursor`,
);
export const listAgents = '{listAgents{agents{name description parametersSchema attachments} playbooks{name description}}}';
export const listConversations = operation(
  'query', 'listConversations', '$limit:Int $cursor:String', `conversations{${CONVERSATION}} nextCursor`,
);
export const onStatusUpdate = operation(
  'subscription', 'onStatusUpdate', '$userId:ID! $jobId:ID $requestId:ID', `${STEP} jobId requestId`,
);
export const startAgentRun = operation(
  'mutation', 'startAgentRun',
  '$agent:String $query:String $parameters:String $requestId:ID $rerunOf:ID $conversationId:ID $branchFrom:ID $attachments:[ID!]', 'createdAt',
);
export const startJob = operation(
  'mutation', 'startJob', '$playbook:String! $query:String! $parameters:String $jobId:ID', 'createdAt',
);
