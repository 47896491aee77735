/** Uploads, against a bucket on a real local socket. */
import { readFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { createRuncast, upload } from '../src/index.js';
import { patience } from '../src/patience.js';
import { followed, runcast, server, until } from './served.js';

const requests = () => server.requests.map(({ field, variables }) => [field, variables]);

test('a file is posted after the fields that the server has signed', async () => {
  const id = await upload(runcast, new File(['# Site'], 'Notes.MD'));

  expect(id).toBe('attachment-Notes.MD');
  expect(requests()).toEqual([['createUpload', { name: 'Notes.MD', contentType: 'text/markdown', bytes: 6 }]]);
  const form = [...server.uploads[0]!.entries()];
  expect(form.map(([name]) => name)).toEqual(['key', 'Content-Type', 'file']);
  expect(form.slice(0, 2)).toEqual([['key', 'uploads/Notes.MD'], ['Content-Type', 'text/markdown']]);
  expect(await (form[2]![1] as File).text()).toBe('# Site');
});

test.each([
  ['clipboard', 'image/png', 'image/png'],
  ['data.csv', 'application/vnd.ms-excel', 'text/csv'],
  ['constructor', '', ''],
])('the content type of %s, which the browser takes for "%s", is "%s"', async (name, type, contentType) => {
  await upload(runcast, new File(['x'], name, { type }));
  expect(requests()).toEqual([['createUpload', { name, contentType, bytes: 1 }]]);
});

test('a refused file is named, and one that was not stored can be tried again', async () => {
  server.troubles = [{ errors: [{ errorType: 'BadRequest', message: 'contentType must be one of: image/png.' }] }];
  await expect(upload(runcast, new File(['x'], 'a.tiff'))).rejects.toMatchObject({ type: 'BadRequest', message: expect.stringContaining('contentType') });
  expect(server.uploads).toEqual([]);

  server.uploadStatus = 403;
  await expect(upload(runcast, new File(['x'], 'a.png'))).rejects.toMatchObject({ type: 'Unavailable', retryable: true });
});

test('an upload that stalls or breaks off says that it can be tried again', async () => {
  const { upload: timeout } = patience;
  onTestFinished(() => void Object.assign(patience, { upload: timeout }));
  patience.upload = 200;
  server.stored = new Promise(() => {});
  const again = { type: 'Unavailable', retryable: true, message: expect.stringMatching(/^The file was not stored \(.+\)\. Try again\.$/) };
  await expect(upload(runcast, new File(['x'], 'a.png'))).rejects.toMatchObject(again);

  patience.upload = timeout;
  server.stored = Promise.resolve(false);
  await expect(upload(runcast, new File(['x'], 'a.png'))).rejects.toMatchObject(again);
});

test('a start has the ids of its attachments', async () => {
  const attachments = [await upload(runcast, new File(['x'], 'a.png'))];
  followed(runcast.start({ agent: 'terrain', query: 'What is this?', attachments }));
  const sent = { query: 'What is this?', attachments: ['attachment-a.png'] };
  await until(() => expect(requests().find(([field]) => field === 'startAgentRun')).toMatchObject(['startAgentRun', sent]));
});

test('the example of docs/frontend.md starts a run with a file and follows it', async () => {
  const page = readFileSync(new URL('../../../docs/frontend.md', import.meta.url), 'utf8');
  const [, snippet] = /^```ts\n(const runcast = .*?)^```$/ms.exec(page)!;
  const given = { createRuncast, upload, config: server.config, auth: server, file: new File(['x'], 'map.png') };
  server.started = () => server.own!.step('agent_invoking');
  const seen: unknown[][] = [];
  const console = { log: (...values: unknown[]) => seen.push(values) };
  const AsyncFunction = (async () => {}).constructor as new (...code: string[]) => (...values: unknown[]) => Promise<() => void>;
  const example = new AsyncFunction(...Object.keys(given), 'console', `${snippet} return () => (stop(), watch.close());`);
  const stop = await example(...Object.values(given), console);
  await until(() => expect(seen.at(-1)).toEqual(['in_progress', 1]));
  expect(requests().find(([field]) => field === 'startAgentRun')).toMatchObject(['startAgentRun', { attachments: ['attachment-map.png'] }]);
  stop();
});
