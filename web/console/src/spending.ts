/** What a run or a job has used: time, tokens and money. */
import { type RunView, type Step } from '@runcast/client';
import { numberOf } from './json.ts';

export interface Spending {
  /** How long it took; null until it has ended. */
  readonly seconds: number | null;
  /** Null if nothing has been counted yet. */
  readonly tokens: number | null;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Null unless the price of each model is known. */
  readonly costUsd: number | null;
  readonly models: readonly string[];
}

/** Adds up the last steps: a run's own one, or those of a job's runs. */
export function spendingOf({ steps, kind, runs }: RunView): Spending {
  const lasts = steps.filter(isLast);
  const own = lasts.findLast(({ requestId }) => !runs.some((run) => run.requestId === requestId));
  const counted = (kind === 'job' ? lasts.filter((step) => step !== own) : lasts).filter(({ metadata }) => metadata.usage);
  const total = (name: string) => counted.reduce((sum, { metadata }) => sum + (numberOf((metadata.usage as Record<string, unknown>)[name]) ?? 0), 0);
  const costs = counted.map(({ metadata }) => numberOf(metadata.costUsd));
  const models = counted.flatMap(({ metadata }) => (Array.isArray(metadata.models) ? metadata.models.map(String) : []));
  return {
    seconds: numberOf(own?.metadata.elapsed) ?? null,
    tokens: counted.length ? total('totalTokens') : null,
    inputTokens: total('inputTokens'),
    outputTokens: total('outputTokens'),
    costUsd: counted.length && costs.every((cost) => cost !== undefined) ? costs.reduce((sum, cost) => sum + cost, 0) : null,
    models: [...new Set(models)],
  };
}

/** Only the end of a run or a job has `elapsed` in its metadata; the end of an agent within it has `parentSeq`, too. */
const isLast = ({ metadata }: Step) => typeof metadata.elapsed === 'number' && typeof metadata.parentSeq !== 'number';
