export { duration, useElapsed } from './clock.js';
export { AgentProgressIndicator, JobTree, type OfRun, StatusFeed, StepTimeline } from './components.js';
export { type ConversationState, type Turn, useConversation } from './conversation.js';
export { useAgents, useConversations, useRuns } from './lists.js';
export { RuncastProvider, useRuncast } from './provider.js';
export { QuestionForm } from './question-form.js';
export { type Run, type Task, useRun, useStart } from './run.js';
export { RunList } from './run-list.js';
