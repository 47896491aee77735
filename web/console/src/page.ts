/** What the page of a run and the page of a chat have in common. */
import { ended, type RunView } from '@runcast/client';
import { type Run } from '@runcast/react';
import { type RefObject, useEffect, useRef } from 'react';
import { useAnnouncement } from './announcer.tsx';

export interface PageProps {
  /** The id of the run or the conversation. */
  readonly id: string;
  /** Called with the state of the run's connection; null while the run needs none. */
  readonly onConnection: (connection: RunView['connection'] | null) => void;
  /** Called when the lists have changed. */
  readonly onChange: () => void;
}

/** Keeps the window's title and the frame up to date, and moves the focus to the heading, whose ref it returns. */
export function usePage(
  { onConnection, onChange }: PageProps,
  { run, title, announcement }: { run: Run; title: string; announcement: string },
): RefObject<HTMLHeadingElement | null> {
  const { id, status, steps, upToDate } = run;
  // A run that has ended and is shown whole needs no connection.
  const connection = steps.length === 0 || (ended(status) && upToDate) ? null : run.connection;
  useEffect(() => onConnection(connection), [onConnection, connection]);
  useEffect(() => {
    // The lists have no run before the server has started it.
    if (status !== 'starting') onChange();
  }, [onChange, id, status]);
  useEffect(() => {
    document.title = `${title} - Runcast`;
    return () => void (document.title = 'Runcast');
  }, [title]);
  useAnnouncement(announcement);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  return heading;
}
