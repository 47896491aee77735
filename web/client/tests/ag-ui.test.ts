/** Each stream passes AG-UI's own verifier, which `runAgent` and `connectAgent` apply. */
import { expect, test } from 'vitest';
import { type BaseEvent, type Interrupt, verifyEvents } from '@ag-ui/client';
import { from, lastValueFrom, toArray } from 'rxjs';
import { RuncastAgent } from '../src/ag-ui.js';
import { AgUiEvents } from '../src/ag-ui-events.js';
import { emptyView, type RunView } from '../src/index.js';
import { stepOf } from '../src/step.js';
import { FakeRecord } from './fake.js';
import { runcast, server, until } from './served.js';

const THREAD = 'a6f0c8f2-5a37-4d92-9d3c-1f1f8f9e8f10';

/** An agent with a message of the user, and the events that it gives. */
function page() {
  const agent = new RuncastAgent({ runcast, agent: 'terrain', threadId: THREAD });
  agent.setMessages([{ id: 'm1', role: 'user', content: 'Where is it flat?' }]);
  const events: BaseEvent[] = [];
  agent.subscribe({ onEvent: ({ event }) => void events.push(event) });
  return { agent, events, types: () => events.map(({ type }) => String(type)) };
}

const sent = (field: string) => server.requests.filter((request) => request.field === field).map(({ variables }) => variables);

test('a run becomes messages, tool calls with their arguments and results, and a result', async () => {
  server.started = () => {
    const run = server.own!;
    run.step('agent_invoking');
    run.step('thinking');
    const first = run.step('calling_tool', '', undefined, 'slope');
    const second = run.step('calling_tool', '', undefined, 'roughness');
    run.step('executing', 'Counting', { parentSeq: second, progress: { done: 1, total: 2 } });
    run.step('tool_error', '', { parentSeq: second, outcome: 'error', result: 'No data.' });
    run.step('tool_complete', '', { parentSeq: first, outcome: 'ok', input: { area: 'north' }, result: { degrees: 3 } });
    run.step('thinking');
    run.step('text', 'It is ', { offset: 0 });
    run.step('text', 'flat.', { offset: 6 });
    run.end('complete', { text: 'It is flat.', facts: { slope: { value: 3, unit: 'degrees' } } });
    run.send(run.steps.length);
  };
  const { agent, types } = page();

  const { result } = await agent.runAgent({ runId: 'r1' });

  expect(sent('startAgentRun')).toMatchObject([{ agent: 'terrain', query: 'Where is it flat?', conversationId: THREAD }]);
  expect(result).toMatchObject({ text: 'It is flat.' });
  expect(agent.state).toEqual({ facts: { slope: { value: 3, unit: 'degrees' } } });
  expect(types().filter((type) => type.startsWith('TOOL_CALL'))).toEqual([
    'TOOL_CALL_START', 'TOOL_CALL_START', 'TOOL_CALL_END', 'TOOL_CALL_RESULT', 'TOOL_CALL_ARGS', 'TOOL_CALL_END', 'TOOL_CALL_RESULT',
  ]);
  const texts = agent.messages.filter(({ role, content }) => role === 'assistant' && content).map(({ content }) => content);
  expect(texts).toEqual(['It is flat.']);
  const results = agent.messages.filter(({ role }) => role === 'tool').map(({ content }) => content);
  expect(results).toEqual(expect.arrayContaining(['No data.', '{"degrees":3}']));
  expect(JSON.stringify(agent.messages)).toContain('{\\"area\\":\\"north\\"}');
});

test('without live text, the answer is the result', async () => {
  server.started = () => {
    server.own!.step('agent_invoking');
    server.own!.end('complete', 'It is flat.');
    server.own!.send(2);
  };
  const { agent } = page();
  await agent.runAgent({ runId: 'r1' });
  expect(agent.messages.at(-1)).toMatchObject({ role: 'assistant', content: 'It is flat.' });
});

test('a question ends the run of AG-UI, and its answer continues the same run of Runcast', async () => {
  server.started = () => {
    server.own!.step('agent_invoking');
    server.own!.sendUpdate({ status: 'progress', message: 'It is in no record.' });
    server.own!.ask('q1', 'approve', { costs: 12 });
  };
  const { agent, events } = page();
  await agent.runAgent({ runId: 'r1' });
  const [interrupt] = agent.pendingInterrupts as Interrupt[];
  expect(interrupt).toMatchObject({ id: 'q1', reason: 'approve', message: '{"costs":12}' });

  // Nobody watches the run any more, so the answer's stream begins to read it again.
  await until(() => expect(server.subscriptions.size).toBe(0));
  const answered = agent.runAgent({ runId: 'r2', resume: [{ interruptId: 'q1', status: 'resolved', payload: { yes: true } }] });
  await until(() => expect(sent('answerAgentRun')).toHaveLength(1));
  server.own!.end('complete', 'Bought.');
  server.own!.send(4);
  await answered;

  expect(sent('answerAgentRun')[0]!.answers).toBe('{"q1":{"yes":true}}');
  expect(sent('startAgentRun')).toHaveLength(1);
  expect(agent.pendingInterrupts).toEqual([]);
  const names = events.flatMap((event) => ('name' in event ? [event.name] : []));
  expect(names).toEqual(['runcast.agent_invoking', 'runcast.answered']);
  expect(events.filter(({ type }) => type === 'RUN_FINISHED').map((event) => (event as { runId?: string }).runId)).toEqual(['r1', 'r2']);
  expect(agent.messages.at(-1)).toMatchObject({ content: 'Bought.' });
});

