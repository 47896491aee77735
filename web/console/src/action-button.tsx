import { useState } from 'react';
import { useAnnouncement } from './announcer.tsx';
import { ErrorNotice } from './error-notice.tsx';

/** A button that changes something on the server. It can be pressed again if that fails. */
export function ActionButton({
  word,
  busyWord = word,
  question,
  busy = false,
  action,
}: {
  word: string;
  busyWord?: string;
  /** What the user must confirm first. */
  question?: string;
  /** Whether the server is already doing it. */
  busy?: boolean;
  action: () => Promise<void>;
}) {
  const [pressed, setPressed] = useState(false);
  const [problem, setProblem] = useState('');
  useAnnouncement(problem);
  const press = () => {
    if (question && !confirm(question)) return;
    setProblem('');
    setPressed(true);
    action().catch((error: Error) => {
      setPressed(false);
      setProblem(error.message);
    });
  };
  const disabled = pressed || busy;
  return (
    <>
      <button onClick={press} disabled={disabled}>
        {disabled ? busyWord : word}
      </button>
      {problem && <ErrorNotice>{problem}</ErrorNotice>}
    </>
  );
}
