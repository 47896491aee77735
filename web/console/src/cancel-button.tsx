import { type Run } from '@runcast/react';
import { useState } from 'react';
import { useAnnouncement } from './announcer.tsx';
import { ErrorNotice } from './error-notice.tsx';

/** Cancels an open run. */
export function CancelButton({ run }: { run: Run }) {
  const [problem, setProblem] = useState('');
  const [asked, setAsked] = useState(false);
  useAnnouncement(problem);
  const cancel = () => {
    setProblem('');
    setAsked(true);
    run.cancel().catch((error: Error) => {
      setAsked(false);
      setProblem(error.message);
    });
  };
  if (!['in_progress', 'waiting'].includes(run.status)) return null;
  const cancelling = asked || run.liveness === 'cancelling';
  return (
    <>
      <button onClick={cancel} disabled={cancelling}>
        {cancelling ? 'Cancelling …' : 'Cancel'}
      </button>
      {problem && <ErrorNotice>{problem}</ErrorNotice>}
    </>
  );
}
