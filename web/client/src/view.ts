/** What a watch shows: an immutable snapshot, and the words in it. docs/contracts.md explains the values. */
import type { Step } from './step.js';

/** `starting` and `not-found` are the client's own. A newer server may send others: treat unknown ones as open. */
export type Status =
  | 'starting' | 'not-found' | 'in_progress' | 'waiting' | 'complete' | 'error' | 'cancelled' | (string & {});

/** A newer server may send others. */
export type Liveness = 'live' | 'late' | 'cancelling' | 'lost' | 'done' | (string & {});

/** A GraphQL `JobRun`: one attempt of one agent of a job. All but the first five are null until it begins. */
export interface JobRun {
  readonly name: string;
  readonly agent: string;
  readonly stage: string;
  readonly attempt: number;
  readonly requestId: string;
  readonly status: Status | null;
  readonly liveness: Liveness | null;
  /** How many steps have been recorded. */
  readonly seq: number | null;
  /** Seconds so far, or in total if it has ended. */
  readonly elapsed: number | null;
  /** When it began, by the server's clock. */
  readonly createdAt: number | null;
  readonly error: string | null;
  readonly reason: string | null;
}

/** One attempt of one agent of a job, as far as is known. */
export interface RunNode extends JobRun {
  /** When it began, by this machine's clock. */
  readonly startedAt: number | null;
}

/** One tool call. */
export interface ToolCall {
  /** The id of the step that began it. */
  readonly id: string;
  readonly requestId: string;
  readonly name: string;
  readonly agentName: string | null;
  /**
   * `ok`, `error`, `denied`, `cancelled`, `asked` or `unknown`; null while it is running. `unknown`: its worker stopped
   * while it ran, so it may or may not have taken effect.
   */
  readonly outcome: string | null;
  /** When it began, by the server's clock. */
  readonly timestamp: number;
  /** How long it took; null while it is running, and if its worker stopped. */
  readonly seconds: number | null;
  /** What the tool has counted, if it counts. */
  readonly progress: { readonly done: number; readonly total?: number; readonly unit?: string } | null;
}

/** A question of a waiting run. */
export interface Question {
  /** The key of its answer. */
  readonly id: string;
  /** The name that the agent gave it, such as `approve`. */
  readonly name: string;
  /** What the agent says about it, any JSON; null if it says nothing. */
  readonly reason: unknown;
}

export interface Refusal {
  readonly type: string;
  readonly message: string;
  /** With the type `TooManyRequests`: when to try again, in seconds. */
  readonly retryAfter?: number | undefined;
}

/** A run or a job as it stands. Messages, metadata and results are untrusted input. */
export interface RunView {
  /** Null until it is known. */
  readonly kind: 'run' | 'job' | null;
  readonly status: Status;
  readonly liveness: Liveness | null;
  /** Each step once: in order of `seq`, and those of a job and its runs in order of time. */
  readonly steps: readonly Step[];
  /** A job's runs in the playbook's order. */
  readonly runs: readonly RunNode[];
  /** The conversation of which the run is a turn. */
  readonly conversationId: string | null;
  readonly playbook: string | null;
  /** What the run's agent has said so far. */
  readonly text: string;
  readonly tools: readonly ToolCall[];
  /** The open questions: answer all of them in one call. */
  readonly questions: readonly Question[];
  /** Set when it has ended. */
  readonly result?: unknown;
  readonly error?: string | undefined;
  readonly reason?: string | undefined;
  /** How many recorded steps are still to come. */
  readonly missing: number;
  /** Whether all that is recorded is shown. */
  readonly upToDate: boolean;
  /** Why it was not started, or cannot be read. */
  readonly refused?: Refusal | undefined;
  readonly connection: 'live' | 'polling' | 'offline' | 'signed-out';
  /** When it began, by this machine's clock; null until that is known. */
  readonly startedAt: number | null;
}

/** Whether a status is terminal. */
export const ended = (status: Status | null): boolean => /^(complete|error|cancelled)$/.test(status!);

/** Returns what the agent has said so far; without live text, that is the result. A result without a text is shown as JSON. */
export function answerOf({ text, result }: RunView): string {
  if (text || result === undefined) return text;
  const said = typeof result === 'object' && result !== null && 'text' in result ? result.text : result;
  return typeof said === 'string' ? said : JSON.stringify(result, null, 2);
}
