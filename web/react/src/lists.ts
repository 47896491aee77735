/** Lists of the user's runs, and of what can be started. */
import type { ListedRun, ListFilter, Runcast, RuncastError, Startable, StartableAgent } from '@runcast/client';
import { useCallback, useEffect, useRef, useState } from 'react';
import { useRuncast } from './provider.js';

interface Loaded<T> {
  readonly data: T;
  readonly loading: boolean;
  readonly error: RuncastError | null;
  /** Loads it again. */
  reload(): void;
}

/** Loads something at the mount, after each change of user, and on demand. */
function useLoaded<T>(load: (runcast: Runcast) => Promise<T>, empty: T, key: string): Loaded<T> {
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

/** The user's runs and jobs, newest first. `more` loads the next page; it is null if there is none. */
export function useRuns(filter: Omit<ListFilter, 'cursor'> = {}): Loaded<readonly ListedRun[]> & { more: (() => void) | null } {
  const key = JSON.stringify(filter);
  const [pages, setPages] = useState({ key, count: 1 });
  const wanted = pages.key === key ? pages.count : 1;
  const { data, ...rest } = useLoaded(
    (runcast) => firstPages(runcast, filter, wanted),
    { runs: [] as ListedRun[], nextCursor: null as string | null },
    `${key} ${wanted}`,
  );
  const more = () => setPages({ key, count: wanted + 1 });
  return { ...rest, data: data.runs, more: data.nextCursor === null ? null : more };
}

async function firstPages(runcast: Runcast, filter: ListFilter, count: number) {
  const runs: ListedRun[] = [];
  let nextCursor: string | null = null;
  for (let page = 0; page < count && (page === 0 || nextCursor !== null); page++) {
    const answer = await runcast.list(nextCursor === null ? filter : { ...filter, cursor: nextCursor });
    runs.push(...answer.runs);
    nextCursor = answer.nextCursor;
  }
  return { runs, nextCursor };
}

/** The agents and the playbooks that can be started. */
export function useAgents(): Loaded<{ agents: readonly StartableAgent[]; playbooks: readonly Startable[] }> {
  return useLoaded((runcast) => runcast.agents(), { agents: [], playbooks: [] }, '');
}
