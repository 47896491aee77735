/** The steps that a watch shows, and the tool calls and the text that follow from them. */
import { number, type Step } from './step.js';
import { LiveText } from './text.js';
import type { Question, ToolCall } from './view.js';

const CALL_ENDS = ['tool_complete', 'tool_error'];
/** After these steps of a run, its worker does nothing more, so its calls in flight get no end. */
const WORKER_ENDS = /^(continuing|agent_error|cancelled)$/;

export class Shown {
  steps: readonly Step[] = [];
  tools: readonly ToolCall[] = [];
  /** What the last recorded step of the watched run asks. */
  questions: readonly Question[] = [];
  #entries: { at: number; step: Step }[] = [];
  /** The latest time in each record, so that sorting by time keeps each record's order. */
  #latest = new Map<string, number>();
  #tools = new Map<string, ToolCall>();
  #texts = new Map<number | undefined, LiveText>();
  #lastText: LiveText | undefined;
  #dirty = false;

  /** What the run's agent has said; of several agents that have no common one, what the last one has said. */
  get text(): string {
    return (this.#texts.get(undefined) ?? this.#lastText)?.text ?? '';
  }

  /** Adds a step. `own`: whether it belongs to the watched run or job itself, not to a job's run. */
  add(step: Step, own: boolean): void {
    if (own) this.#addText(step);
    if (own && step.seq !== null) this.questions = step.status === 'waiting' ? questions(step.metadata.interrupts) : [];
    // A delta is text in flight, which a step will repeat.
    if (step.seq === null && step.status === 'text') return;
    this.#dirty = true;
    this.#addTool(step);
    const latest = this.#latest.get(step.requestId) ?? 0;
    const at = step.seq === null ? latest : Math.max(latest, step.timestamp);
    this.#latest.set(step.requestId, at);
    this.#entries.push({ at, step });
  }

  /** Brings `steps` and `tools` up to date. */
  refresh(): void {
    if (!this.#dirty) return;
    this.#dirty = false;
    // Sorting what is almost in order takes little time.
    this.steps = this.#entries.sort((a, b) => a.at - b.at).map(({ step }) => step);
    this.tools = [...this.#tools.values()];
  }

  #addText(step: Step): void {
    const offset = number(step, 'offset');
    if (step.status !== 'text' || offset === undefined) return;
    const agent = number(step, 'parentSeq');
    if (!this.#texts.has(agent)) this.#texts.set(agent, new LiveText());
    this.#lastText = this.#texts.get(agent)!;
    this.#lastText.add(offset, step.message);
  }

  #addTool(step: Step): void {
    const { id, requestId, status, agentName, timestamp, metadata } = step;
    if (status === 'calling_tool') {
      const name = step.toolName ?? '';
      this.#tools.set(id, { id, requestId, name, agentName, outcome: null, timestamp, seconds: null, progress: null });
    }
    if (WORKER_ENDS.test(status) && !metadata.parentSeq) {
      for (const [key, call] of this.#tools) {
        if (call.requestId === requestId) this.#tools.set(key, { ...call, outcome: call.outcome ?? 'unknown' });
      }
    }
    const callId = `${requestId}/${number(step, 'parentSeq')}`;
    const call = this.#tools.get(callId);
    if (!call) return;
    if (CALL_ENDS.includes(status)) {
      const outcome = String(metadata.outcome ?? (status === 'tool_complete' ? 'ok' : 'error'));
      this.#tools.set(callId, { ...call, outcome, seconds: number(step, 'seconds') ?? null });
    } else if (metadata.progress) {
      this.#tools.set(callId, { ...call, progress: metadata.progress as ToolCall['progress'] });
    }
  }
}

/** Returns the questions in the metadata of a step `waiting`; none if they were too large to be recorded. */
const questions = (asked: unknown): Question[] =>
  (Array.isArray(asked) ? asked : [])
    .filter((each) => typeof each?.id === 'string')
    .map(({ id, name, reason = null }) => ({ id, name: String(name ?? ''), reason }));
