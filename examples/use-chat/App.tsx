/** A chat with a Runcast agent. The address has the id of the conversation, so a reload opens it again. */
import { useChat } from '@ai-sdk/react';
import { cognitoAuth, createRuncast, type Question } from '@runcast/client';
import { type FormEvent, useState } from 'react';
import config from './config.json';
import { messagesOf, type RunMessage, RuncastTransport } from './runcast-transport';

const auth = cognitoAuth(config);
const runcast = createRuncast({ config, auth });
const transport = new RuncastTransport({ runcast, agent: 'terrain' });
const chatId = location.hash.slice(1) || (location.hash = crypto.randomUUID());

/** Returns the earlier messages; null if nobody is signed in. */
async function load(): Promise<RunMessage[] | null> {
  if ((await auth.token({ force: false })) === null) return null;
  const conversation = await runcast.conversation(chatId);
  return conversation ? messagesOf(conversation) : [];
}
const loaded = await load();

export default function App() {
  const [earlier, setEarlier] = useState(loaded);
  if (earlier) return <Chat earlier={earlier} />;
  const signIn = async (form: FormData) => {
    await auth.signIn(String(form.get('name')), String(form.get('password')));
    setEarlier(await load());
  };
  return (
    <form action={signIn}>
      <input name="name" /> <input name="password" type="password" /> <button>Sign in</button>
    </form>
  );
}

function Chat({ earlier }: { earlier: RunMessage[] }) {
  const { messages, sendMessage, status, stop, error } = useChat({ id: chatId, messages: earlier, transport, resume: true });
  const runId = messages.at(-1)?.metadata?.runId;
  const send = (form: FormData) => sendMessage({ text: String(form.get('text')) });
  return (
    <main data-status={status}>
      {messages.map((message) => (
        <Message key={message.id} message={message} />
      ))}
      {error && <p role="alert">{error.message}</p>}
      <form action={send}>
        <input name="text" required /> <button disabled={status === 'submitted' || status === 'streaming'}>Send</button>
      </form>
      <button onClick={() => void stop()}>Stop watching</button>
      {runId && <button onClick={() => void runcast.watch(runId).cancel()}>Cancel the run</button>}
    </main>
  );
}

function Message({ message: { role, parts, metadata } }: { message: RunMessage }) {
  return (
    <section data-role={role}>
      {parts.map((part, index) => {
        if (part.type === 'text') return <p key={index}>{part.text}</p>;
        if (part.type === 'dynamic-tool') return <p key={index}>{`${part.toolName}: ${part.state}`}</p>;
        if (part.type === 'data-questions') return <Questions key={index} runId={metadata!.runId} questions={part.data} />;
        return null;
      })}
    </section>
  );
}

function Questions({ runId, questions }: { runId: string; questions: readonly Question[] }) {
  const answer = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    void runcast.watch(runId).answer(Object.fromEntries(questions.map(({ id }) => [id, String(form.get(id))])));
  };
  if (!questions.length) return null;
  return (
    <form onSubmit={answer}>
      {questions.map(({ id, name, reason }) => (
        <label key={id}>
          {name}: {JSON.stringify(reason)} <input name={id} required />
        </label>
      ))}
      <button>Answer</button>
    </form>
  );
}
