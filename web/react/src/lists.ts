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

/**
 * Loads something at the mount, after each change of user, and on demand.
 *
 * @param of - `subject`: what is loaded; the data of another one is never shown. `part`: how much of it; while another
 *   part is loading, the last one is shown.
 */
export function useLoaded<T>(load: (runcast: Runcast) => Promise<T>, empty: T, { subject = '', part = '' } = {}): Loaded<T> {
  const runcast = useRuncast();
  const latest = useRef(load);
  latest.current = load;
  const [reloads, setReloads] = useState(0);
  const [users, setUsers] = useState(0);
  // Nothing of another user or subject is shown, whenever its answer arrives.
  const owner = JSON.stringify([users, subject]);
  const request = JSON.stringify([owner, part, reloads]);
  const [last, setLast] = useState({ owner, request: '', data: empty, error: null as RuncastError | null });
  const reload = useCallback(() => setReloads((before) => before + 1), []);

  useEffect(() => runcast.onUser(() => setUsers((before) => before + 1)), [runcast]);
  useEffect(() => {
    let current = true;
    latest.current(runcast).then(
      (data) => current && setLast({ owner, request, data, error: null }),
      (error) => current && setLast((before) => ({ owner, request, data: before.owner === owner ? before.data : empty, error })),
    );
    return () => void (current = false);
  }, [runcast, owner, request]);
  const { data, error } = last.owner === owner ? last : { data: empty, error: null };
  return { data, error, loading: last.request !== request, reload };
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
    { part: `${key} ${wanted}` },
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
  return useLoaded((runcast) => runcast.agents(), { agents: [], playbooks: [] });
}
