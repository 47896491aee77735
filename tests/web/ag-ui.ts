// An AG-UI page: it reloads while a run goes on, answers the run's question, and reloads again.
import type { BaseEvent } from '@ag-ui/client';
import { cognitoAuth, createRuncast } from '@runcast/client';
import { RuncastAgent } from '@runcast/client/ag-ui';
import config from './config.json';
import user from './user.json';

interface Seen {
  threadId: string;
  streams: BaseEvent[][];
}

const auth = cognitoAuth(config);
const runcast = createRuncast({ config, auth });
const saved = sessionStorage.getItem('seen');
const seen: Seen = saved ? JSON.parse(saved) : { threadId: crypto.randomUUID(), streams: [] };
const agent = new RuncastAgent({ runcast, agent: 'buyer', threadId: seen.threadId });

/** Keeps the events of the next stream, and calls `each` after each of them. */
function keep(each: (event: BaseEvent) => void = () => {}) {
  const events: BaseEvent[] = [];
  seen.streams.push(events);
  return { onEvent: ({ event }: { event: BaseEvent }) => void (events.push(event), each(event)) };
}

function reload(): void {
  sessionStorage.setItem('seen', JSON.stringify(seen));
  location.reload();
}

async function use(): Promise<void> {
  if (!seen.streams.length) {
    await auth.signIn(user.name, user.password);
    agent.addMessage({ id: 'm1', role: 'user', content: 'Buy three turbines.' });
    // The first event after the start is a step of the run.
    await agent.runAgent({}, keep(({ type }) => type !== 'RUN_STARTED' && reload()));
    return;
  }
  if (seen.streams.length === 1) {
    await agent.connectAgent({}, keep());
    const resume = agent.pendingInterrupts.map(({ id }) => ({ interruptId: id, status: 'resolved' as const, payload: 'yes' }));
    await agent.runAgent({ resume }, keep());
    return reload();
  }
  await agent.connectAgent({}, keep());
  const { messages, pendingInterrupts } = agent;
  await fetch('/report', { method: 'POST', body: JSON.stringify({ ...seen, messages, pendingInterrupts }) });
}

use().catch((error) => fetch('/report', { method: 'POST', body: JSON.stringify({ ...seen, failed: String(error) }) }));
