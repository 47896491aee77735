// What a snippet of docs/frontend.md finds: the user's token, the run to start, the documents, and what shows a message.
import { readFileSync } from 'node:fs';
import { WebSocket as Socket } from 'ws';

export const { config, documents, token, user, library, agent, query, userId, requestId } = JSON.parse(readFileSync(0, 'utf8'));
export const { getAgentProgress, onStatusUpdate, startAgentRun } = documents;

let acknowledge;
const started = new Promise((resolve) => (acknowledge = resolve));
export const connected = () => started;
export const acknowledged = () => {};
globalThis.WebSocket = class extends Socket {
  constructor(...options) {
    super(...options);
    this.on('message', (text) => JSON.parse(text).type === 'start_ack' && acknowledge());
  }
};

export let idToken = async () => token;
if (library === 'amplify') {
  const { Amplify } = await import('aws-amplify');
  const { fetchAuthSession, signIn } = await import('aws-amplify/auth');
  Amplify.configure(config);
  await signIn({ username: user.name, password: user.password, options: { authFlowType: 'USER_PASSWORD_AUTH' } });
  idToken = async () => (await fetchAuthSession()).tokens.idToken.toString();
}

export function report(body) {
  process.stdout.write(JSON.stringify(body), () => process.exit(0));
}
const shown = [];
export function show(update) {
  shown.push(update);
  const last = shown.find(({ status, metadata }) => status === 'agent_complete' && !(metadata ?? '').includes('parentSeq'));
  if (last && new Set(shown.map(({ seq }) => seq)).size === last.seq) report(shown);
}
