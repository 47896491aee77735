/** The user's conversations, the one with the newest turn first. */
import { type ListedConversation } from '@runcast/client';
import { type useConversations } from '@runcast/react';
import { ErrorNotice } from './error-notice.tsx';
import { Pill } from './pill.tsx';
import { addressOfChat, NEW_CHAT } from './route.ts';
import { formatTime } from './words.ts';

export function ChatList({ chats, open, Heading }: { chats: ReturnType<typeof useConversations>; open: string | null; Heading: 'h1' | 'h2' }) {
  const { data, loading, error, reload, more } = chats;
  return (
    <>
      <div className="side-head">
        <Heading>Chats</Heading>
        <a className="button primary" href={NEW_CHAT}>
          New chat
        </a>
      </div>
      {error && <ErrorNotice onRetry={reload}>{error.message}</ErrorNotice>}
      <ul className="runs">
        {data.map((chat) => (
          <li key={chat.conversationId}>
            <Entry chat={chat} open={chat.conversationId === open} />
          </li>
        ))}
      </ul>
      {!data.length && !error && <p className="empty">{loading ? 'Loading …' : 'No chats yet.'}</p>}
      {more && (
        <button onClick={more} disabled={loading}>
          More
        </button>
      )}
    </>
  );
}

function Entry({ chat, open }: { chat: ListedConversation; open: boolean }) {
  return (
    <a className="entry" href={addressOfChat(chat.conversationId)} aria-current={open ? 'page' : undefined}>
      <span className="entry-head">
        <strong>{chat.title}</strong>
        {chat.openRun && <Pill word="open" tone="busy" />}
      </span>
      <span className="entry-facts">
        {chat.agent} · <time dateTime={new Date(chat.lastTurnAt).toISOString()}>{formatTime(chat.lastTurnAt)}</time>
      </span>
    </a>
  );
}
