/**
 * Translates the views of one run into AG-UI 1.0 events.
 *
 * AG-UI events have no numbers, so only recorded steps are translated, each once and in order. The ids of messages and tool
 * calls derive from their steps, so a replay gives the same events.
 */
import type { BaseEvent, Interrupt } from '@ag-ui/client';
import { ended, type RunView, type Step, type ToolCall } from '@runcast/client';

/** The names of AG-UI's events; its enum would bring its whole package into the bundle. */
type Type = `${BaseEvent['type']}`;

/** Which AG-UI run the events belong to. An interrupt ends one, and the answer begins the next. */
export interface AgUiRun {
  readonly threadId: string;
  readonly runId: string;
}

export class AgUiEvents {
  /** The `seq` of the last translated step. */
  #seq = 0;
  /** How much of the agent's text has been translated. */
  #textLength = 0;
  #message: string | undefined;
  #messages = 0;
  #thinking = false;
  /** Whether agents that the run's agent uses have said something. */
  #othersSpeak = false;
  /** The last step at the last interrupt: an answered question may still be open in the next view. */
  #askedSeq = 0;
  readonly #calls = new Set<string>();

  constructor(readonly requestId: string) {}

  /** Returns the events that follow from a new view; `over` if the last of them ends the AG-UI run. */
  after(view: RunView, run: AgUiRun): { events: BaseEvent[]; over: boolean } {
    const events: BaseEvent[] = [];
    const emit = (type: Type, fields: object = {}) => void events.push({ type, ...fields } as BaseEvent);
    // A watch that was idle begins again with the first step.
    for (const step of view.steps) if (step.seq !== null && step.seq > this.#seq) this.#translate(step, emit);
    if (!this.#othersSpeak) this.#say(view.text, 0, emit);
    const over = this.#end(view, run, emit);
    return { events, over };
  }

  #translate(step: Step, emit: Emit): void {
    const { id, seq, requestId, status, message, metadata, timestamp } = step;
    this.#seq = seq!;
    const parent = typeof metadata.parentSeq === 'number' ? `${requestId}/${metadata.parentSeq}` : null;
    if (status === 'text') {
      if (parent === null) this.#say(message, Number(metadata.offset ?? this.#textLength), emit);
      else this.#othersSpeak = true;
      return;
    }
    this.#close(emit);
    if (status === 'thinking' && parent === null) {
      this.#thinking = true;
      emit('STEP_STARTED', { stepName: 'thinking', timestamp });
    } else if (status === 'calling_tool') {
      this.#calls.add(id);
      emit('TOOL_CALL_START', { toolCallId: id, toolCallName: step.toolName ?? 'tool', timestamp });
    } else if (parent !== null && this.#calls.has(parent) && ['tool_complete', 'tool_error'].includes(status)) {
      this.#endCall(parent, metadata, emit);
    } else if (parent !== null && metadata.progress) {
      const content = { ...(metadata.progress as ToolCall['progress']), message };
      emit('ACTIVITY_SNAPSHOT', { messageId: `${parent}/progress`, activityType: 'runcast.progress', content, timestamp });
    } else if (!['agent_complete', 'agent_error', 'cancelled', 'waiting'].includes(status)) {
      emit('CUSTOM', { name: `runcast.${status}`, value: { seq, message }, timestamp });
    }
  }

  /** Emits the part of a text that is new. `offset`: where it begins in all that the agent has said. */
  #say(text: string, offset: number, emit: Emit): void {
    const piece = text.slice(Math.max(0, this.#textLength - offset));
    if (!piece || offset > this.#textLength) return;
    if (this.#message === undefined) {
      this.#close(emit);
      this.#message = `${this.requestId}/text-${++this.#messages}`;
      emit('TEXT_MESSAGE_START', { messageId: this.#message, role: 'assistant' });
    }
    emit('TEXT_MESSAGE_CONTENT', { messageId: this.#message, delta: piece });
    this.#textLength += piece.length;
  }

  /** Ends the text and the thinking that precede a step. */
  #close(emit: Emit): void {
    if (this.#thinking) emit('STEP_FINISHED', { stepName: 'thinking' });
    if (this.#message !== undefined) emit('TEXT_MESSAGE_END', { messageId: this.#message });
    this.#thinking = false;
    this.#message = undefined;
  }

  #endCall(toolCallId: string, metadata: Step['metadata'], emit: Emit): void {
    this.#calls.delete(toolCallId);
    if (metadata.input !== undefined) emit('TOOL_CALL_ARGS', { toolCallId, delta: asText(metadata.input) });
    emit('TOOL_CALL_END', { toolCallId });
    const content = asText(metadata.result ?? metadata.outcome ?? '');
    emit('TOOL_CALL_RESULT', { messageId: `${toolCallId}/result`, toolCallId, content, role: 'tool' });
  }

  #end(view: RunView, run: AgUiRun, emit: Emit): boolean {
    const { status, upToDate, result, refused, questions, error, reason } = view;
    const failed = refused || status === 'not-found';
    const asks = status === 'waiting' && questions.length > 0 && this.#seq > this.#askedSeq;
    if (!failed && !(upToDate && (asks || ended(status)))) return false;
    const finish = (outcome: object, fields: object = {}) => emit('RUN_FINISHED', { ...run, outcome, ...fields });
    this.#closeAll(emit);
    if (failed) {
      emit('RUN_ERROR', { message: refused?.message ?? 'You have no such run.', code: refused?.type ?? status });
    } else if (asks) {
      this.#askedSeq = this.#seq;
      finish({ type: 'interrupt', interrupts: questions.map(interruptOf) });
    } else if (status === 'complete') {
      this.#showResult(result, emit);
      finish({ type: 'success' }, result === undefined ? {} : { result });
    } else if (status === 'error') {
      emit('RUN_ERROR', { message: error ?? 'The run has failed.', ...(reason !== undefined && { code: reason }) });
    } else {
      finish({ type: 'cancelled' });
    }
    return true;
  }

  /** An agent's result has `text` and `facts`, unless it is any other JSON. */
  #showResult(result: unknown, emit: Emit): void {
    const parts = typeof result === 'object' && result !== null && 'facts' in result ? result : {};
    const { text, facts }: { text?: unknown; facts?: unknown } = typeof result === 'string' ? { text: result } : parts;
    // Without live text, the answer is in the result alone.
    if (typeof text === 'string' && !this.#textLength) this.#say(text, 0, emit);
    this.#close(emit);
    if (facts !== undefined) emit('STATE_SNAPSHOT', { snapshot: { facts } });
  }

  /** A tool call has no end of its own if the run ended while the tool was running. */
  #closeAll(emit: Emit): void {
    this.#close(emit);
    for (const toolCallId of this.#calls) emit('TOOL_CALL_END', { toolCallId });
    this.#calls.clear();
  }
}

type Emit = (type: Type, fields?: object) => void;

const interruptOf = ({ id, name, reason }: RunView['questions'][number]): Interrupt => ({
  id,
  reason: name,
  ...(reason !== null && { message: asText(reason), metadata: { reason } }),
});

const asText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
