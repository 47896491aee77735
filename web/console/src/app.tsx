/** The frame: the bar with the state of the connection, the list beside what is open, and the sign-in before both. */
import { type RunView } from '@runcast/client';
import { useConversations, useRuns } from '@runcast/react';
import { type ReactNode, useEffect, useState, useSyncExternalStore } from 'react';
import { useAnnouncement } from './announcer.tsx';
import { useAttachments } from './attachments.ts';
import { ChatList } from './chat-list.tsx';
import { ChatPage } from './chat-page.tsx';
import { emptyDraft } from './draft.ts';
import { Logo } from './logo.tsx';
import { CHATS, RUNS, useRoute } from './route.ts';
import { RunPage } from './run-page.tsx';
import { type Filter, RunList } from './run-list.tsx';
import { type Session, type User, useUser } from './session.ts';
import { SignIn } from './sign-in.tsx';
import { type StartDraft, StartForm } from './start-form.tsx';
import { type Label } from './words.ts';

type Connection = RunView['connection'];

const CONNECTIONS: Record<Connection, Label & { explained: string }> = {
  live: { word: 'Live', tone: 'good', explained: 'Messages arrive as they are sent.' },
  polling: { word: 'Polling', tone: 'warning', explained: 'Without a WebSocket: the record is read every second.' },
  offline: { word: 'Offline', tone: 'error', explained: 'There is no connection. Trying again.' },
  'signed-out': { word: 'Signed out', tone: 'warning', explained: 'Sign in again.' },
};

const RELOAD_MS = 10_000;

export function App({ session }: { session: Session }) {
  const user = useUser(session.auth);
  if (user === undefined) return null;
  return user === null ? <SignIn session={session} /> : <Console key={user.id} session={session} user={user} />;
}

function Console({ session, user }: { session: Session; user: User }) {
  const route = useRoute();
  const [filter, setFilter] = useState<Filter>({});
  const [draft, setDraft] = useState<StartDraft>(emptyDraft);
  const attachments = useAttachments();
  const [connection, setConnection] = useState<Connection | null>(null);
  const runs = useRuns(filter);
  const chats = useConversations();
  const chatting = ['chats', 'new-chat', 'chat'].includes(route.page);
  const { reload, error } = chatting ? chats : runs;
  const open = 'id' in route ? route.id : null;
  const [newChatId, setNewChatId] = useState(() => crypto.randomUUID());
  // A new chat has its own address after its first turn, and the next one needs another id.
  if (open === newChatId) setNewChatId(crypto.randomUUID());
  const narrow = useNarrow();
  const listAlone = narrow && (route.page === 'list' || route.page === 'chats');

  useEffect(() => {
    const timer = setInterval(() => document.hidden || reload(), RELOAD_MS);
    return () => clearInterval(timer);
  }, [reload]);

  const Heading = listAlone ? 'h1' : 'h2';
  const list = (
    <>
      <nav className="tabs" aria-label="Lists">
        <a href={RUNS} aria-current={!chatting}>
          Runs
        </a>
        <a href={CHATS} aria-current={chatting}>
          Chats
        </a>
      </nav>
      {chatting ? (
        <ChatList chats={chats} open={open} Heading={Heading} />
      ) : (
        <RunList runs={runs} filter={filter} onFilter={setFilter} open={open} Heading={Heading} />
      )}
    </>
  );
  const chatId = open ?? newChatId;
  return (
    <div className="frame">
      <a className="skip" href="#main" onClick={skip}>
        Skip to the content
      </a>
      <header className="bar">
        <a className="home" href={RUNS} aria-label="Runcast, all runs">
          <Logo />
        </a>
        <ConnectionState connection={(open === null ? null : connection) ?? (error ? 'offline' : 'live')} />
        <span className="user">{user.name}</span>
        <button className="quiet" onClick={() => void session.signOut()}>
          Sign out
        </button>
      </header>
      {!narrow && (
        <aside className="side" aria-label={chatting ? 'Chats' : 'Runs and jobs'}>
          {list}
        </aside>
      )}
      <main className={listAlone ? 'side' : 'main'} id="main" tabIndex={-1}>
        {listAlone ? (
          list
        ) : chatting ? (
          <ChatPage key={chatId} id={chatId} onConnection={setConnection} onChange={reload} />
        ) : open === null ? (
          <StartForm draft={draft} onDraft={setDraft} attachments={attachments} onStarted={reload} />
        ) : (
          <RunPage key={open} id={open} listed={runs.data.find(({ requestId }) => requestId === open)} onConnection={setConnection} onChange={reload} />
        )}
      </main>
    </div>
  );
}

/** Whether the page has room for one column only: on phones, and with large text. styles.css has the same width. */
const narrowQuery = matchMedia('(max-width: 48em)');
const onNarrow = (listener: () => void) => {
  narrowQuery.addEventListener('change', listener);
  return () => narrowQuery.removeEventListener('change', listener);
};
const useNarrow = () => useSyncExternalStore(onNarrow, () => narrowQuery.matches);

/** A link to `#main` would change the route. */
function skip(event: { preventDefault(): void }): void {
  event.preventDefault();
  document.getElementById('main')!.focus();
}

function ConnectionState({ connection }: { connection: Connection }): ReactNode {
  const { word, tone, explained } = CONNECTIONS[connection];
  useAnnouncement(connection === 'offline' ? `${word}. ${explained}` : '');
  return (
    <span className="connection" data-connection={connection} data-tone={tone} title={explained}>
      <span className="visually-hidden">Connection: </span>
      {word}
    </span>
  );
}
