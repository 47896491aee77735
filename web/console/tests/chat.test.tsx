// @vitest-environment happy-dom
/** The page of a chat, on a real local socket. Its look and its use by keyboard are tested in a browser. */
import { createRuncast, type Message, type Runcast } from '@runcast/client';
import { RuncastProvider } from '@runcast/react';
import { act, cleanup, configure, fireEvent, render, renderHook, screen, waitFor } from '@testing-library/react';
import { type ReactNode } from 'react';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { FakeRecord, FakeRuncast } from '../../client/tests/fake.js';
import { useAttachments } from '../src/attachments.ts';
import { ChatPage } from '../src/chat-page.tsx';

Object.assign(globalThis, { WebSocket, fetch: globalThis.fetch });
configure({ asyncUtilTimeout: 10_000 });

const CHAT = { conversationId: 'c-1', agent: 'terrain', title: 'Where?', messages: [], messagesOmitted: 0, runs: [], openRun: null };
const OPEN = { ...CHAT, openRun: 'run-1', runs: [{ requestId: 'run-1', status: 'in_progress', query: 'And why?' }] };

let server: FakeRuncast;
let runcast: Runcast;

beforeEach(async () => {
  server = await new FakeRuncast().listen();
  runcast = createRuncast({ config: server.config, auth: server });
});

afterEach(() => {
  cleanup();
  server.close();
});

function show(runcast: Runcast): Element {
  const page = <ChatPage id="c-1" onConnection={() => {}} onChange={() => {}} />;
  return render(<RuncastProvider runcast={runcast}>{page}</RuncastProvider>).container;
}
const said = (page: Element) => [...page.querySelectorAll('.message')].map(({ lastChild }) => lastChild!.textContent);
const field = () => screen.getByRole<HTMLTextAreaElement>('textbox', { name: 'Message' });
const starts = () => server.requests.filter(({ field }) => field === 'startAgentRun').map(({ variables }) => variables);

async function send(text: string): Promise<void> {
  const button = screen.getByRole<HTMLButtonElement>('button', { name: 'Send' });
  await waitFor(() => expect(button.disabled).toBe(false));
  if (text) fireEvent.change(field(), { target: { value: text } });
  fireEvent.click(button);
}

test('live text renders none of the earlier messages', async () => {
  let rendered = 0;
  const message = (index: number): Message => ({
    role: 'user',
    attachments: null,
    get text() {
      rendered++;
      return `Message ${index}`;
    },
  });
  server.conversation = OPEN;
  const messages = Array.from({ length: 200 }, (_, index) => message(index));
  const run = (server.own = new FakeRecord(server, 'run-1'));
  run.record('agent_invoking');
  const conversation: Runcast['conversation'] = async (id) => ({ ...(await runcast.conversation(id))!, messages });
  const page = show({ ...runcast, conversation });
  await waitFor(() => expect(said(page)).toHaveLength(201));
  await waitFor(() => expect(server.subscriptions.size).toBe(1));

  const before = rendered;
  for (const [text, offset] of [['It', 0], [' is', 2], [' flat.', 5]] as const) {
    run.step('text', text, { offset });
    await waitFor(() => expect(said(page).at(-1)!.endsWith(text)).toBe(true));
  }
  expect(said(page).slice(-2)).toEqual(['And why?', 'It is flat.']);
  expect(rendered).toBe(before);
});

test('messages and the turn in progress name their files, as text', async () => {
  const hostile = '<img src=x>\u202e.png';
  server.conversation = { ...OPEN, messages: [{ role: 'user', text: 'Where?', attachments: [hostile, 'b.md'] }, { role: 'assistant', text: 'There.', attachments: null }] };
  const run = (server.own = new FakeRecord(server, 'run-1'));
  run.record('agent_invoking');
  run.step('attachments', 'Reading map.png', { attachments: ['map.png'] });
  const page = show(runcast);

  const attached = () => [...page.querySelectorAll('.message')].map((message) => message.querySelector('small')?.lastChild!.textContent ?? null);
  await waitFor(() => expect(attached()).toEqual([`${hostile}, b.md`, null, 'map.png']));
  expect(said(page)).toEqual(['Where?', 'There.', 'And why?']);
  expect(page.querySelector('img')).toBeNull();
});

test('a message that another turn keeps from being sent shows that turn live, and can be sent after it', async () => {
  server.conversation = CHAT;
  const page = show(runcast);
  await screen.findByRole('heading', { name: 'Where?' });
  await waitFor(() => expect(server.requests).toHaveLength(2));
  const other = new FakeRecord(server, 'run-1');
  server.conversation = OPEN;
  server.own = other;
  other.record('agent_invoking');
  server.troubles = [{ errors: [{ errorType: 'Conflict', message: 'This conversation has the open run run-1.' }] }];
  await send('My question?');

  await waitFor(() => expect(said(page)).toEqual(['And why?']));
  expect(field().value).toBe('My question?');
  expect(page.querySelector('.composer .notice')!.textContent).toContain('was not sent, because another turn was in progress');
  await waitFor(() => expect(server.subscriptions.size).toBeGreaterThan(0));
  other.step('text', 'Because.', { offset: 0 });
  await waitFor(() => expect(said(page)).toEqual(['And why?', 'Because.']));

  server.conversation = { ...CHAT, messages: [{ role: 'user', text: 'And why?' }], runs: [{ ...OPEN.runs[0], status: 'complete' }] };
  other.end();
  other.send(3);
  await send('');
  await waitFor(() => expect(starts().map(({ query }) => query)).toEqual(['My question?', 'My question?']));
  expect(page.querySelector('.composer .notice')).toBeNull();
  expect(field().value).toBe('');
});

