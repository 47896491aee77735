/**
 * A transport of the AI SDK's `useChat` to a Runcast agent: each chat is a conversation, and each answer is a run.
 *
 * The stream of an answer is only a view of its run. `stop()` ends the stream, and a run that has started continues;
 * `runcast.watch(runId).cancel()` cancels the run.
 */
import { answerOf, chatMessages, type Conversation, eachView, ended, type Question, type Runcast, type RunView, type Step, upload, type Watch } from '@runcast/client';
import type { ChatTransport, FileUIPart, InferUIMessageChunk, UIMessage } from 'ai';

/** An answer has the id of its run, and the open questions of the run. */
export type RunMessage = UIMessage<{ runId: string }, { questions: readonly Question[] }>;

type Chunk = InferUIMessageChunk<RunMessage>;
type Send = (chunk: Chunk) => void;

export class RuncastTransport implements ChatTransport<RunMessage> {
  /** A reconnected stream begins with the first step of the run. */
  readonly resumeStreamIsReplay = true;
  private readonly runcast: Runcast;
  private readonly agent: string;

  constructor({ runcast, agent }: { runcast: Runcast; agent: string }) {
    this.runcast = runcast;
    this.agent = agent;
  }

  /** Starts the next turn. `chatId` is the id of the conversation: a UUID. */
  sendMessages: ChatTransport<RunMessage>['sendMessages'] = async ({ trigger, chatId, messages, abortSignal }) => {
    if (trigger !== 'submit-message') throw new Error('A turn cannot be replaced. Send another message.');
    const { parts } = messages.at(-1)!;
    const query = parts.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n');
    const files = parts.flatMap((part) => (part.type === 'file' ? [fileOf(part)] : []));
    const attachments = await Promise.all(files.map(async (file) => upload(this.runcast, await file)));
    abortSignal?.throwIfAborted(); // stopped during the uploads, so nothing is started
    const turn = { agent: this.agent, query, conversationId: chatId, ...(attachments.length > 0 && { attachments }) };
    return streamOf(this.runcast.start(turn), abortSignal);
  };

  /** Follows the open run of the conversation, for example after a reload. */
  reconnectToStream: ChatTransport<RunMessage>['reconnectToStream'] = async ({ chatId, abortSignal }) => {
    const conversation = await this.runcast.conversation(chatId);
    return conversation?.openRun ? streamOf(this.runcast.watch(conversation.openRun), abortSignal) : null;
  };
}

/** Returns the messages of a conversation and the query of its open run, for `useChat`. */
export const messagesOf = (conversation: Conversation): RunMessage[] =>
  chatMessages(conversation).map(({ id, role, text }) => ({ id, role, parts: [{ type: 'text', text }] }));

/** Returns a file of a message, whose data is in its address. */
async function fileOf({ url, filename = 'file', mediaType: type }: FileUIPart): Promise<File> {
  return new File([await (await fetch(url)).blob()], filename, { type });
}

function streamOf(watch: Watch, abortSignal: AbortSignal | undefined): ReadableStream<Chunk> {
  abortSignal?.throwIfAborted();
  let stop = () => {};
  return new ReadableStream({
    start(controller) {
      const answer = new Answer(watch.id, (chunk) => controller.enqueue(chunk));
      stop = eachView(watch, (view) => {
        const over = answer.show(view);
        if (over) controller.close();
        return over;
      });
      abortSignal?.addEventListener('abort', () => {
        stop();
        controller.error(abortSignal.reason);
      });
    },
    cancel: () => stop(),
  });
}

/** Translates the views of a run into the chunks of one message. */
class Answer {
  private readonly runId: string;
  private readonly send: Send;
  private seq = 0;
  private text = '';
  private textId: string | null = null;
  private questions = '[]';

  constructor(runId: string, send: Send) {
    this.runId = runId;
    this.send = send;
    send({ type: 'start', messageId: runId, messageMetadata: { runId } });
  }

  /** Sends what is new in a view; returns whether the message is complete. */
  show(view: RunView): boolean {
    for (const step of view.steps) if (step.seq !== null && step.seq > this.seq) this.showStep(step);
    this.showText(view.text);
    this.showQuestions(view.questions);
    const { status, error, refused } = view;
    if (refused || status === 'not-found') {
      this.send({ type: 'error', errorText: refused?.message ?? 'You have no such run.' });
      return true;
    }
    if (!view.upToDate || !ended(status)) return false;
    if (status === 'complete') this.showText(answerOf(view));
    this.endText();
    if (status === 'complete') this.send({ type: 'finish' });
    else this.send(status === 'error' ? { type: 'error', errorText: error ?? 'The run has failed.' } : { type: 'abort' });
    return true;
  }

  private showStep({ seq, id, requestId, status, toolName, metadata }: Step): void {
    this.seq = seq!;
    const toolCallId = status === 'calling_tool' ? id : `${requestId}/${String(metadata.parentSeq)}`;
    if (status === 'calling_tool') {
      this.endText();
      this.send({ type: 'tool-input-start', toolCallId, toolName: toolName ?? 'tool', dynamic: true });
    } else if (status === 'tool_complete' || status === 'tool_error') {
      // Only agents with `tool_io=True` record inputs and results.
      this.send({ type: 'tool-input-available', toolCallId, toolName: toolName ?? 'tool', input: metadata.input ?? {}, dynamic: true });
      const output = metadata.result ?? metadata.outcome;
      if (status === 'tool_complete') this.send({ type: 'tool-output-available', toolCallId, output, dynamic: true });
      else this.send({ type: 'tool-output-error', toolCallId, errorText: String(metadata.outcome), dynamic: true });
    }
  }

  private showText(text: string): void {
    const delta = text.slice(this.text.length);
    if (!delta) return;
    if (this.textId === null) {
      this.textId = `${this.runId}/${this.text.length}`;
      this.send({ type: 'text-start', id: this.textId });
    }
    this.send({ type: 'text-delta', id: this.textId, delta });
    this.text = text;
  }

  private endText(): void {
    if (this.textId !== null) this.send({ type: 'text-end', id: this.textId });
    this.textId = null;
  }

  /** A data part with the same id replaces the one before, so answered questions disappear. */
  private showQuestions(questions: readonly Question[]): void {
    const json = JSON.stringify(questions);
    if (json === this.questions) return;
    this.questions = json;
    this.send({ type: 'data-questions', id: `${this.runId}/questions`, data: questions });
  }
}
