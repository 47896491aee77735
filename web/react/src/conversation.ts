/** Shows a conversation and takes its next turn. */
import { type Conversation, ended, type NewRun, type Refusal, type Watch } from '@runcast/client';
import { useCallback, useEffect, useState } from 'react';
import { type Loaded, useLoaded } from './lists.js';
import { useRuncast } from './provider.js';
import { type Run, useRun } from './run.js';

/** The next turn of a conversation. */
export type Turn = Omit<Extract<NewRun, { agent: string }>, 'conversationId'>;

/** A conversation, loaded again after each turn. `data` is null before its first turn. */
export interface ConversationState extends Loaded<Conversation | null> {
  /** The newest turn, live. Its `text` is the answer so far, which `data.messages` has after its end. */
  readonly run: Run;
  /** Why the turn that was sent last was not started: for example because another tab's turn is open, which `run` then is. */
  readonly refused: Refusal | undefined;
  /** Starts the next turn. It is refused while a run is open. */
  send(turn: Turn): Watch;
}

/**
 * Follows a conversation while the component is mounted.
 *
 * @param id - Its id, a UUID. For a new conversation, any unused one.
 */
export function useConversation(id: string): ConversationState {
  const runcast = useRuncast();
  const [sent, setSent] = useState<{ id: string; runId: string } | null>(null);
  const loaded = useLoaded<Conversation | null>((runcast) => runcast.conversation(id), null, { subject: id });
  const { data, reload } = loaded;
  const newest = data?.openRun ?? data?.runs[0]?.requestId ?? null;
  const last = useRun(sent?.id === id ? sent.runId : null);
  const { refused } = last;
  const run = useRun(refused ? newest : (last.id ?? newest));
  const send = useCallback(
    (turn: Turn) => {
      const watch = runcast.start({ ...turn, conversationId: id });
      setSent({ id, runId: watch.id });
      return watch;
    },
    [runcast, id],
  );
  const over = ended(run.status) && data?.runs.find(({ requestId }) => requestId === run.id)?.status !== run.status;
  useEffect(() => {
    if (over) reload();
  }, [over, reload]);
  useEffect(() => {
    if (refused) reload();
  }, [refused, reload]);
  return { ...loaded, run, refused, send };
}
