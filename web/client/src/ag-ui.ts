/**
 * An AG-UI 1.0 agent for frontends such as CopilotKit: each AG-UI thread is a conversation of Runcast.
 *
 * A question ends the AG-UI run with an interrupt, and the answer begins the next one, while the run of Runcast goes on. After a
 * reload, `connectAgent` gives the earlier turns as one snapshot, and then the open run from its first step.
 */
import { AbstractAgent, type AgentConfig, type BaseEvent, type InputContent, type Message, type RunAgentInput } from '@ag-ui/client';
import { chatMessages, eachView, type Runcast, RuncastError, upload, type Watch } from '@runcast/client';
import { Observable } from 'rxjs';
import { AgUiEvents } from './ag-ui-events.js';

export interface RuncastAgentConfig extends AgentConfig {
  readonly runcast: Runcast;
  /** The name of the agent that runs. */
  readonly agent: string;
}

/** A run that is followed, and its translation so far. */
interface Followed {
  readonly watch: Watch;
  readonly events: AgUiEvents;
}

/** Runs an agent of Runcast. `threadId` is the id of the conversation: a UUID. */
export class RuncastAgent extends AbstractAgent {
  readonly #config: RuncastAgentConfig;
  /** The last run of the thread. */
  #followed: Followed | undefined;
  /** Keeps the run from starting whose files are being uploaded. */
  #stopUploads = () => {};

  constructor(config: RuncastAgentConfig) {
    super(config);
    this.#config = config;
  }

  /**
   * Starts a run with the last user message, or answers the open questions with `input.resume`.
   *
   * Unsubscribing stops watching; the run goes on. `abortRun` cancels it, or keeps it from starting while its files are uploaded.
   */
  run(input: RunAgentInput): Observable<BaseEvent> {
    return this.#stream(input, async () => {
      if (input.tools.length) {
        const names = input.tools.map(({ name }) => name).join(', ');
        throw new RuncastError('BadRequest', `Runcast runs tools in its agents, not in the page. Remove these frontend tools: ${names}.`);
      }
      if (input.resume?.length) return this.#resume(input.resume);
      const { runcast, agent } = this.#config;
      const { query, files } = lastTurn(input.messages);
      const stopped = new Promise<null>((resolve) => (this.#stopUploads = () => resolve(null)));
      const attachments = await Promise.race([stopped, Promise.all(files.map((file) => upload(runcast, file)))]);
      if (!attachments) return 'cancelled';
      const turn = { agent, query, conversationId: input.threadId, ...(attachments.length > 0 && { attachments }) };
      return (this.#followed = follow(runcast.start(turn)));
    });
  }

  protected override connect(input: RunAgentInput): Observable<BaseEvent> {
    return this.#stream(input, async (emit) => {
      const { runcast } = this.#config;
      const conversation = await runcast.conversation(input.threadId);
      const messages = conversation ? chatMessages(conversation).map(({ text, ...message }) => ({ ...message, content: text })) : [];
      emit({ type: 'MESSAGES_SNAPSHOT', messages } as BaseEvent);
      return conversation?.openRun ? (this.#followed = follow(runcast.watch(conversation.openRun))) : 'success';
    });
  }

  /** Cancels the run. Its stream ends when the agent has stopped. */
  override abortRun(): void {
    this.#stopUploads();
    // A run that has ended needs no cancel.
    this.#followed?.watch.cancel().catch(() => {});
  }

  override clone(): RuncastAgent {
    const { agentId, description, threadId, messages, state } = this;
    const copied = { ...this.#config, description, threadId, initialMessages: structuredClone(messages), initialState: structuredClone(state) };
    const clone = new RuncastAgent(agentId === undefined ? copied : { ...copied, agentId });
    clone.#followed = this.#followed;
    clone.#stopUploads = this.#stopUploads;
    return clone;
  }

  async #resume(answers: NonNullable<RunAgentInput['resume']>): Promise<Followed> {
    const followed = this.#followed;
    if (!followed) throw new RuncastError('Conflict', 'There is no run to resume: connect to the thread first.');
    if (answers.some(({ status }) => status === 'cancelled')) await followed.watch.cancel();
    else await followed.watch.answer(Object.fromEntries(answers.map(({ interruptId, payload }) => [interruptId, payload])));
    return followed;
  }

  /** `begin` returns the run to follow, or how the stream ends without one. */
  #stream(input: RunAgentInput, begin: (emit: (event: BaseEvent) => void) => Promise<Followed | 'success' | 'cancelled'>): Observable<BaseEvent> {
    const run = { threadId: input.threadId, runId: input.runId };
    return new Observable((out) => {
      let stop = () => {};
      const pass = async () => {
        const followed = await begin((event) => out.next(event));
        if (out.closed) return;
        if (typeof followed === 'string') {
          out.next({ type: 'RUN_FINISHED', ...run, outcome: { type: followed } } as BaseEvent);
          return out.complete();
        }
        stop = eachView(followed.watch, (view) => {
          const { events, over } = followed.events.after(view, run);
          for (const event of events) out.next(event);
          if (over) out.complete();
          return out.closed;
        });
      };
      out.next({ type: 'RUN_STARTED', ...run } as BaseEvent);
      pass().catch((error: unknown) => out.error(error));
      return () => stop();
    });
  }
}

const follow = (watch: Watch): Followed => ({ watch, events: new AgUiEvents(watch.id) });

/**
 * Returns the last message of the user: its text, and its images and documents as files.
 *
 * @throws RuncastError - It has no text, or a part that Runcast does not take.
 */
function lastTurn(messages: readonly Message[]): { query: string; files: File[] } {
  const content = messages.findLast(({ role }) => role === 'user')?.content;
  const parts = Array.isArray(content) ? content : [];
  const query = typeof content === 'string' ? content : parts.map((part) => ('text' in part ? part.text : '')).join('\n').trim();
  if (!query) throw new RuncastError('BadRequest', 'The last user message has no text.');
  return { query, files: parts.filter(({ type }) => type !== 'text').map(fileOf) };
}

function fileOf(part: InputContent, index: number): File {
  const source = 'source' in part ? part.source : undefined;
  const filename: unknown = part.metadata?.filename;
  const name = typeof filename === 'string' ? filename : `${part.type}-${index + 1}`;
  if (source?.type !== 'data') {
    throw new RuncastError('BadRequest', `Runcast takes attachments only with their data. Send the data of ${name}, not a reference to it.`);
  }
  return new File([Uint8Array.from(atob(source.value), (byte) => byte.charCodeAt(0))], name, { type: source.mimeType });
}
