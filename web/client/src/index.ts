export { type Amplify, amplifyAuth, type Auth, type CognitoAuth, cognitoAuth, type Stop, type TokenStorage } from './auth.js';
export type { Config } from './config.js';
export { type ChatMessage, chatMessages, type Conversation, type ListedConversation, type Message } from './conversation.js';
export { RuncastError } from './errors.js';
export { createRuncast, type ListedRun, type ListFilter, type NewRun, type Page, type Parameters, type Runcast, type Startable, type StartableAgent } from './runcast.js';
export type { Step } from './step.js';
export { attachmentTypes, upload } from './upload.js';
export { answerOf, ended, type Liveness, type Question, type Refusal, type RunNode, type RunView, type Status, type ToolCall } from './view.js';
export { eachView, emptyView, type Watch } from './watch.js';
