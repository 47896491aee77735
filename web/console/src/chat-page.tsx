/** One conversation: what was said, the newest turn with its live text and its questions, and the field for the next one. */
import { answerOf, ended, type RunView } from '@runcast/client';
import { QuestionForm, type Run, useAgents, useConversation, useRuncast } from '@runcast/react';
import { type FormEvent, type KeyboardEvent, memo, type ReactNode, useEffect, useRef, useState } from 'react';
import { ActionButton } from './action-button.tsx';
import { CancelButton } from './cancel-button.tsx';
import { ErrorNotice } from './error-notice.tsx';
import { type PageProps, usePage } from './page.ts';
import { Progress } from './progress.tsx';
import { addressOf, addressOfChat, CHATS } from './route.ts';
import { atEnd } from './steps.tsx';
import { formatNumber, QUERY_MAX, stateOf } from './words.ts';

export function ChatPage(props: PageProps) {
  const { id, onChange } = props;
  const { data, loading, error, reload, run, send } = useConversation(id);
  const [sent, setSent] = useState({ runId: '', query: '' });
  const [agent, setAgent] = useState('');
  const agents = useAgents();
  const open = run.id !== null && !run.refused && !ended(run.status) && run.status !== 'not-found';
  const title = data?.title ?? 'New chat';
  const newest = data?.runs.find(({ requestId }) => requestId === run.id);
  // The messages have the newest turn when it is complete.
  const turn = run.id !== null && newest?.status !== 'complete';
  const chosen = data?.agent ?? (agent || agents.data.agents[0]?.name);
  const heading = usePage(props, { run, title, announcement: announcementOf(run) });

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
      <Log>
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

/** Memoized, because each piece of live text renders the page. */
const Message = memo(function Message({ role, children }: { role: string; children: string }) {
  return (
    <li className="message" data-role={role}>
      <span className="visually-hidden">{role === 'user' ? 'You: ' : 'Agent: '}</span>
      {children}
    </li>
  );
});

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
function Log({ children }: { children: ReactNode }) {
  const scroll = useRef<HTMLDivElement>(null);
  const following = useRef(true);
  useEffect(() => {
    if (following.current) scroll.current!.scrollTop = scroll.current!.scrollHeight;
  });
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
  const remove = async () => {
    await runcast.deleteConversation(id);
    location.hash = CHATS;
    onDeleted();
  };
  return (
    <div className="actions">
      <ActionButton word="Delete" question="Delete this chat and its messages?" action={remove} />
    </div>
  );
}
