/** The GraphQL documents that the client sends: the same files that other frontends use. */
export { default as answerAgentRun } from '../../../graphql/operations/answerAgentRun.graphql';
export { default as cancelAgentRun } from '../../../graphql/operations/cancelAgentRun.graphql';
export { default as deleteConversation } from '../../../graphql/operations/deleteConversation.graphql';
export { default as getAgentProgress } from '../../../graphql/operations/getAgentProgress.graphql';
export { default as getConversation } from '../../../graphql/operations/getConversation.graphql';
export { default as listAgentRuns } from '../../../graphql/operations/listAgentRuns.graphql';
export { default as listAgents } from '../../../graphql/operations/listAgents.graphql';
export { default as listConversations } from '../../../graphql/operations/listConversations.graphql';
export { default as onStatusUpdate } from '../../../graphql/operations/onStatusUpdate.graphql';
export { default as startAgentRun } from '../../../graphql/operations/startAgentRun.graphql';
export { default as startJob } from '../../../graphql/operations/startJob.graphql';
