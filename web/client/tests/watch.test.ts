/** A watch shows what a run, a job or a conversation is: its start, steps, tool calls, questions and end. */
import { expect, test } from 'vitest';
import { createRuncast } from '../src/index.js';
import { FakeRecord, USER_ID } from './fake.js';
import { followed, live, runcast, seqs, server, until, upTo, watchedRun } from './served.js';

test('a started run is subscribed to first, and ends with its result', async () => {
  const begun: string[] = [];
  server.started = () => {
    begun.push(...[...server.subscriptions.values()].map(({ variables }) => `${variables.userId} ${variables.requestId}`));
    server.own!.step('agent_invoking');
    server.own!.step('thinking');
    server.own!.end('complete', { answer: 42 });
    server.own!.send(3);
  };
  const watch = followed(runcast.start({ agent: 'terrain', query: 'Where?', parameters: { size: 1 } }));
  expect(watch.view.status).toBe('starting');

  await until(() => expect(watch.view).toMatchObject({ kind: 'run', status: 'complete', upToDate: true, missing: 0 }));
  expect(seqs(watch)).toEqual([1, 2, 3]);
  expect(watch.view.result).toEqual({ answer: 42 });
  expect(begun).toEqual([`${USER_ID} ${watch.id}`]);
  const start = server.requests.find(({ field }) => field === 'startAgentRun')!;
  expect(start.variables).toEqual({ agent: 'terrain', query: 'Where?', parameters: '{"size":1}', requestId: watch.id });
  await until(() => expect(server.sockets.size).toBe(0));
});

test('a start whose answer is lost is repeated under the same id', async () => {
  server.troubles = [null, { errors: [{ errorType: 'Unavailable', message: 'Try again.' }] }];
  const watch = followed(runcast.start({ agent: 'terrain', query: 'Where?' }));

  await live(watch);
  const ids = server.requests.filter(({ field }) => field === 'startAgentRun').map(({ variables }) => variables.requestId);
  expect(ids).toEqual([watch.id, watch.id, watch.id]);
});

test('a refused start says why, and is not repeated', async () => {
  server.troubles = [{ errors: [{ errorType: 'BadRequest', message: 'agent must be one of: terrain.' }] }];
  const watch = followed(runcast.start({ agent: 'nobody', query: 'Where?' }));

  await until(() => expect(watch.view.refused).toEqual({ type: 'BadRequest', message: 'agent must be one of: terrain.' }));
  expect(watch.view.status).toBe('error');
  expect(server.requests).toHaveLength(1);
});

test('a start over a limit says when to try again, and is not repeated', async () => {
  const refused = { type: 'TooManyRequests', message: 'A user may start 60 runs and jobs a minute.', retryAfter: 12 };
  const { type: errorType, message, retryAfter } = refused;
  server.troubles = [{ errors: [{ errorType, message, errorInfo: { retryAfter } }] }];
  const watch = followed(runcast.start({ agent: 'terrain', query: 'Where?' }));

  await until(() => expect(watch.view.refused).toEqual(refused));
  expect(watch.view.status).toBe('error');
  expect(server.requests).toHaveLength(1);
});

test('an unknown run is not found', async () => {
  const watch = followed(runcast.watch('nothing'));
  await until(() => expect(watch.view.status).toBe('not-found'));
});

test('a notice is shown once, and text in flight is joined with what is recorded', async () => {
  const { record, watch } = await watchedRun();
  const notice = { status: 'cancelling', message: 'Being cancelled.' };
  record.sendUpdate(notice);
  record.sendUpdate(notice);
  record.sendUpdate({ status: 'text', message: 'Hel', metadata: '{"offset":0}' });
  await until(() => expect(watch.view.text).toBe('Hel'));
  record.sendUpdate({ status: 'text', message: 'Hello wor', metadata: '{"offset":0}' });
  record.step('text', 'Hello ', { offset: 0 });
  record.sendUpdate({ status: 'text', message: 'world', metadata: '{"offset":6}' });

  await until(() => expect(watch.view.text).toBe('Hello world'));
  expect(watch.view.steps.map(({ status }) => status)).toEqual(['agent_invoking', 'cancelling', 'text']);
});

