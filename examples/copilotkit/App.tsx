/** A CopilotKit chat with a Runcast agent, without a server of its own. The address has the id of the thread, so a reload opens it again. */
import { type AbstractAgent, CopilotChat, CopilotKitProvider, useInterrupt } from '@copilotkit/react-core/v2';
import '@copilotkit/react-core/v2/styles.css';
import { cognitoAuth, createRuncast } from '@runcast/client';
import { RuncastAgent } from '@runcast/client/ag-ui';
import { useState } from 'react';
import config from './config.json';

const auth = cognitoAuth(config);
const runcast = createRuncast({ config, auth });
const threadId = location.hash.slice(1) || (location.hash = crypto.randomUUID());
const agent = new RuncastAgent({ runcast, agent: 'terrain', threadId });
// This version of CopilotKit has the types of an earlier AG-UI, with fewer kinds of messages.
const agents = { default: agent as unknown as AbstractAgent };
const remembered = (await auth.token({ force: false })) !== null;

export default function App() {
  const [signedIn, setSignedIn] = useState(remembered);
  const signIn = async (form: FormData) => {
    await auth.signIn(String(form.get('name')), String(form.get('password')));
    setSignedIn(true);
  };
  if (!signedIn) {
    return (
      <form action={signIn}>
        <input name="name" /> <input name="password" type="password" /> <button>Sign in</button>
      </form>
    );
  }
  return (
    <CopilotKitProvider agents__unsafe_dev_only={agents}>
      <Questions />
      <CopilotChat threadId={threadId} />
    </CopilotKitProvider>
  );
}

/** Shows the agent's questions within the chat. The run continues when all of them are answered. */
function Questions() {
  useInterrupt({
    render: ({ interrupts, resolve }) => (
      <form action={(form: FormData) => interrupts.forEach(({ id }) => void resolve(form.get(id), id))}>
        {interrupts.map(({ id, message }) => (
          <label key={id}>
            {message} <input name={id} required />
          </label>
        ))}
        <button>Answer</button>
      </form>
    ),
  });
  return null;
}
