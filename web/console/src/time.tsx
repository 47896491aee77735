import { formatTime } from './words.ts';

export function Time({ epochMs }: { epochMs: number }) {
  return <time dateTime={new Date(epochMs).toISOString()}>{formatTime(epochMs)}</time>;
}