test('after a reload, earlier turns are one snapshot, and the open run is replayed and goes on', async () => {
  const messages = [
    { role: 'user', text: 'Where?' },
    { role: 'assistant', text: 'In the north.' },
  ];
  const runs = [{ requestId: 'run-1', query: 'Buy it.' }, { requestId: 'run-0', query: 'Where?' }];
  server.conversation = { conversationId: THREAD, messages, messagesOmitted: 0, runs, openRun: 'run-1' };
  const run = (server.own = new FakeRecord(server, 'run-1'));
  run.record('agent_invoking');
  run.ask('q1', 'approve');
  run.status = 'in_progress';
  run.record('answered');
  const { agent, types } = page();
  const connected = agent.connectAgent({ runId: 'r9' });
  await until(() => expect(types()).toContain('CUSTOM'));
  run.end('complete', 'Done.');
  run.send(4);
  await connected;

  expect(types().filter((type) => type === 'MESSAGES_SNAPSHOT')).toHaveLength(1);
  expect(agent.messages.map(({ content }) => content)).toEqual(['Where?', 'In the north.', 'Buy it.', 'Done.']);
  expect(agent.pendingInterrupts).toEqual([]);
  expect(sent('startAgentRun')).toEqual([]);
});

test('a stream that ends at once stops watching its run', async () => {
  const run = (server.own = new FakeRecord(server, 'run-1'));
  run.record('agent_invoking');
  run.ask('q1', 'approve');
  server.conversation = { conversationId: THREAD, messages: [], messagesOmitted: 0, runs: [], openRun: 'run-1' };
  const watch = runcast.watch('run-1');
  const leave = watch.subscribe(() => {});
  await until(() => expect(watch.view.questions).toHaveLength(1));

  const { agent } = page();
  await agent.connectAgent({ runId: 'r1' });
  expect(agent.pendingInterrupts).toHaveLength(1);
  expect(server.subscriptions.size).toBe(1);

  leave();
  await until(() => expect(server.subscriptions.size).toBe(0));
});

test('a thread without an open run is its messages alone', async () => {
  server.conversation = { conversationId: THREAD, messages: [{ role: 'user', text: 'Where?' }], messagesOmitted: 0, runs: [], openRun: null };
  const { agent, types } = page();
  await agent.connectAgent({ runId: 'r1' });
  expect(types()).toEqual(['RUN_STARTED', 'MESSAGES_SNAPSHOT', 'RUN_FINISHED']);
  expect(agent.messages.map(({ content }) => content)).toEqual(['Where?']);
});

test('an abort cancels the run, and a failure is an error of AG-UI', async () => {
  server.started = () => server.own!.step('agent_invoking');
  const { agent, events } = page();
  const cancelled = agent.runAgent({ runId: 'r1' });
  await until(() => expect(events.length).toBeGreaterThan(1));
  agent.clone().abortRun();
  await until(() => expect(sent('cancelAgentRun')).toHaveLength(1));
  server.own!.end('cancelled');
  server.own!.send(2);
  await cancelled;
  expect(events.at(-1)).toMatchObject({ type: 'RUN_FINISHED', outcome: { type: 'cancelled' } });
});

test('tools of the page are refused by name, and nothing is started', async () => {
  const { agent } = page();
  const tools = [{ name: 'open_map', description: '', parameters: {} }];
  await expect(agent.runAgent({ runId: 'r1', tools })).rejects.toThrow(/Remove these frontend tools: open_map\./);
  expect(sent('startAgentRun')).toEqual([]);
});

test('the images and documents of a message become attachments', async () => {
  server.started = () => {
    server.own!.end();
    server.own!.send(1);
  };
  const { agent } = page();
  const source = { type: 'data' as const, value: btoa('a map'), mimeType: 'image/png' };
  const metadata = { filename: 'notes.md' };
  const content = [
    { type: 'text' as const, text: 'What is this?' },
    { type: 'image' as const, source },
    { type: 'document' as const, source: { ...source, mimeType: 'text/markdown' }, metadata },
  ];
  agent.setMessages([{ id: 'm1', role: 'user', content }]);
  await agent.runAgent({ runId: 'r1' });
  expect(sent('createUpload')).toEqual([
    { name: 'image-1', contentType: 'image/png', bytes: 5 },
    { name: 'notes.md', contentType: 'text/markdown', bytes: 5 },
  ]);
  expect(sent('startAgentRun')).toMatchObject([{ query: 'What is this?', attachments: ['attachment-image-1', 'attachment-notes.md'] }]);
});

