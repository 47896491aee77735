// @vitest-environment happy-dom
/** The hooks and components show a run on a real local socket, in StrictMode, too, and render on a server. */
import { createRuncast, type Runcast, type RunView } from '@runcast/client';
import { act, cleanup, configure, fireEvent, render, screen, waitFor } from '@testing-library/react';
import { StrictMode, useState } from 'react';
import { renderToString } from 'react-dom/server';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { FakeRecord, FakeRuncast, jwt } from '../../client/tests/fake.js';
import { AgentProgressIndicator, JobTree, QuestionForm, RunList, RuncastProvider, StatusFeed, StepTimeline, useAgents, useConversation, useRun, useStart } from '../src/index.js';
import type { Task } from '../src/index.js';

Object.assign(globalThis, { WebSocket, fetch: globalThis.fetch });

configure({ asyncUtilTimeout: 10_000 });

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

function Shown({ id }: { id: string }) {
  const run = useRun(id);
  return (
    <>
      <AgentProgressIndicator run={run} />
      <StepTimeline run={run} />
      <StatusFeed run={run} />
      <JobTree run={run} />
      <b>{run.status}</b>
      <button onClick={() => void run.cancel()}>Cancel</button>
    </>
  );
}

const show = (element: React.ReactNode) =>
  render(
    <StrictMode>
      <RuncastProvider runcast={runcast}>{element}</RuncastProvider>
    </StrictMode>,
  );
const timeline = (container: Element) => [...container.querySelectorAll('.runcast-step')].map((step) => step.getAttribute('data-seq'));

test('a run is shown step by step over one subscription', async () => {
  const record = (server.own = new FakeRecord(server, 'run-1'));
  record.record('agent_invoking', 'Starting <b>terrain</b>');
  const { container, unmount } = show(<Shown id="run-1" />);
  await waitFor(() => expect(timeline(container)).toEqual(['1']));
  await waitFor(() => expect(server.subscriptions.size).toBe(1));
  expect(screen.getByRole('status').textContent).toBe('Starting <b>terrain</b>');
  expect(screen.getByRole('progressbar').hasAttribute('value')).toBe(false);

  const call = record.step('calling_tool', 'Calling measure', undefined, 'measure');
  record.step('executing', '3 of 8', { parentSeq: call, progress: { done: 3, total: 8 } });
  await waitFor(() => expect(screen.getByRole('progressbar').getAttribute('value')).toBe('3'));
  record.step('text', 'It is flat.', { offset: 0 });
  await waitFor(() => expect(screen.getByRole('log').textContent).toContain('It is flat.'));
  record.end();
  record.send(5);
  await waitFor(() => expect(container.querySelector('b')!.textContent).toBe('complete'));
  expect(timeline(container)).toEqual(['1', '2', '3', '4', '5']);
  expect(screen.queryByRole('progressbar')).toBeNull();
  unmount();
});

test('a job is shown as a tree, by stage', async () => {
  const job = (server.own = new FakeRecord(server, 'job-1', 'job-1'));
  job.record('loading_agents');
  server.runs.push(new FakeRecord(server, 'run-a', 'job-1', 'slope'));
  server.runs[0]!.record('agent_invoking');
  const { container } = show(<Shown id="job-1" />);

  await waitFor(() => expect(container.querySelector('.runcast-stage')?.getAttribute('aria-label')).toBe('one'));
  await waitFor(() => expect(container.querySelector('.runcast-agent')?.textContent).toMatch(/^slopein progress/));
});

test('a start shows its run, and a cancel ends it', async () => {
  server.started = () => server.own!.step('agent_invoking', 'Begun');
  function Page() {
    const { start, run } = useStart();
    const [cancelled, setCancelled] = useState(false);
    const task: Task = { agent: 'terrain', query: 'Where?' };
    return (
      <>
        <button onClick={() => start(task)}>Start</button>
        <button onClick={() => void run.cancel().then(() => setCancelled(true))}>Cancel{cancelled && 'led'}</button>
        <AgentProgressIndicator run={run} />
      </>
    );
  }
  show(<Page />);
  fireEvent.click(screen.getByText('Start'));
  await waitFor(() => expect(screen.getByRole('status').textContent).toBe('Begun'));
  server.own!.end('cancelled');
  fireEvent.click(screen.getByText('Cancel'));
  await waitFor(() => expect(screen.getByRole('status').textContent).toBe('cancelled'));
  await waitFor(() => expect(screen.getByText('Cancelled')).toBeTruthy());
  expect(server.requests.some(({ field }) => field === 'cancelAgentRun')).toBe(true);
});