test('tool calls have their progress and outcome', async () => {
  const { record, watch } = await watchedRun();
  const call = record.step('calling_tool', 'Calling', undefined, 'measure');
  record.step('executing', '3 of 8', { parentSeq: call, progress: { done: 3, total: 8 } });
  await until(() => expect(watch.view.tools).toMatchObject([{ name: 'measure', outcome: null, progress: { done: 3, total: 8 } }]));
  record.step('tool_complete', '', { parentSeq: call, outcome: 'ok', seconds: 1.5 });

  await until(() => expect(watch.view.tools).toMatchObject([{ name: 'measure', outcome: 'ok', seconds: 1.5 }]));
});

test.each(['continuing', 'agent_error', 'cancelled'])('a tool call without an end is unknown after the step %s', async (status) => {
  const { record, watch } = await watchedRun();
  const ended = record.step('calling_tool', 'Calling', undefined, 'weigh');
  record.step('tool_complete', '', { parentSeq: ended, outcome: 'ok', seconds: 1.5 });
  const agent = record.step('agent_invoking', 'Helper');
  record.step('calling_tool', 'Calling', undefined, 'measure');
  record.step('agent_error', 'Helper', { parentSeq: agent });
  await until(() => expect(watch.view.tools).toMatchObject([{ outcome: 'ok' }, { outcome: null }]));
  record.step(status, 'The worker has stopped');
  record.step('calling_tool', 'Calling', undefined, 'measure');

  await until(() => expect(watch.view.tools).toMatchObject([{ outcome: 'ok' }, { name: 'measure', outcome: 'unknown' }, { outcome: null }]));
});

test('a job is found out, and shows its runs over one subscription', async () => {
  const job = (server.own = new FakeRecord(server, 'job-1', 'job-1'));
  job.record('loading_agents');
  const watch = followed(runcast.watch('job-1'));
  await live(watch);
  const first = new FakeRecord(server, 'run-a', 'job-1', 'a');
  server.runs.push(first);
  first.step('agent_invoking');
  first.record('thinking');
  first.step('thinking');

  await until(() => expect(watch.view.runs).toMatchObject([{ name: 'a', status: 'in_progress', seq: 3 }]));
  await until(() => expect(seqs(watch)).toEqual([1, 1, 2, 3]));
  first.end();
  first.send(4);
  job.end('complete', { summary: 'Good.' });
  job.send(2);
  await until(() => expect(watch.view).toMatchObject({ kind: 'job', status: 'complete', upToDate: true }));
  expect(watch.view.steps.filter(({ requestId }) => requestId === 'run-a').map(({ seq }) => seq)).toEqual(upTo(4));
  expect([...server.requests].some(({ field }) => field === 'getAgentProgress')).toBe(true);
});

test('a cancel is sent, and its effect is read', async () => {
  const { record, watch } = await watchedRun();
  await watch.cancel();
  record.end('cancelled');

  await until(() => expect(watch.view).toMatchObject({ status: 'cancelled', upToDate: true }));
});

test('questions are shown while they are open, and another tab that is answered first', async () => {
  const { record, watch } = await watchedRun();
  const tab = createRuncast({ config: server.config, auth: server });
  const other = followed(tab.watch(record.requestId));
  await live(other);
  record.step('waiting', 'An agent may use this status, too.', { interrupts: [{ id: 'x', name: 'x' }] });
  await until(() => expect(seqs(watch)).toEqual(upTo(2)));
  expect(watch.view.questions).toEqual([]);
  record.ask('q1', 'approve', { costs: 12 });

  for (const each of [watch, other]) {
    await until(() => expect(each.view).toMatchObject({ status: 'waiting', questions: [{ id: 'q1', name: 'approve', reason: { costs: 12 } }] }));
  }
  await other.answer({ q1: { yes: true } });
  for (const each of [watch, other]) await until(() => expect(each.view).toMatchObject({ status: 'in_progress', questions: [] }));
  const { variables } = server.requests.find(({ field }) => field === 'answerAgentRun')!;
  expect(variables).toEqual({ requestId: 'run-1', answers: '{"q1":{"yes":true}}' });

  record.ask('q2', 'approve');
  await until(() => expect(watch.view.questions).toEqual([{ id: 'q2', name: 'approve', reason: null }]));
});

