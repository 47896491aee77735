/** Times, states and numbers for people. */
import { type Liveness, type Status } from '@runcast/client';
import { duration } from '@runcast/react';

const DAY_MS = 86_400_000;
const number = new Intl.NumberFormat('en', { maximumFractionDigits: 2 });
const cost = new Intl.NumberFormat('en', { style: 'currency', currency: 'USD', maximumSignificantDigits: 3 });

export const formatNumber = (value: number): string => number.format(value);
export const formatCost = (usd: number): string => cost.format(usd);

/** Returns what a state is called: a worker that is late, lost or being cancelled matters more than the status. */
export function stateOf({ status, liveness }: { status: Status; liveness: Liveness | null }): { word: string; tone: Tone } {
  if (status === 'in_progress' && liveness && liveness !== 'live') return { word: liveness, tone: liveness === 'lost' ? 'error' : 'warning' };
  return { word: STATES[status]?.word ?? status.replaceAll('_', ' '), tone: STATES[status]?.tone ?? 'busy' };
}

export type Tone = 'busy' | 'good' | 'warning' | 'error' | 'muted';

const STATES: Readonly<Record<string, { word: string; tone: Tone }>> = {
  starting: { word: 'starting', tone: 'busy' },
  in_progress: { word: 'running', tone: 'busy' },
  waiting: { word: 'waiting for you', tone: 'warning' },
  complete: { word: 'complete', tone: 'good' },
  error: { word: 'failed', tone: 'error' },
  cancelled: { word: 'cancelled', tone: 'muted' },
  'not-found': { word: 'not found', tone: 'muted' },
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
