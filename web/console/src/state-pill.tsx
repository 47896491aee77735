import { type Liveness, type Status } from '@runcast/client';
import { stateOf } from './words.ts';

/** The state of a run or a job, as a word and a colour. */
export function StatePill(of: { status: Status; liveness: Liveness | null }) {
  const { word, tone } = stateOf(of);
  return (
    <span className="pill" data-tone={tone}>
      {word}
    </span>
  );
}