test('a form answers the open questions, and closes when they are answered', async () => {
  const record = (server.own = new FakeRecord(server, 'run-1'));
  record.record('agent_invoking');
  record.ask('q1', 'approve', 'Buy <b>3</b> turbines?');
  function Page() {
    return <QuestionForm run={useRun('run-1')} />;
  }
  show(<Page />);
  const field = await screen.findByRole<HTMLInputElement>('textbox');
  expect(field.closest('label')!.textContent).toBe('approveBuy <b>3</b> turbines?');
  field.value = 'yes';
  server.troubles = [{ errors: [{ errorType: 'Unavailable', message: 'Later.' }] }];
  fireEvent.submit(field.closest('form')!);
  await waitFor(() => expect(screen.getByRole('alert').textContent).toBe('Later.'));

  fireEvent.click(screen.getByText('Answer'));
  await waitFor(() => expect(screen.queryByRole('textbox')).toBeNull());
  const answers = server.requests.filter(({ field }) => field === 'answerAgentRun').map(({ variables }) => variables.answers);
  expect(answers).toEqual(['{"q1":"yes"}', '{"q1":"yes"}']);
  record.ask('q2', 'approve');
  await waitFor(() => expect(screen.getByRole<HTMLInputElement>('textbox').value).toBe(''));
});

function Chat({ id = 'c-1' }: { id?: string }) {
  const { data, run, refused, send } = useConversation(id);
  return (
    <>
      {refused && <p role="alert">{refused.type}</p>}
      <button onClick={() => send({ agent: 'terrain', query: 'Where?' })}>Send</button>
      <output>{data?.messages?.map(({ text }) => text).join(' | ') ?? 'new'}</output>
      <p role="log">{run.text}</p>
    </>
  );
}

test('a conversation shows the answer while it is written, and its messages after the turn', async () => {
  server.started = () => server.own!.step('text', 'It is', { offset: 0 });
  show(<Chat />);
  await waitFor(() => expect(screen.getByRole('status').textContent).toBe('new'));
  fireEvent.click(screen.getByText('Send'));
  await waitFor(() => expect(screen.getByRole('log').textContent).toBe('It is'));
  const { variables } = server.requests.find(({ field }) => field === 'startAgentRun')!;
  expect(variables).toMatchObject({ conversationId: 'c-1', query: 'Where?' });

  const messages = [{ role: 'user', text: 'Where?' }, { role: 'assistant', text: 'It is flat.' }];
  server.conversation = { conversationId: 'c-1', messages, openRun: null, runs: [{ requestId: variables.requestId }] };
  server.own!.end();
  server.own!.send(2);
  await waitFor(() => expect(screen.getByRole('status').textContent).toBe('Where? | It is flat.'));
});

test('a conversation is shown by each spelling of its id, and another one is never shown in its place', async () => {
  const runs: object[] = [];
  // The server answers with the usual spelling.
  server.conversation = { conversationId: 'c-1', messages: [{ role: 'user', text: 'Where?' }], openRun: null, runs };
  const page = (id: string) => (
    <RuncastProvider runcast={runcast}>
      <Chat id={id} />
    </RuncastProvider>
  );
  const { rerender } = render(page('C-1'));
  await waitFor(() => expect(screen.getByRole('status').textContent).toBe('Where?'));

  server.conversation = { conversationId: 'c-2', messages: [{ role: 'user', text: 'When?' }], openRun: null, runs };
  rerender(page('c-2'));
  expect(screen.getByRole('status').textContent).toBe('new');
  await waitFor(() => expect(screen.getByRole('status').textContent).toBe('When?'));
});