test('an abort during the uploads starts nothing', async () => {
  let store = () => {};
  server.stored = new Promise((resolve) => (store = () => resolve(true)));
  const { agent, events } = page();
  const image = { type: 'image' as const, source: { type: 'data' as const, value: btoa('a map'), mimeType: 'image/png' } };
  agent.setMessages([{ id: 'm1', role: 'user', content: [{ type: 'text', text: 'What is this?' }, image] }]);
  const aborted = agent.runAgent({ runId: 'r1' });
  await until(() => expect(server.uploads).toHaveLength(1));
  agent.clone().abortRun();
  await aborted;
  expect(events.at(-1)).toMatchObject({ type: 'RUN_FINISHED', outcome: { type: 'cancelled' } });

  store();
  agent.setMessages([{ id: 'm2', role: 'user', content: 'And where?' }]);
  server.started = () => {
    server.own!.end();
    server.own!.send(1);
  };
  await agent.runAgent({ runId: 'r2' });
  expect(sent('startAgentRun')).toMatchObject([{ query: 'And where?' }]);
});

test('an image by its address is refused by name, and nothing is started', async () => {
  const { agent } = page();
  const image = { type: 'image' as const, source: { type: 'url' as const, value: 'https://maps.example/a.png' }, metadata: { filename: 'a.png' } };
  agent.setMessages([{ id: 'm1', role: 'user', content: [{ type: 'text', text: 'What is this?' }, image] }]);
  await expect(agent.runAgent({ runId: 'r1' })).rejects.toThrow(/Send the data of a\.png/);
  expect(sent('startAgentRun')).toEqual([]);
});

/** Returns the views of a run of random steps, which end with each kind of end. */
function randomViews(seed: number): RunView[] {
  let state = seed;
  // A linear congruential generator: the same seed gives the same views.
  const random = (below: number) => ((state = (state * 1_103_515_245 + 12_345) % 2 ** 31), Math.floor((state / 2 ** 31) * below));
  const view = { ...emptyView, status: 'in_progress', upToDate: true };
  const views: RunView[] = [];
  const steps: RunView['steps'][number][] = [];
  const record = (status: string, metadata: object = {}, message = '') => {
    const seq = steps.length + 1;
    steps.push(stepOf('run-1', { seq, status, message, timestamp: seq, agentName: null, toolName: 'slope', metadata: JSON.stringify(metadata) }));
  };
  for (let count = 0; count < 20; count++) {
    const parentSeq = 1 + random(steps.length + 1);
    const kind = random(9);
    if (kind < 2) record('thinking', kind ? { parentSeq } : {});
    else if (kind < 4) record('calling_tool', kind === 3 ? { parentSeq } : {});
    else if (kind === 4) record(['tool_complete', 'tool_error'][random(2)]!, { parentSeq, outcome: 'ok', input: { x: 1 }, result: [] });
    else if (kind === 5) record('executing', { parentSeq, progress: { done: 1 } });
    else if (kind === 6) record('text', { parentSeq, offset: 0 }, 'A part says so.');
    else if (kind === 7) {
      record('text', { offset: view.text.length }, 'It is so. ');
      view.text += 'It is so. ';
    } else record('working');
    // Deltas arrive before their step, and several steps at once.
    if (!random(3)) views.push({ ...view, text: view.text + 'It '.repeat(random(2)), steps: [...steps] });
  }
  const status = ['complete', 'error', 'cancelled', 'waiting'][random(4)]!;
  const questions = status === 'waiting' ? [{ id: 'q1', name: 'approve', reason: null }] : [];
  views.push({ ...view, status, questions, steps, ...(status === 'complete' && { result: { text: 'So.', facts: {} } }) });
  return views;
}

test('whatever a run does, its events pass the verifier of AG-UI', async () => {
  for (let seed = 1; seed <= 300; seed++) {
    const run = { threadId: THREAD, runId: 'r1' };
    const translated = new AgUiEvents('run-1');
    const views = randomViews(seed);
    const events = views.flatMap((view) => translated.after(view, run).events);
    const all = [{ type: 'RUN_STARTED', ...run }, ...events] as BaseEvent[];
    const verified = await lastValueFrom(from(all).pipe(verifyEvents(), toArray()));
    expect(verified, `seed ${seed}`).toHaveLength(all.length);
    expect(['RUN_FINISHED', 'RUN_ERROR'], `seed ${seed}`).toContain(verified.at(-1)!.type);
  }
});
