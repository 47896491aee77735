/** One step of a run or a job, from the record or from the live channel. */
import type { Update } from './socket.js';

export interface Step {
  /** Unique among the steps of a watch. */
  readonly id: string;
  /** The run or job that it belongs to. */
  readonly requestId: string;
  /** 1, 2, 3 ... in its record; null for a message that is in no record. */
  readonly seq: number | null;
  /** `agent_invoking`, `thinking`, `calling_tool` ...: docs/frontend.md lists them. */
  readonly status: string;
  readonly message: string;
  /** When it happened, by the server's clock: epoch milliseconds. */
  readonly timestamp: number;
  readonly agentName: string | null;
  readonly toolName: string | null;
  /** More details. Untrusted input, as `message` is. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** A GraphQL `ProgressStep`. */
export interface RecordedStep {
  readonly seq: number;
  readonly step: string;
  readonly status: string | null;
  readonly message: string | null;
  readonly timestamp: number;
  readonly agentName: string | null;
  readonly toolName: string | null;
  readonly metadata: string | null;
}

let notices = 0;

export function fromRecord(requestId: string, step: RecordedStep): Step {
  const { seq, timestamp, agentName, toolName } = step;
  const status = step.status ?? step.step;
  const id = `${requestId}/${seq}`;
  return { id, requestId, seq, status, message: step.message ?? '', timestamp, agentName, toolName, metadata: object(step.metadata) };
}

export function fromLive(requestId: string, update: Update): Step {
  const { seq, status, agentName } = update;
  const { toolName, ...metadata } = object(update.metadata);
  return {
    id: `${requestId}/${seq ?? `notice-${++notices}`}`,
    requestId,
    seq,
    status,
    message: update.message ?? '',
    timestamp: update.timestamp ?? Date.now(),
    agentName,
    toolName: typeof toolName === 'string' ? toolName : null,
    metadata,
  };
}

/** Returns a number of a step's metadata; undefined if it has none under this name. */
export function number(step: Step, name: string): number | undefined {
  const value = step.metadata[name];
  return typeof value === 'number' ? value : undefined;
}

/** Returns the value of a JSON text; the text itself if it is not JSON. */
export function parsed(text: string | null): unknown {
  try {
    return text === null ? null : JSON.parse(text);
  } catch {
    return text;
  }
}

function object(text: string | null): Record<string, unknown> {
  const value = parsed(text);
  return value && typeof value === 'object' && !Array.isArray(value) ? { ...value } : {};
}
