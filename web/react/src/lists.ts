/** Lists of the user's runs, and of what can be started. */
import type { ListedConversation, ListedRun, ListFilter, Runcast, RuncastError, Startable, StartableAgent } from '@runcast/client';
import { useCallback, useEffect, useRef, useState } from 'react';
import { useRuncast } from './provider.js';

export interface Loaded<T> {
  readonly data: T;
  readonly loading: boolean;
  readonly error: RuncastError | null;
  /** Loads it again. */
  reload(): void;
}

/** Loads something at the mount, after each change of user, and on demand. */
export function useLoaded<T>(load: (runcast: Runcast) => Promise<T>, empty: T, key: string): Loaded<T> {
  const runcast = useRuncast();
  const latest = useRef(load);
  latest.current = load;
  const [count, setCount] = useState(0);
  const [state, setState] = useState<{ data: T; loading: boolean; error: RuncastError | null }>({ data: empty, loading: true, error: null });
  const reload = useCallback(() => setCount((before) => before + 1), []);
  const initial = useRef(empty);

  useEffect(
    () =>
      runcast.onUser(() => {
        // Nothing of the previous user stays.
        setState({ data: initial.current, loading: true, error: null });
        reload();
      }),
    [runcast, reload],
  );
  useEffect(() => {
    let current = true;
    setState((before) => ({ ...before, loading: true }));
    latest.current(runcast).then(
      (data) => current && setState({ data, loading: false, error: null }),
      (error) => current && setState((before) => ({ ...before, loading: false, error })),
    );
    return () => void (current = false);
  }, [runcast, count, key]);
  return { ...state, reload };
}

/** A list that grows page by page. */
type Paged<T> = Loaded<readonly T[]> & {
  /** Loads the next page; null if there is none. */
  readonly more: (() => void) | null;
};

interface LoadedPage<T> {
  readonly entries: readonly T[];
  readonly nextCursor: string | null;
}

function usePaged<T>(load: (runcast: Runcast, cursor: { cursor?: string }) => Promise<LoadedPage<T>>, key: string): Paged<T> {
  const [pages, setPages] = useState({ key, count: 1 });
  const wanted = pages.key === key ? pages.count : 1;
  const { data, ...rest } = useLoaded<LoadedPage<T>>(
    async (runcast) => {
      let all = await load(runcast, {});
      for (let page = 1; page < wanted && all.nextCursor !== null; page++) {
        const next = await load(runcast, { cursor: all.nextCursor });
        all = { entries: [...all.entries, ...next.entries], nextCursor: next.nextCursor };
      }
      return all;
    },
    { entries: [], nextCursor: null },
    `${key} ${wanted}`,
  );
  const more = () => setPages({ key, count: wanted + 1 });
  return { ...rest, data: data.entries, more: data.nextCursor === null ? null : more };
}

/** The user's runs and jobs, newest first. */
export function useRuns(filter: Omit<ListFilter, 'cursor'> = {}): Paged<ListedRun> {
  return usePaged(async (runcast, cursor) => {
    const { runs, nextCursor } = await runcast.list({ ...filter, ...cursor });
    return { entries: runs, nextCursor };
  }, JSON.stringify(filter));
}

/** The user's conversations, the one with the newest turn first. */
export function useConversations(): Paged<ListedConversation> {
  return usePaged(async (runcast, cursor) => {
    const { conversations, nextCursor } = await runcast.conversations(cursor);
    return { entries: conversations, nextCursor };
  }, '');
}

/** The agents and the playbooks that can be started. */
export function useAgents(): Loaded<{ agents: readonly StartableAgent[]; playbooks: readonly Startable[] }> {
  return useLoaded((runcast) => runcast.agents(), { agents: [], playbooks: [] }, '');
}
