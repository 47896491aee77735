/** For each test: a fake server, a client of it that waits briefly, and the watches that are closed afterwards. */
import { afterEach, beforeEach, expect, vi } from 'vitest';
import { WebSocket } from 'ws';
import { createRuncast, type Runcast, type Watch } from '../src/index.js';
import { patience } from '../src/patience.js';
import { FakeRecord, FakeRuncast } from './fake.js';

Object.assign(globalThis, { WebSocket });
Object.assign(patience, { gap: 20, silence: 2_000, backstop: 4_000, poll: 30, check: 20, idle: 50 });

export let server: FakeRuncast;
export let runcast: Runcast;
let watches: Watch[];

beforeEach(async () => {
  server = await new FakeRuncast().listen();
  runcast = createRuncast({ config: server.config, auth: server });
  watches = [];
});

afterEach(() => {
  watches.forEach((watch) => watch.close());
  server.close();
});

export const followed = (watch: Watch): Watch => {
  watches.push(watch);
  watch.subscribe(() => {});
  return watch;
};
export const until = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 5 });
export const seqs = ({ view }: Watch) => view.steps.filter(({ seq }) => seq !== null).map(({ seq }) => seq);
export const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);
export const live = (watch: Watch) => until(() => expect(watch.view).toMatchObject({ connection: 'live', upToDate: true }));

/** Gives the server a run. */
export function run(id = 'run-1'): FakeRecord {
  return (server.own = new FakeRecord(server, id));
}

/** Gives the server a run with its first step, and follows it live. */
export async function watchedRun(): Promise<{ record: FakeRecord; watch: Watch }> {
  const record = run();
  record.record('agent_invoking');
  const watch = followed(runcast.watch(record.requestId));
  await live(watch);
  return { record, watch };
}
