/** The steps that a watch shows, and the tool calls, the questions and the text that follow from them. */
import { number, type Step } from './step.js';
import { LiveText } from './text.js';
import type { Question, RunView, ToolCall } from './view.js';

const CALL_ENDS = /^tool_(complete|error)$/;
/** After these steps of a run, its worker does nothing more, so its calls in flight get no end. */
const WORKER_ENDS = /^(continuing|agent_error|cancelled)$/;

export interface Shown {
  /** Adds a step. `own`: whether it belongs to the watched run or job itself, not to a job's run. */
  add(step: Step, own: boolean): void;
  /** Returns the steps in order, and what follows from them. `questions` are those of the last recorded step. */
  look(): Pick<RunView, 'steps' | 'tools' | 'questions' | 'text'>;
}

export function createShown(): Shown {
  /** By the ids of the steps. Two connections overlap when a token is renewed, and both deliver. */
  const entries = new Map<string, { at: number; step: Step }>();
  /** The latest time in each record, so that sorting by time keeps each record's order. */
  const latest = new Map<string, number>();
  const calls = new Map<string, ToolCall>();
  /** What each agent has said, by its `parentSeq`. */
  const texts = new Map<number | undefined, LiveText>();
  let lastText: LiveText | undefined;
  let steps: readonly Step[] = [];
  let tools: readonly ToolCall[] = [];
  let questions: readonly Question[] = [];
  let changed = false;

  function addText(step: Step): void {
    const offset = number(step, 'offset');
    if (step.status !== 'text' || offset === undefined) return;
    const agent = number(step, 'parentSeq');
    lastText = texts.get(agent) ?? new LiveText();
    texts.set(agent, lastText);
    lastText.add(offset, step.message);
  }

  function addCall(step: Step): void {
    const { id, requestId, status, agentName, timestamp, metadata } = step;
    if (status === 'calling_tool') {
      const name = step.toolName ?? '';
      calls.set(id, { id, requestId, name, agentName, outcome: null, timestamp, seconds: null, progress: null });
    }
    if (WORKER_ENDS.test(status) && !metadata.parentSeq) {
      for (const [key, call] of calls) {
        if (call.requestId === requestId) calls.set(key, { ...call, outcome: call.outcome ?? 'unknown' });
      }
    }
    const callId = `${requestId}/${number(step, 'parentSeq')}`;
    const call = calls.get(callId);
    if (!call) return;
    if (CALL_ENDS.test(status)) {
      const outcome = String(metadata.outcome ?? (status === 'tool_complete' ? 'ok' : 'error'));
      calls.set(callId, { ...call, outcome, seconds: number(step, 'seconds') ?? null });
    } else if (metadata.progress) {
      calls.set(callId, { ...call, progress: metadata.progress as ToolCall['progress'] });
    }
  }

  return {
    add(step, own) {
      const { id, requestId, seq, status, timestamp, metadata } = step;
      if (own) addText(step);
      if (own && seq !== null) questions = status === 'waiting' ? asked(metadata.interrupts) : [];
      // A delta is text in flight, which a step will repeat.
      if ((seq === null && status === 'text') || entries.has(id)) return;
      changed = true;
      addCall(step);
      const before = latest.get(requestId) ?? 0;
      const at = seq === null ? before : Math.max(before, timestamp);
      latest.set(requestId, at);
      entries.set(id, { at, step });
    },
    look() {
      if (changed) {
        changed = false;
        steps = [...entries.values()].sort((a, b) => a.at - b.at).map(({ step }) => step);
        tools = [...calls.values()];
      }
      // Of several agents that have no common one, what the last one has said.
      return { steps, tools, questions, text: (texts.get(undefined) ?? lastText)?.text ?? '' };
    },
  };
}

/** Returns the questions in the metadata of a step `waiting`; none if they were too large to be recorded. */
const asked = (interrupts: unknown): Question[] =>
  (Array.isArray(interrupts) ? interrupts : [])
    .filter((each) => typeof each?.id === 'string')
    .map(({ id, name, reason = null }) => ({ id, name: String(name ?? ''), reason }));
