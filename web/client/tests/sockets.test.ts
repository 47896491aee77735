/** A watch misses nothing and shows nothing twice, however the network and the user's sign-in behave. */
import { expect, onTestFinished, test, vi } from 'vitest';
import { createRuncast } from '../src/index.js';
import { patience } from '../src/patience.js';
import { jwt, USER_ID } from './fake.js';
import { followed, live, run, runcast, seqs, server, until, upTo, watchedRun } from './served.js';

test('messages that are lost, late or sent twice change nothing', async () => {
  const { record, watch } = await watchedRun();
  for (const status of ['thinking', 'thinking', 'thinking', 'thinking', 'thinking']) record.record(status);
  record.send(3, 3, 2, 6);

  await until(() => expect(seqs(watch)).toEqual(upTo(6)));
  expect(watch.view.steps).toHaveLength(6);
});

test('a view is not up to date while its last answer has more pages', async () => {
  const { record, watch } = await watchedRun();
  const stale: (number | null)[][] = [];
  watch.subscribe(() => watch.view.status === 'complete' && watch.view.upToDate && stale.push(seqs(watch)));
  server.pageSteps = 2;
  // The answer with the first page arrives, and the next request fails.
  server.troubles = [undefined, { errors: [{ errorType: 'Unavailable', message: 'Try again.' }] }];
  const answered = record.record('answered');
  for (let step = 0; step < 5; step++) record.record('thinking');
  record.end();
  record.send(answered);
  await until(() => expect(seqs(watch)).toEqual(upTo(8)));
  await until(() => expect(watch.view.upToDate).toBe(true));
  expect(stale.filter((shown) => shown.length < 8)).toEqual([]);
});

test('a cut socket loses nothing', async () => {
  const { record, watch } = await watchedRun();
  server.drop();
  record.record('thinking');
  record.record('thinking');
  record.send(3);

  await until(() => expect(seqs(watch)).toEqual(upTo(3)));
  await live(watch);
  record.step('thinking');
  await until(() => expect(seqs(watch)).toEqual(upTo(4)));
});

test('where sockets are blocked, it polls', async () => {
  server.blocked = true;
  const record = run();
  record.record('agent_invoking');
  const watch = followed(runcast.watch(record.requestId));
  await until(() => expect(watch.view).toMatchObject({ connection: 'polling', missing: 0 }));
  record.record('thinking');
  record.end();

  await until(() => expect(watch.view).toMatchObject({ status: 'complete', upToDate: true }));
  expect(seqs(watch)).toEqual(upTo(3));
});

test('without a network it is offline, and comes back', async () => {
  const { record, watch } = await watchedRun();
  server.troubles = [null, null];
  server.blocked = true;
  server.drop();
  await until(() => expect(watch.view.connection).toBe('offline'));
  server.blocked = false;
  record.record('thinking');

  await until(() => expect(seqs(watch)).toEqual(upTo(2)));
});

test.each([
  [60, 7],
  [10_000, 500],
])('a record of %i steps is read in pages', async (steps, pageSteps) => {
  server.pageSteps = pageSteps;
  const record = run();
  for (let step = 0; step < steps; step++) record.record('thinking');
  const watch = followed(runcast.watch(record.requestId));

  await live(watch);
  expect(seqs(watch)).toEqual(upTo(steps));
});

test('a renewed token gets a socket of its own before the old one is closed', async () => {
  const { record, watch } = await watchedRun();
  const fewest: number[] = [];
  const timer = setInterval(() => fewest.push(server.subscriptions.size), 1);
  server.idToken = jwt({ sub: USER_ID, n: 2 });
  await until(() => expect(server.opened).toBe(2));
  await until(() => expect(server.sockets.size).toBe(1));
  clearInterval(timer);

  expect(Math.min(...fewest)).toBeGreaterThan(0);
  record.step('thinking');
  await until(() => expect(seqs(watch)).toEqual(upTo(2)));
  expect(watch.view.connection).toBe('live');
});

test('a subscription that the server ends is started again on the same socket', async () => {
  const { record, watch } = await watchedRun();
  server.end();
  await until(() => expect(watch.view.connection).toBe('polling'));
  await live(watch);

  record.step('thinking');
  await until(() => expect(seqs(watch)).toEqual(upTo(2)));
  expect(server.opened).toBe(1);
});

test('a socket that gets no answer is replaced', async () => {
  const { connect } = patience;
  onTestFinished(() => void Object.assign(patience, { connect }));
  patience.connect = 300;
  server.mute = true;
  const record = run();
  record.record('agent_invoking');
  const watch = followed(runcast.watch(record.requestId));
  await until(() => expect(server.opened).toBeGreaterThan(1));
  server.mute = false;

  await live(watch);
  await until(() => expect(server.sockets.size).toBe(1));
});

