/** Conversations: each run of one begins with the state in which the last complete run ended. */
import type { ListedRun } from './runcast.js';

/** A conversation of the list. */
export interface ListedConversation {
  readonly conversationId: string;
  readonly agent: string;
  /** The beginning of the first query. */
  readonly title: string;
  /** When its newest turn was started. */
  readonly lastTurnAt: number;
  readonly expiresAt: number;
  /** The run that is in progress or waits for an answer; null if there is none. */
  readonly openRun: string | null;
}

/** What was said in a conversation. `role` is `user` or `assistant`. Untrusted input. */
export interface Message {
  readonly role: string;
  readonly text: string;
  /** The names of the user's files; null if there are none. */
  readonly attachments: readonly string[] | null;
}

/** A conversation with its messages and runs. */
export interface Conversation extends ListedConversation {
  /** Up to the last complete run, oldest first; null if they are no longer stored. */
  readonly messages: readonly Message[] | null;
  /** How many older messages were left out. */
  readonly messagesOmitted: number | null;
  /** Those whose records have not expired, newest first. */
  readonly runs: readonly ListedRun[];
}

/** A message as chat libraries need it. Its id is the same after each reload. */
export interface ChatMessage {
  readonly id: string;
  readonly role: 'user' | 'assistant';
  readonly text: string;
}

/** Returns the messages of a conversation, and the query of its open run as the last one. */
export function chatMessages({ conversationId, messages, messagesOmitted, openRun, runs }: Conversation): ChatMessage[] {
  const said = (messages ?? []).map(({ role, text }, index): ChatMessage => ({
    id: `${conversationId}/${(messagesOmitted ?? 0) + index}`,
    role: role === 'user' ? 'user' : 'assistant',
    text,
  }));
  const query = runs.find(({ requestId }) => requestId === openRun)?.query;
  return query ? [...said, { id: `${openRun}/query`, role: 'user', text: query }] : said;
}
