/** The transport of examples/use-chat, on a real local socket. The example's page is tested in a browser. */
import type { UIMessageChunk } from 'ai';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { messagesOf, RuncastTransport } from '../../../examples/use-chat/runcast-transport.ts';
import { createRuncast, type ListedRun, type Runcast } from '../src/index.js';
import { FakeRecord, FakeRuncast } from './fake.js';

Object.assign(globalThis, { WebSocket });

const CHAT = 'a6f0c8f2-5a37-4d92-9d3c-1f1f8f9e8f10';

let server: FakeRuncast;
let runcast: Runcast;

beforeEach(async () => {
  server = await new FakeRuncast().listen();
  runcast = createRuncast({ config: server.config, auth: server });
});
afterEach(() => server.close());

/** Reconnects to a run that has recorded one step. */
function reconnected(abortSignal = new AbortController().signal) {
  const run = (server.own = new FakeRecord(server, 'run-1'));
  run.record('agent_invoking');
  server.conversation = { conversationId: CHAT, messages: [], messagesOmitted: 0, runs: [], openRun: 'run-1' };
  const stream = new RuncastTransport({ runcast, agent: 'terrain' }).reconnectToStream({ chatId: CHAT, abortSignal });
  return { run, stream };
}

test('without live text, the answer is the result', async () => {
  const { run, stream } = reconnected();
  run.end('complete', { text: 'It is flat.', facts: {} });
  const reader = (await stream)!.getReader();
  const chunks: UIMessageChunk[] = [];
  for (let next; !(next = await reader.read()).done; chunks.push(next.value));
  expect(chunks.map(({ type }) => type)).toEqual(['start', 'text-start', 'text-delta', 'text-end', 'finish']);
  expect(chunks[2]).toMatchObject({ delta: 'It is flat.' });
});

/** Sends a message with a picture. */
function sendPicture(runcast: Runcast, abortSignal?: AbortSignal) {
  const text = { type: 'text' as const, text: 'What is this?' };
  const file = { type: 'file' as const, mediaType: 'image/png', filename: 'map.png', url: `data:image/png;base64,${btoa('a map')}` };
  const messages = [{ id: 'm1', role: 'user' as const, parts: [text, file] }];
  const transport = new RuncastTransport({ runcast, agent: 'terrain' });
  return transport.sendMessages({ trigger: 'submit-message', chatId: CHAT, messageId: undefined, messages, abortSignal });
}

test('a stop during the uploads starts nothing', async () => {
  let store = () => {};
  server.stored = new Promise((resolve) => (store = () => resolve(true)));
  const abort = new AbortController();
  const starts: unknown[] = [];
  const start: Runcast['start'] = (run) => (starts.push(run), runcast.start(run));
  const stream = sendPicture({ ...runcast, start }, abort.signal);
  await vi.waitFor(() => expect(server.uploads).toHaveLength(1), { timeout: 10_000 });
  abort.abort();
  store();
  await expect(stream).rejects.toMatchObject({ name: 'AbortError' });
  expect(starts).toEqual([]);
});

test('the files of a message become attachments', async () => {
  server.started = () => server.own!.end();
  const stream = await sendPicture(runcast);
  await vi.waitFor(() => expect(server.requests.map(({ field }) => field)).toContain('startAgentRun'), { timeout: 10_000 });
  const sent = new Map(server.requests.map(({ field, variables }) => [field, variables]));
  expect(sent.get('createUpload')).toEqual({ name: 'map.png', contentType: 'image/png', bytes: 5 });
  expect(sent.get('startAgentRun')).toMatchObject({ query: 'What is this?', attachments: ['attachment-map.png'] });
  await stream.cancel();
});

test('an abort ends the stream, and watching its run', async () => {
  const abort = new AbortController();
  const { stream } = reconnected(abort.signal);
  const reader = (await stream)!.getReader();
  expect((await reader.read()).value).toMatchObject({ type: 'start', messageId: 'run-1' });
  abort.abort();
  await expect(reader.read()).rejects.toMatchObject({ name: 'AbortError' });
});

test('an abort while the conversation is loading opens no stream', async () => {
  const abort = new AbortController();
  const { stream } = reconnected(abort.signal);
  abort.abort();
  await expect(stream).rejects.toMatchObject({ name: 'AbortError' });
  expect(server.requests.map(({ field }) => field)).toEqual(['getConversation']);
});

test('a message keeps its id when older ones are left out', () => {
  const messages = ['Where?', 'In the north.'].map((text) => ({ role: 'user', text, attachments: null }));
  const runs = [{ requestId: 'run-1', query: 'Why?' } as ListedRun];
  const conversation = { conversationId: CHAT, agent: 'terrain', title: '', lastTurnAt: 0, expiresAt: 0, openRun: 'run-1', runs };
  const ids = (messagesOmitted: number) => messagesOf({ ...conversation, messages: messages.slice(messagesOmitted), messagesOmitted }).map(({ id }) => id);
  expect(ids(0)).toEqual([`${CHAT}/0`, `${CHAT}/1`, 'run-1/query']);
  expect(ids(1)).toEqual([`${CHAT}/1`, 'run-1/query']);
});
