/** Shows a conversation and takes its next turn. */
import { type Conversation, ended, type NewRun, type Watch } from '@runcast/client';
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
  /** Starts the next turn. It is refused while a run is open: see `run.refused`. */
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
  const run = useRun(sent?.id === id ? sent.runId : newest);
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
  return { ...loaded, run, send };
}