test('an answer that comes too late is refused, and the run is read again', async () => {
  const { record, watch } = await watchedRun();
  record.ask('q1', 'approve');
  await until(() => expect(watch.view.questions).toHaveLength(1));
  record.status = 'in_progress';
  record.record('answered');
  server.troubles = [{ errors: [{ errorType: 'Conflict', message: 'The run does not wait.' }] }];

  await expect(watch.answer({ q1: 'no' })).rejects.toMatchObject({ type: 'Conflict', message: 'The run does not wait.' });
  await until(() => expect(watch.view).toMatchObject({ status: 'in_progress', questions: [], upToDate: true }));
});

test('questions that were too large to be recorded are none', async () => {
  const { record, watch } = await watchedRun();
  record.status = 'waiting';
  record.step('waiting', '', { interrupts: { shortened: true, bytes: 70_000 } });

  await until(() => expect(watch.view).toMatchObject({ status: 'waiting', questions: [] }));
});

test('a run or a job is started again by its id alone', async () => {
  const watch = followed(runcast.start({ rerunOf: 'run-0' }));
  server.started = () => server.own!.step('agent_invoking');

  await until(() => expect(watch.view).toMatchObject({ kind: 'run', connection: 'live', steps: [{ seq: 1 }] }));
  const { variables } = server.requests.find(({ field }) => field === 'startAgentRun')!;
  expect(variables).toEqual({ rerunOf: 'run-0', requestId: watch.id });
});

test('a job that is started again is followed with its runs', async () => {
  server.started = (id) => {
    server.own = new FakeRecord(server, id, id);
    server.own.step('loading_agents');
    server.runs.push(new FakeRecord(server, 'run-a', id, 'slope'));
    server.runs[0]!.step('agent_invoking');
  };
  const watch = followed(runcast.start({ rerunOf: 'job-0' }));

  await until(() => expect(watch.view).toMatchObject({ kind: 'job', connection: 'live', upToDate: true }));
  expect([...server.subscriptions.values()].map(({ variables }) => variables.jobId)).toEqual([watch.id]);
  server.runs[0]!.step('thinking');
  await until(() => expect(watch.view.steps.filter(({ requestId }) => requestId === 'run-a')).toHaveLength(2));
});

test('an agent is listed with the schema of its parameters', async () => {
  const schema = { type: 'object', properties: { size: { type: 'integer' } } };
  server.agents = [
    { name: 'terrain', description: 'Looks.', parametersSchema: JSON.stringify(schema) },
    { name: 'elsewhere', description: '', parametersSchema: null },
  ];

  expect((await runcast.agents()).agents.map(({ parametersSchema }) => parametersSchema)).toEqual([schema, null]);
});

test('a turn names its conversation, which is null before its first turn', async () => {
  expect(await runcast.conversation('c-1')).toBeNull();
  await expect(runcast.deleteConversation('c-1')).rejects.toMatchObject({ type: 'BadRequest', message: 'No such conversation.' });
  const watch = followed(runcast.start({ agent: 'terrain', query: 'Where?', conversationId: 'c-1' }));
  await live(watch);
  server.conversation = { conversationId: 'c-1', title: 'Where?', messages: [] };

  const { variables } = server.requests.find(({ field }) => field === 'startAgentRun')!;
  expect(variables).toEqual({ agent: 'terrain', query: 'Where?', conversationId: 'c-1', requestId: watch.id });
  expect(await runcast.conversation('c-1')).toMatchObject({ title: 'Where?' });
  await runcast.deleteConversation('c-1');
  server.troubles = [{ errors: [{ errorType: 'Conflict', message: 'It has an open run.' }] }];
  await expect(runcast.deleteConversation('c-1')).rejects.toMatchObject({ type: 'Conflict' });
});
