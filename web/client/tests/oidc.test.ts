/** A sign-in with the user's own identity provider, as docs/frontend.md shows it. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Auth } from '../src/index.js';
import { createRuncast } from '../src/index.js';
import { jwt } from './fake.js';
import { followed, server, until } from './served.js';

const page = readFileSync(new URL('../../../docs/frontend.md', import.meta.url), 'utf8');
const [, snippet] = /^```ts\n(const auth = \{.*?)^```$/ms.exec(page)!;

/** What the example uses of a `UserManager` of oidc-client-ts. */
function userManager(idToken: string | null) {
  const listeners = new Set<object>();
  const on = (event: string) => (listener: () => void) => {
    const added = { event, listener };
    listeners.add(added);
    return () => void listeners.delete(added);
  };
  const asked: string[] = [];
  const user = (how: string) => async () => {
    asked.push(how);
    return idToken && { id_token: idToken };
  };
  return {
    asked,
    listeners,
    getUser: user('kept'),
    signinSilent: user('renewed'),
    events: { addUserLoaded: on('loaded'), addUserUnloaded: on('unloaded') },
  };
}

const authOf = (manager: object): Auth => new Function('manager', `${snippet} return auth;`)(manager);

test('the example of docs/frontend.md subscribes with the claim sub of its token', async () => {
  const token = jwt({ iss: 'https://id.example.com', sub: 'ana' });
  const runcast = createRuncast({ config: server.config, auth: authOf(userManager(token)) });
  followed(runcast.start({ agent: 'terrain', query: 'Where?' }));
  const subscribed = () => [...server.subscriptions.values()].map(({ variables }) => variables.userId);
  await until(() => expect(subscribed()).toEqual(['ana']));
});

test('the example renews a refused token, knows that nobody is signed in, and stops listening', async () => {
  const manager = userManager('a.b.c');
  const auth = authOf(manager);
  expect(await auth.token({ force: false })).toBe('a.b.c');
  expect(await auth.token({ force: true })).toBe('a.b.c');
  expect(manager.asked).toEqual(['kept', 'renewed']);
  expect(await authOf(userManager(null)).token({ force: false })).toBeNull();

  const stop = auth.onChange(() => undefined);
  expect([...manager.listeners]).toMatchObject([{ event: 'loaded' }, { event: 'unloaded' }]);
  stop();
  expect(manager.listeners.size).toBe(0);
});
