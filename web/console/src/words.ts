/** Times, states and numbers for people, and the limits of what they enter. */
import { type Liveness, type RunView, type Status, type Step } from '@runcast/client';
import { duration } from '@runcast/react';

const DAY_MS = 86_400_000;
export const MB = 1_048_576;
const number = new Intl.NumberFormat('en', { maximumFractionDigits: 2 });
const cost = new Intl.NumberFormat('en', { style: 'currency', currency: 'USD', maximumSignificantDigits: 3 });

/** The longest query, in characters. */
export const QUERY_MAX = 10_000;

export const formatNumber = (value: number): string => number.format(value);
/** Returns a size in the largest unit in which it is at least 1. */
export const formatBytes = (bytes: number): string =>
  bytes < 1_024 ? `${bytes} bytes` : bytes < MB ? `${formatNumber(Math.round(bytes / 1_024))} KB` : `${(bytes / MB).toFixed(1)} MB`;

export const formatCost = (usd: number): string => cost.format(usd);

/** Returns a name in snake case as words. */
export const words = (name: string): string => name.replaceAll('_', ' ');

/** Returns what a step says: its message, or else its status. */
export const messageOf = ({ message, status }: Step): string => message || words(status);

/** Returns the last step that is not a piece of the text. */
export const lastEventOf = ({ steps }: RunView): Step | undefined => steps.findLast(({ status }) => status !== 'text');

export type Tone = 'busy' | 'good' | 'warning' | 'error' | 'muted';

/** What a state is called, and its colour. */
export interface Label {
  readonly word: string;
  readonly tone: Tone;
}

/** Returns the label of a run or a job: a worker that is late, lost or being cancelled matters more than the status. */
export function stateOf({ status, liveness }: { status: Status; liveness: Liveness | null }): Label {
  if (status === 'in_progress' && liveness && liveness !== 'live') return { word: liveness, tone: liveness === 'lost' ? 'error' : 'warning' };
  return STATES[status] ?? { word: words(status), tone: 'busy' };
}

const STATES: Readonly<Record<string, Label>> = {
  starting: { word: 'starting', tone: 'busy' },
  in_progress: { word: 'running', tone: 'busy' },
  waiting: { word: 'waiting for you', tone: 'warning' },
  complete: { word: 'complete', tone: 'good' },
  error: { word: 'failed', tone: 'error' },
  cancelled: { word: 'cancelled', tone: 'muted' },
  'not-found': { word: 'not found', tone: 'muted' },
};

/** Returns the label of a tool call; of one that is running, the outcome is null. */
export function outcomeOf(outcome: string | null): Label {
  if (outcome === null) return { word: 'running', tone: 'busy' };
  return OUTCOMES[outcome] ?? { word: outcome, tone: 'muted' };
}

const OUTCOMES: Readonly<Record<string, Label>> = {
  ok: { word: 'done', tone: 'good' },
  error: { word: 'failed', tone: 'error' },
  denied: { word: 'denied', tone: 'warning' },
  cancelled: { word: 'cancelled', tone: 'muted' },
  asked: { word: 'asked you', tone: 'warning' },
  unknown: { word: 'effect unknown', tone: 'warning' },
};

/** Returns a time of day, and the date unless it is within a day. */
export function formatTime(epochMs: number): string {
  const recent = Date.now() - epochMs < DAY_MS;
  return new Date(epochMs).toLocaleString(undefined, recent ? { timeStyle: 'short' } : { dateStyle: 'medium', timeStyle: 'short' });
}

/** Returns a duration: with a tenth of a second while it is short. */
export const formatSeconds = (seconds: number): string => (seconds < 10 ? `${seconds.toFixed(1)} s` : duration(seconds));

/** Returns JSON for people; a text as it is. */
export const asText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value, null, 2));
