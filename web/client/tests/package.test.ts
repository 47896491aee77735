/** The published file, in which the names of the client's own members are short, does what the sources do. */
import { expect, test } from 'vitest';
import { build, type Rolldown } from 'vite';
import { fileURLToPath } from 'node:url';
import { internals } from '../internals.js';
import * as sources from '../src/index.js';
import * as operations from '../src/operations.js';
import { FakeRecord } from './fake.js';
import { followed, server, until } from './served.js';

async function published(): Promise<typeof sources> {
  const configFile = fileURLToPath(new URL('../vite.config.ts', import.meta.url));
  const built = await build({ configFile, logLevel: 'silent', build: { write: false } });
  const { code } = ([built].flat() as Rolldown.RolldownOutput[])[0]!.output.find(({ name }) => name === 'index') as Rolldown.OutputChunk;
  return import(/* @vite-ignore */ `data:text/javascript,${encodeURIComponent(code)}`);
}

test('a job with tool calls and an open question looks the same', { timeout: 120_000 }, async () => {
  const job = (server.own = new FakeRecord(server, 'job-1', 'job-1'));
  const run = new FakeRecord(server, 'run-a', 'job-1', 'a');
  server.runs.push(run);
  job.record('loading_agents');
  run.record('agent_invoking');
  run.record('calling_tool', 'Calling slope', {}, 'slope');
  run.record('tool_complete', 'Done', { parentSeq: 2, seconds: 1.5 }, 'slope');
  run.record('text', 'It is', { offset: 0 });
  job.ask('question-1', 'approve', { area: 3 });
  const options = { config: server.config, auth: server };
  const { createRuncast, ...others } = await published();
  const there = createRuncast(options);
  const here = sources.createRuncast(options);
  const [shown, expected] = [followed(there.watch('job-1')), followed(here.watch('job-1'))];

  for (const watch of [shown, expected]) {
    await until(() => expect(watch.view).toMatchObject({ status: 'waiting', upToDate: true, connection: 'live' }));
  }
  // Each client estimates the server's clock for itself.
  const withoutClock = ({ view }: sources.Watch) => ({ ...view, startedAt: 0, runs: view.runs.map((node) => ({ ...node, startedAt: 0 })) });
  expect(withoutClock(shown)).toEqual(withoutClock(expected));
  expect(shown.view.steps).toHaveLength(6);
  expect(Object.keys(there)).toEqual(Object.keys(here));
  expect(Object.keys(others).sort()).toEqual(Object.keys(sources).filter((name) => name !== 'createRuncast').sort());
});

test('no member of its own has the name of a field or an argument', () => {
  const words = Object.values(operations).flatMap((document) => document.match(/\w+/g)!);

  expect(words).toContain('liveness');
  expect(internals.filter((name) => words.includes(name))).toEqual([]);
});