test('a chat has the fields of its agent, and sends what they have with each message', async () => {
  const properties = { turbines: { type: 'integer' }, area: { type: 'array' } };
  server.agents = [
    { name: 'plain', description: '', parametersSchema: null },
    { name: 'terrain', description: '', parametersSchema: JSON.stringify({ properties }) },
  ];
  const page = show(runcast);
  await screen.findByRole('option', { name: 'terrain' });
  fireEvent.change(screen.getByRole('combobox'), { target: { value: 'terrain' } });
  const fields = page.querySelector<HTMLDetailsElement>('.parameters')!;
  expect(fields.open).toBe(true);
  fireEvent.change(screen.getByLabelText('turbines'), { target: { value: '20' } });
  fireEvent.change(screen.getByLabelText('area'), { target: { value: 'here' } });
  await send('Where?');
  expect(page.querySelector('.composer .notice')!.textContent).toMatch(/^area: this is not JSON/);

  fireEvent.change(screen.getByLabelText('area'), { target: { value: '[1, 2]' } });
  await send('');
  await waitFor(() => expect(starts()).toHaveLength(1));
  expect(starts()[0]).toMatchObject({ agent: 'terrain', query: 'Where?', parameters: '{"turbines":20,"area":[1,2]}' });
  // Later messages need them less often.
  await waitFor(() => expect(fields.open).toBe(false));
});

test('files are uploaded while the user writes, and a message that was refused keeps them', async () => {
  server.agents = [{ name: 'terrain', description: '', parametersSchema: null, attachments: true }];
  server.conversation = CHAT;
  const page = show(runcast);
  const input = await screen.findByLabelText<HTMLInputElement>('Attach files');
  server.uploadStatus = 503;
  fireEvent.change(input, { target: { files: [new File(['A map'], 'map.png'), new File(['x'], 'run.exe')] } });
  fireEvent.change(field(), { target: { value: 'What is this?' } });
  expect(page.querySelector('.attachments .notice')!.textContent).toContain('run.exe is of another type');
  const again = await screen.findByRole('button', { name: 'Upload map.png again' });
  fireEvent.keyDown(field(), { key: 'Enter' });
  server.uploadStatus = 204;
  fireEvent.click(again);
  await waitFor(() => expect(server.uploads).toHaveLength(2));
  expect(starts()).toEqual([]);
  expect(page.querySelector('.attachment')!.textContent).toContain('map.png5 bytes');

  server.troubles = [{ errors: [{ errorType: 'TooManyRequests', message: 'Later.' }] }];
  await send('');
  await waitFor(() => expect(page.querySelector('.composer > .notice')!.textContent).toBe('Your message was not sent. Later.'));
  await send('');
  await waitFor(() => expect(starts().map(({ attachments }) => attachments)).toEqual([['attachment-map.png'], ['attachment-map.png']]));
  await waitFor(() => expect(page.querySelector('.attachment')).toBeNull());
});

test('an upload that ends while a file is added or removed keeps its id', async () => {
  let store = () => {};
  server.stored = new Promise((resolve) => (store = () => resolve(true)));
  const wrapper = ({ children }: { children: ReactNode }) => <RuncastProvider runcast={runcast}>{children}</RuncastProvider>;
  const { result } = renderHook(useAttachments, { wrapper });
  act(() => result.current.add([new File(['A'], 'a.png'), new File(['B'], 'b.png')]));
  const rendered = result.current;
  store();
  const ids = () => result.current.all.map(({ id }) => id);
  await waitFor(() => expect(ids()).toEqual(['attachment-a.png', 'attachment-b.png']));

  act(() => rendered.remove(rendered.all[1]!));
  act(() => rendered.add([new File(['C'], 'c.png')]));
  await waitFor(() => expect(ids()).toEqual(['attachment-a.png', 'attachment-c.png']));
});

test('an agent without attachments refuses a file that is dropped on its chat', async () => {
  server.agents = [{ name: 'terrain', description: '', parametersSchema: null, attachments: false }];
  server.conversation = CHAT;
  const page = show(runcast);
  await screen.findByRole('heading', { name: 'Where?' });
  const event = new Event('drop', { bubbles: true, cancelable: true });
  Object.assign(event, { dataTransfer: { files: [new File(['A map'], 'map.png')], types: ['Files'] } });
  fireEvent(page.querySelector('.messages')!, event);
  expect(event.defaultPrevented).toBe(true);
  await waitFor(() => expect(page.querySelector('.attachments .notice')!.textContent).toBe('terrain takes no attachments.'));
  expect(screen.queryByLabelText('Attach files')).toBeNull();
});
