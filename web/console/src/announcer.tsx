/**
 * The page's only live region. Screen readers read out at most one message in 5 seconds, because a run may have several
 * steps a second; of the messages in between, only the last one is read.
 */
import { createContext, type ReactNode, useCallback, useContext, useEffect, useRef, useState } from 'react';

const PAUSE_MS = 5_000;

const Context = createContext<(message: string) => void>(() => {});

export function Announcer({ children }: { children: ReactNode }) {
  const [message, setMessage] = useState('');
  const pending = useRef('');
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const announce = useCallback((next: string) => {
    pending.current = next;
    const say = () => {
      timer.current = undefined;
      if (!pending.current) return;
      setMessage(pending.current);
      pending.current = '';
      timer.current = setTimeout(say, PAUSE_MS);
    };
    if (timer.current === undefined) say();
  }, []);
  return (
    <Context.Provider value={announce}>
      {children}
      <p className="visually-hidden" role="status">
        {message}
      </p>
    </Context.Provider>
  );
}

/** Has `message` read out whenever it changes; an empty one says nothing. */
export function useAnnouncement(message: string): void {
  const announce = useContext(Context);
  useEffect(() => {
    if (message) announce(message);
  }, [announce, message]);
}
