/** The user's conversations, the one with the newest turn first. */
import { type useConversations } from '@runcast/react';
import { addressOfChat, NEW_CHAT } from './route.ts';
import { SideEntry, SideList, type SideListProps } from './side-list.tsx';
import { Time } from './time.tsx';
import { type Label } from './words.ts';

const OPEN: Label = { word: 'open', tone: 'busy' };

export function ChatList({ chats, open, Heading }: SideListProps & { chats: ReturnType<typeof useConversations> }) {
  return (
    <SideList title="Chats" Heading={Heading} begin={{ word: 'New chat', address: NEW_CHAT }} loaded={chats} empty="No chats yet.">
      {chats.data.map(({ conversationId: id, title, agent, lastTurnAt, openRun }) => (
        <SideEntry key={id} address={addressOfChat(id)} open={id === open} name={title} label={openRun ? OPEN : null}>
          {agent} · <Time epochMs={lastTurnAt} />
        </SideEntry>
      ))}
    </SideList>
  );
}
