/** What a run or a job has used. */
import { emptyView, type RunNode, type Step } from '@runcast/client';
import { expect, test } from 'vitest';
import { spendingOf } from '../src/spending.ts';

const step = (requestId: string, seq: number, metadata: Step['metadata']) => ({ requestId, seq, metadata }) as Step;
const end = (tokens: number, costUsd: number | undefined, elapsed = 4) => ({
  elapsed,
  usage: { inputTokens: tokens - 1, outputTokens: 1, totalTokens: tokens },
  models: ['model-a'],
  ...(costUsd !== undefined && { costUsd }),
});

test('nothing is counted before the end', () => {
  const steps = [step('run', 1, {}), step('run', 2, { parentSeq: 1, elapsed: 3, usage: { totalTokens: 5 } })];
  expect(spendingOf({ ...emptyView, kind: 'run', steps })).toEqual({
    seconds: null, tokens: null, inputTokens: 0, outputTokens: 0, costUsd: null, models: [],
  });
});

test('a run has what its last step says', () => {
  expect(spendingOf({ ...emptyView, kind: 'run', steps: [step('run', 9, end(10, 0.5))] })).toEqual({
    seconds: 4, tokens: 10, inputTokens: 9, outputTokens: 1, costUsd: 0.5, models: ['model-a'],
  });
});

test('a job has the sum of its runs, and a cost only if each run has one', () => {
  const runs = [{ requestId: 'a' }, { requestId: 'b' }] as RunNode[];
  const job = (cost?: number) => {
    const steps = [step('a', 5, end(10, 0.5)), step('b', 5, end(20, cost)), step('job', 3, { elapsed: 9 })];
    return spendingOf({ ...emptyView, kind: 'job', runs, steps });
  };
  expect(job(0.25)).toMatchObject({ seconds: 9, tokens: 30, costUsd: 0.75, models: ['model-a'] });
  expect(job().costUsd).toBeNull();
});
