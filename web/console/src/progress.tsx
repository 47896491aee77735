import { type RunView } from '@runcast/client';
import { barOf } from './tool-calls.tsx';
import { formatNumber, lastEventOf, messageOf } from './words.ts';

/** What a run does now. */
export function Progress({ run }: { run: RunView }) {
  if (run.refused || !['starting', 'in_progress'].includes(run.status)) return null;
  const step = lastEventOf(run);
  const call = run.tools.findLast(({ outcome }) => outcome === null);
  return (
    <div className="progress">
      <p>
        {step ? messageOf(step) : 'Starting …'}
        {run.missing > 0 && <small> ({formatNumber(run.missing)} steps are still loading)</small>}
      </p>
      <progress aria-label="Progress" {...(call && barOf(call))} />
    </div>
  );
}
