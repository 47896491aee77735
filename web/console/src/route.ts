/** The address of what is shown: `#/` is the list, `#/new` the form, and `#/ID` a run or a job. */
import { useSyncExternalStore } from 'react';

export type Route = { readonly page: 'list' } | { readonly page: 'new' } | { readonly page: 'run'; readonly id: string };

const subscribe = (listener: () => void) => {
  addEventListener('hashchange', listener);
  return () => removeEventListener('hashchange', listener);
};

export function useRoute(): Route {
  const hash = useSyncExternalStore(subscribe, () => location.hash);
  const name = hash.replace(/^#\/?/, '');
  if (!name) return { page: 'list' };
  return name === 'new' ? { page: 'new' } : { page: 'run', id: decoded(name) };
}

export const addressOf = (id: string) => `#/${encodeURIComponent(id)}`;

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
