/**
 * The address of what is shown: `#/` is the list of runs, `#/new` the form, and `#/ID` a run or a job; `#/chat` is the list of
 * conversations, `#/chat/new` a new one, and `#/chat/ID` one of them.
 */
import { useSyncExternalStore } from 'react';

export type Route =
  | { readonly page: 'list' | 'new' | 'chats' | 'new-chat' }
  | { readonly page: 'run' | 'chat'; readonly id: string };

export const RUNS = '#/';
export const CHATS = '#/chat';
export const NEW_CHAT = '#/chat/new';

const PAGES = { '': 'list', new: 'new', chat: 'chats', 'chat/new': 'new-chat' } as const;

const subscribe = (listener: () => void) => {
  addEventListener('hashchange', listener);
  return () => removeEventListener('hashchange', listener);
};

export function useRoute(): Route {
  const hash = useSyncExternalStore(subscribe, () => location.hash);
  const name = hash.replace(/^#\/?/, '');
  if (Object.hasOwn(PAGES, name)) return { page: PAGES[name as keyof typeof PAGES] };
  const [, chat] = /^chat\/(.+)$/.exec(name) ?? [];
  return chat ? { page: 'chat', id: decoded(chat) } : { page: 'run', id: decoded(name) };
}

export const addressOf = (id: string) => `#/${encodeURIComponent(id)}`;
export const addressOfChat = (id: string) => `${CHATS}/${encodeURIComponent(id)}`;

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