test('a conversation that is opened during a turn shows its messages after the turn', async () => {
  const record = (server.own = new FakeRecord(server, 'run-1'));
  record.step('agent_invoking');
  const runs = [{ requestId: 'run-1', status: 'in_progress' }];
  server.conversation = { conversationId: 'c-1', messages: [], openRun: 'run-1', runs };
  show(<Chat />);
  await waitFor(() => expect(server.subscriptions.size).toBeGreaterThan(0));

  server.conversation = { ...server.conversation, messages: [{ role: 'user', text: 'Where?' }], openRun: null, runs: [{ ...runs[0], status: 'complete' }] };
  record.end();
  record.send(2);

  await waitFor(() => expect(screen.getByRole('status').textContent).toBe('Where?'));
});

test('a turn that another one keeps from starting shows that one, live', async () => {
  show(<Chat />);
  // In StrictMode each effect runs twice.
  await waitFor(() => expect(server.requests).toHaveLength(2));
  const other = (server.own = new FakeRecord(server, 'run-1'));
  server.conversation = { conversationId: 'c-1', messages: [], openRun: 'run-1', runs: [{ requestId: 'run-1', status: 'in_progress' }] };
  server.troubles = [{ errors: [{ errorType: 'Conflict', message: 'A run is open.' }] }];
  fireEvent.click(screen.getByText('Send'));
  await waitFor(() => expect(screen.getByRole('alert').textContent).toBe('Conflict'));
  other.record('text', 'It is', { offset: 0 });
  await waitFor(() => expect(screen.getByRole('log').textContent).toBe('It is'));
});

test('lists are loaded, retried, and replaced for the next user', async () => {
  const trouble = { errors: [{ errorType: 'Unavailable', message: 'Later.' }] };
  // In StrictMode each effect runs twice.
  server.troubles = [trouble, trouble];
  function Agents() {
    const { data, loading } = useAgents();
    return <output>{loading ? 'loading' : String(data.agents.length)}</output>;
  }
  const { container } = show(<RunList />);
  await waitFor(() => expect(screen.getByRole('alert').textContent).toContain('Later.'));
  fireEvent.click(screen.getByText('Try again'));
  await waitFor(() => expect(screen.queryByRole('alert')).toBeNull());
  expect(container.querySelector('.runcast-runs')!.getAttribute('aria-busy')).toBe('false');
  cleanup();
  show(<Agents />);
  await waitFor(() => expect(screen.getByText('0')).toBeTruthy());
  const before = server.requests.length;
  server.signIn(jwt({ sub: 'user-2' }));
  await waitFor(() => expect(server.requests.length).toBeGreaterThan(before));
});

test('the answer to the previous user is not shown, even if it arrives before the next rendering', async () => {
  let changeUser = () => {};
  const answers: ((answer: Awaited<ReturnType<Runcast['agents']>>) => void)[] = [];
  const onUser: Runcast['onUser'] = (listener) => ((changeUser = listener), () => {});
  const agents: Runcast['agents'] = () => new Promise((resolve) => answers.push(resolve));
  function Agents() {
    const { data, loading } = useAgents();
    return <output>{`${data.agents.map(({ name }) => name).join()}${loading ? ' loading' : ''}`}</output>;
  }
  const answer = (name: string) => ({ agents: [{ name, description: '', parametersSchema: null, attachments: false }], playbooks: [] });
  render(
    <RuncastProvider runcast={{ ...runcast, onUser, agents }}>
      <Agents />
    </RuncastProvider>,
  );

  await act(async () => {
    changeUser();
    answers[0]!(answer('secret'));
  });
  expect(screen.getByRole('status').textContent).toBe(' loading');

  await act(async () => answers[1]!(answer('terrain')));
  expect(screen.getByRole('status').textContent).toBe('terrain');
});

test('it renders on a server, where nothing is sent', () => {
  const html = renderToString(
    <RuncastProvider runcast={runcast}>
      <Shown id="run-1" />
    </RuncastProvider>,
  );
  expect(html).toContain('starting');
  expect(server.requests).toEqual([]);
  expect(server.opened).toBe(0);
});

test('a view from elsewhere can be shown, too', () => {
  const view: RunView = { ...runcast.watch('x').view, status: 'error', refused: { type: 'BadRequest', message: 'No such agent.' } };
  render(<AgentProgressIndicator run={view} />);
  expect(screen.getByRole('status').textContent).toBe('No such agent.');
});

test('without a provider, the error says what to do', () => {
  expect(() => renderToString(<Shown id="run-1" />)).toThrow('RuncastProvider');
});
