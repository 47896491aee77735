/** One step of a run or a job, from the record or from the live channel. */
export interface Step {
  /** Unique among the steps of a watch, and the same whenever the step is received. */
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

/** The fields that a GraphQL `ProgressStep` and a `StatusUpdate` share. Of a notice, all but `status` may be null. */
export interface SentStep {
  readonly seq: number | null;
  readonly status: string;
  readonly message: string | null;
  readonly timestamp: number | null;
  readonly agentName: string | null;
  readonly toolName: string | null;
  readonly metadata: string | null;
}

/** Returns a step of this run, from the record or from the live channel. */
export function stepOf(requestId: string, { seq, status, message, timestamp, agentName, toolName, metadata }: SentStep): Step {
  return {
    // A message that is in no record is known by its content: it may arrive twice.
    id: `${requestId}/${seq ?? [timestamp, status, message, metadata]}`,
    requestId,
    seq,
    status,
    message: message ?? '',
    timestamp: timestamp ?? Date.now(),
    agentName,
    toolName,
    metadata: Object(parsed(metadata)),
  };
}

/** Returns a number of a step's metadata; undefined if it has none under this name. */
export function number(step: Step, name: string): number | undefined {
  const value = step.metadata[name];
  return typeof value === 'number' ? value : undefined;
}

/** Returns the value of a JSON text, null without a text, and the text itself if it is not JSON. */
export function parsed(text: string | null | undefined): unknown {
  try {
    return JSON.parse(text ?? 'null');
  } catch {
    return text;
  }
}
