/** One conversation: what was said, the newest turn with its live text and its questions, and the field for the next one. */
import { answerOf, type Conversation, ended, type Refusal, type RunView } from '@runcast/client';
import { QuestionForm, type Run, useAgents, useConversation, useRuncast } from '@runcast/react';
import { memo, type ReactNode, useEffect, useRef, useState } from 'react';
import { ActionButton } from './action-button.tsx';
import { AttachmentField, fileHandlers } from './attachment-field.tsx';
import { type Attachment, attachmentsOf, sendable, useAttachments } from './attachments.ts';
import { CancelButton } from './cancel-button.tsx';
import { Composer } from './composer.tsx';
import { emptyDraft, inputOf } from './draft.ts';
import { ErrorNotice } from './error-notice.tsx';
import { fieldsOf, InvalidParameter } from './parameters.ts';
import { type PageProps, usePage } from './page.ts';
import { Progress } from './progress.tsx';
import { addressOf, addressOfChat, CHATS } from './route.ts';
import { atEnd } from './steps.tsx';
import { formatNumber, stateOf } from './words.ts';

export function ChatPage(props: PageProps) {
  const { id, onChange } = props;
  const { data, loading, error, reload, run, refused, send } = useConversation(id);
  const [draft, setDraft] = useState(emptyDraft);
  const attachments = useAttachments();
  const [sent, setSent] = useState({ runId: '', draft, files: [] as readonly Attachment[] });
  const [invalid, setInvalid] = useState('');
  const [agent, setAgent] = useState('');
  const agents = useAgents();
  const open = run.id !== null && !run.refused && !ended(run.status) && run.status !== 'not-found';
  const title = data?.title ?? 'New chat';
  const newest = data?.runs.find(({ requestId }) => requestId === run.id);
  // The messages have the newest turn when it is complete.
  const turn = run.id !== null && newest?.status !== 'complete';
  const begins = !data && !turn && !loading;
  const chosen = data?.agent ?? (agent || agents.data.agents[0]?.name);
  const declared = agents.data.agents.find(({ name }) => name === chosen);
  const fields = fieldsOf(declared?.parametersSchema ?? null);
  const taker = declared ?? { name: chosen ?? '', attachments: false };
  const heading = usePage(props, { run, title, announcement: announcementOf(run) });

  // A message that was refused can be sent again.
  useEffect(() => {
    if (!refused) return;
    setDraft((next) => (next.query ? next : sent.draft));
    if (!attachments.all.length) attachments.replace(sent.files);
  }, [refused, sent]);

  const ask = () => {
    try {
      const { id: runId } = send({ agent: chosen!, ...inputOf(draft, fields), ...attachmentsOf(attachments.all) });
      setSent({ runId, draft, files: attachments.all });
    } catch (failure) {
      if (!(failure instanceof InvalidParameter)) throw failure;
      return setInvalid(failure.message);
    }
    setInvalid('');
    setDraft({ ...draft, query: '' });
    attachments.replace([]);
    // The address of a new conversation, which a reload opens again.
    location.replace(addressOfChat(id));
  };
  const choose = ({ target }: { target: HTMLSelectElement }) => {
    setAgent(target.value);
    setDraft({ ...draft, parameters: {} });
    attachments.refuse('');
  };
  return (
    <article className="page chat" {...fileHandlers(attachments, taker)} data-status={run.status} data-up-to-date={run.id === null || run.upToDate}>
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
          <Messages messages={data?.messages ?? null} />
          {turn && (
            <Turn
              run={run}
              query={sent.runId === run.id ? sent.draft.query : (newest?.query ?? '')}
              attachments={sent.runId === run.id ? sent.files.map(({ file }) => file.name) : attachedTo(run)}
            />
          )}
        </ol>
      </Log>
      {begins && (
        <label className="field">
          <span>Agent</span>
          <select value={chosen} onChange={choose}>
            {agents.data.agents.map(({ name }) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
      )}
      <Composer
        draft={draft}
        onDraft={setDraft}
        fields={fields}
        begins={begins}
        disabled={open || !chosen || !sendable(attachments.all, taker)}
        problem={invalid || (refused ? notSent(refused, data) : '')}
        onSend={ask}
      >
        <AttachmentField attachments={attachments} taker={taker} />
      </Composer>
    </article>
  );
}

function announcementOf(run: RunView): string {
  if (run.refused) return run.refused.message;
  if (run.status === 'waiting') return 'The agent waits for your answer.';
  if (run.status === 'complete') return `The agent says: ${answerOf(run)}`;
  return ended(run.status) ? `${stateOf(run).word}. ${run.error ?? ''}` : '';
}

/** The names of the files of a run, which its worker has recorded. */
function attachedTo({ steps }: RunView): readonly string[] {
  const names = steps.find(({ status }) => status === 'attachments')?.metadata.attachments;
  return Array.isArray(names) ? names.map(String) : [];
}

/** Says why the last message was not sent, also after the turn that was in its way. */
const notSent = ({ type, message }: Refusal, data: Conversation | null): string =>
  type === 'Conflict' && data
    ? 'Your message was not sent, because another turn was in progress, for example in another tab. Send it again after that turn.'
    : `Your message was not sent. ${message}`;

/** Those of the earlier turns. Memoized, because each piece of live text renders the page. */
const Messages = memo(function Messages({ messages }: Pick<Conversation, 'messages'>) {
  return messages?.map(({ role, text, attachments }, index) => (
    <Message key={index} role={role} attachments={attachments}>
      {text}
    </Message>
  ));
});

function Message({ role, attachments, children }: { role: string; attachments?: readonly string[] | null; children: string }) {
  return (
    <li className="message" data-role={role}>
      <span className="visually-hidden">{role === 'user' ? 'You: ' : 'Agent: '}</span>
      {!!attachments?.length && (
        <small className="message-attachments">
          <span className="visually-hidden">Attached: </span>
          {attachments.join(', ')}
        </small>
      )}
      {children}
    </li>
  );
}

/** The newest turn while it goes on, or after it has failed. */
function Turn({ run, query, attachments }: { run: Run; query: string; attachments: readonly string[] }) {
  const answer = answerOf(run);
  return (
    <>
      {query && (
        <Message role="user" attachments={attachments}>
          {query}
        </Message>
      )}
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