test.each(['online', 'visibilitychange'])('after the event %s, a new socket takes over without a gap', async (event) => {
  const page = new EventTarget();
  vi.stubGlobal('addEventListener', page.addEventListener.bind(page));
  const shown = createRuncast({ config: server.config, auth: server });
  vi.unstubAllGlobals();
  const record = run();
  record.record('agent_invoking');
  const watch = followed(shown.watch(record.requestId));
  await live(watch);
  const connections = new Set<string>();
  watch.subscribe(() => connections.add(watch.view.connection));
  page.dispatchEvent(new Event(event));
  await until(() => expect(server.opened).toBe(2));
  await until(() => expect(server.sockets.size).toBe(1));

  record.step('thinking');
  await until(() => expect(seqs(watch)).toEqual(upTo(2)));
  expect([...connections]).toEqual(['live']);
});

test('after connections that failed, a token is not renewed while a quiet one is open', async () => {
  const forced: boolean[] = [];
  const token = ({ force }: { force: boolean }) => {
    forced.push(force);
    return server.token({ force });
  };
  const page = createRuncast({ config: server.config, auth: { token, onChange: (listener) => server.onChange(listener) } });
  server.blocked = true;
  const record = run();
  record.record('agent_invoking');
  const watch = followed(page.watch(record.requestId));
  await until(() => expect(server.opened).toBe(2));
  server.blocked = false;
  await live(watch);
  const before = forced.length;

  await until(() => expect(forced.length).toBeGreaterThan(before + 5));
  expect(forced.slice(before)).not.toContain(true);
});

test('a refused token is renewed once', async () => {
  const { record, watch } = await watchedRun();
  server.troubles = [{ errors: [{ errorType: 'UnauthorizedException', message: 'Token has expired.' }] }];
  record.record('thinking');
  record.record('thinking');
  record.send(3);

  await until(() => expect(seqs(watch)).toEqual(upTo(3)));
  expect(server.forced).toBe(1);
});

test('after a sign-out nothing is shown or received, and the next user sees only their own', async () => {
  const { record, watch } = await watchedRun();
  server.signIn(null);

  await until(() => expect(watch.view).toMatchObject({ connection: 'signed-out', steps: [] }));
  await until(() => expect(server.sockets.size).toBe(0));
  server.own = undefined;
  server.signIn(jwt({ sub: 'user-2' }));
  await until(() => expect(watch.view.status).toBe('not-found'));
  expect(watch.view.steps).toEqual([]);
  server.own = record;
  server.signIn(jwt({ sub: USER_ID, n: 3 }));
  await until(() => expect(seqs(watch)).toEqual([1]));
});

test('a start of one user is not sent as the next one', async () => {
  await watchedRun();
  // The next request is the first to notice.
  server.idToken = jwt({ sub: 'user-2' });
  const watch = followed(runcast.start({ rerunOf: 'run-1' }));

  await until(() => expect(watch.view.status).toBe('not-found'));
  expect(server.requests.filter(({ field }) => field === 'startAgentRun')).toEqual([]);
});

test('all watches share a socket, up to a hundred', async () => {
  run();
  const many = Array.from({ length: 101 }, () => followed(runcast.start({ agent: 'terrain', query: 'Where?' })));

  await until(() => expect(server.subscriptions.size).toBe(many.length));
  expect(server.sockets.size).toBe(2);
});

test('the same id gives the same watch, which rests without subscribers', async () => {
  const record = run();
  record.record('agent_invoking');
  const watch = runcast.watch(record.requestId);
  expect(runcast.watch(record.requestId)).toBe(watch);
  const stop = watch.subscribe(() => {});
  await live(watch);
  stop();

  await until(() => expect(server.sockets.size).toBe(0));
  expect(seqs(watch)).toEqual(upTo(1));
  expect(runcast.watch(record.requestId)).not.toBe(watch);
  record.record('thinking');
  followed(watch);
  await until(() => expect(seqs(watch)).toEqual(upTo(2)));
});

test('a run is followed live by each spelling of its id', async () => {
  const id = 'a6f0c8f2-5a37-4d92-9d3c-1f1f8f9e8f10';
  const record = run(id);
  record.record('agent_invoking');
  const watch = followed(runcast.watch(id.toUpperCase()));
  expect(watch).toBe(runcast.watch(id));
  await live(watch);
  record.sendUpdate({ status: 'text', message: 'It is flat.', metadata: '{"offset":0}' });
  await until(() => expect(watch.view.text).toBe('It is flat.'));
});

test('many messages at once are one change', async () => {
  const { record, watch } = await watchedRun();
  let changes = 0;
  watch.subscribe(() => changes++);
  for (let step = 0; step < 500; step++) record.step('thinking');

  await until(() => expect(seqs(watch)).toEqual(upTo(501)));
  expect(changes).toBeLessThan(100);
});
