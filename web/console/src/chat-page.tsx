/** One conversation: what was said, the newest turn with its live text and its questions, and the field for the next one. */
import { ended, type RunView } from '@runcast/client';
import { QuestionForm, type Run, useAgents, useConversation, useRuncast } from '@runcast/react';
import { type FormEvent, type KeyboardEvent, type ReactNode, useEffect, useRef, useState } from 'react';
import { useAnnouncement } from './announcer.tsx';
import { CancelButton } from './cancel-button.tsx';
import { ErrorNotice } from './error-notice.tsx';
import { isObject } from './json.ts';
import { Progress } from './progress.tsx';
import { addressOf, addressOfChat, CHATS } from './route.ts';
import { atEnd } from './steps.tsx';
import { asText, formatNumber, QUERY_MAX, stateOf } from './words.ts';

export function ChatPage({
  id,
  onConnection,
  onChange,
}: {
  id: string;
  /** Called with the state of the open run's connection; null while no run is open. */
  onConnection: (connection: RunView['connection'] | null) => void;
  /** Called when the list of conversations has changed. */
  onChange: () => void;
}) {
  const { data, loading, error, reload, run, send } = useConversation(id);
  const [sent, setSent] = useState({ runId: '', query: '' });
  const [agent, setAgent] = useState('');
  const agents = useAgents();
  const open = run.id !== null && !run.refused && !ended(run.status) && run.status !== 'not-found';
  const connection = open && run.steps.length ? run.connection : null;
  const title = data?.title ?? 'New chat';
  const newest = data?.runs.find(({ requestId }) => requestId === run.id);
  // The messages have the newest turn when it is complete.
  const turn = run.id !== null && newest?.status !== 'complete';
  const chosen = data?.agent ?? (agent || agents.data.agents[0]?.name);
  useEffect(() => onConnection(connection), [onConnection, connection]);
  useEffect(() => onChange(), [onChange, run.id, run.status]);
  useEffect(() => {
    document.title = `${title} - Runcast`;
    return () => void (document.title = 'Runcast');
  }, [title]);
  useAnnouncement(announcementOf(run));
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);

  const ask = (query: string) => {
    setSent({ runId: send({ agent: chosen!, query }).id, query });
    // The address of a new conversation, which a reload opens again.
    location.replace(addressOfChat(id));
  };
  return (
    <article className="page chat" data-status={run.status} data-up-to-date={run.id === null || run.upToDate}>
      <a className="back" href={CHATS}>
        All chats
      </a>
      <header className="run-head">
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {data && <span className="muted">{data.agent}</span>}
        {data && <DeleteButton id={id} onDeleted={onChange} />}
      </header>
      {error && <ErrorNotice onRetry={reload}>{error.message}</ErrorNotice>}
      <Log key={data ? id : ''} length={(data?.messages?.length ?? 0) + run.text.length + run.steps.length}>
        {loading && !data && !turn && <p className="empty">Loading …</p>}
        {data?.messages === null && <p className="hint">The earlier messages are no longer stored.</p>}
        {!!data?.messagesOmitted && <p className="hint">{formatNumber(data.messagesOmitted)} earlier messages are not shown.</p>}
        <ol className="messages">
          {data?.messages?.map(({ role, text }, index) => (
            <Message key={index} role={role}>
              {text}
            </Message>
          ))}
          {turn && <Turn run={run} query={sent.runId === run.id ? sent.query : (newest?.query ?? '')} />}
        </ol>
      </Log>
      {!data && !turn && !loading && (
        <label className="field">
          <span>Agent</span>
          <select value={chosen} onChange={(event) => setAgent(event.target.value)}>
            {agents.data.agents.map(({ name }) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
      )}
      <Composer disabled={open || !chosen} onSend={ask} />
    </article>
  );
}

function announcementOf(run: RunView): string {
  if (run.refused) return run.refused.message;
  if (run.status === 'waiting') return 'The agent waits for your answer.';
  if (run.status === 'complete') return `The agent says: ${answerOf(run)}`;
  return ended(run.status) ? `${stateOf(run).word}. ${run.error ?? ''}` : '';
}

/** Returns what the agent has said so far; without live text, that is its result. */
function answerOf({ text, result }: RunView): string {
  if (text || result === undefined) return text;
  return isObject(result) && typeof result.text === 'string' ? result.text : asText(result);
}

function Message({ role, children }: { role: string; children: ReactNode }) {
  return (
    <li className="message" data-role={role}>
      <span className="visually-hidden">{role === 'user' ? 'You: ' : 'Agent: '}</span>
      {children}
    </li>
  );
}

/** The newest turn while it goes on, or after it has failed. */
function Turn({ run, query }: { run: Run; query: string }) {
  const answer = answerOf(run);
  return (
    <>
      {query && <Message role="user">{query}</Message>}
      {answer && <Message role="assistant">{answer}</Message>}
      <li className="turn">
        <Progress run={run} />
        {run.refused && <ErrorNotice>{run.refused.message}</ErrorNotice>}
        {run.error && <ErrorNotice>{run.error}</ErrorNotice>}
        {run.status === 'cancelled' && <p className="hint">This turn was cancelled.</p>}
        {run.questions.length > 0 && (
          <div className="card">
            <QuestionForm run={run} />
          </div>
        )}
        {!run.refused && (
          <div className="actions">
            <CancelButton run={run} />
            <a href={addressOf(run.id!)}>Steps of this turn</a>
          </div>
        )}
      </li>
    </>
  );
}

/** The messages. While they are scrolled to their end, new ones stay in view. */
function Log({ length, children }: { length: number; children: ReactNode }) {
  const scroll = useRef<HTMLDivElement>(null);
  const following = useRef(true);
  useEffect(() => {
    if (following.current) scroll.current!.scrollTop = scroll.current!.scrollHeight;
  }, [length]);
  return (
    <div
      className="log"
      ref={scroll}
      role="region"
      aria-label="Messages"
      tabIndex={0}
      onScroll={({ currentTarget }) => void (following.current = atEnd(currentTarget))}
    >
      {children}
    </div>
  );
}

function Composer({ disabled, onSend }: { disabled: boolean; onSend: (query: string) => void }) {
  const [text, setText] = useState('');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (disabled || !text.trim()) return;
    onSend(text);
    setText('');
  };
  return (
    <form className="composer" onSubmit={submit}>
      <textarea
        aria-label="Message"
        rows={2}
        maxLength={QUERY_MAX}
        value={text}
        placeholder="Enter sends, Shift+Enter starts a new line"
        onChange={(event) => setText(event.target.value)}
        onKeyDown={sendOnEnter}
      />
      <button className="primary" disabled={disabled}>
        Send
      </button>
    </form>
  );
}

/** Enter also ends the composition of a character, for example a Japanese one. */
function sendOnEnter(event: KeyboardEvent<HTMLTextAreaElement>): void {
  if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
  event.preventDefault();
  event.currentTarget.form!.requestSubmit();
}

function DeleteButton({ id, onDeleted }: { id: string; onDeleted: () => void }) {
  const runcast = useRuncast();
  const [problem, setProblem] = useState('');
  useAnnouncement(problem);
  const remove = async () => {
    if (!confirm('Delete this chat and its messages?')) return;
    try {
      await runcast.deleteConversation(id);
      location.hash = CHATS;
      onDeleted();
    } catch (error) {
      setProblem((error as Error).message);
    }
  };
  return (
    <div className="actions">
      <button onClick={() => void remove()}>Delete</button>
      {problem && <ErrorNotice>{problem}</ErrorNotice>}
    </div>
  );
}
