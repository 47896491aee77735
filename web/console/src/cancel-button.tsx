import { type Run } from '@runcast/react';
import { ActionButton } from './action-button.tsx';

/** Cancels an open run. */
export function CancelButton({ run }: { run: Run }) {
  if (!['in_progress', 'waiting'].includes(run.status)) return null;
  return <ActionButton word="Cancel" busyWord="Cancelling …" busy={run.liveness === 'cancelling'} action={run.cancel} />;
}
