/** The sign-ins give a valid token, renew it, and tell of a sign-out. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { amplifyAuth, cognitoAuth, type CognitoAuth, type Config, type TokenStorage } from '../src/index.js';
import { jwt } from './fake.js';

let server: Server;
let auth: CognitoAuth;
let items: Map<string, string>;
let asked: { AuthFlow: string; AuthParameters: Record<string, string> }[];
let refusal: object | undefined;

beforeEach(async () => {
  [asked, refusal, items] = [[], undefined, new Map()];
  server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    asked.push(JSON.parse(body));
    response.statusCode = refusal ? 400 : 200;
    const tokens = { IdToken: jwt({ sub: 'u', iat: 0, exp: 3600, n: asked.length }), RefreshToken: asked.length === 1 ? 'refresh' : undefined };
    response.end(JSON.stringify(refusal ?? { AuthenticationResult: tokens }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const storage: TokenStorage = {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
  };
  const userPoolEndpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const config = { Auth: { Cognito: { userPoolId: 'p', userPoolClientId: 'c', userPoolEndpoint } } } as Config;
  auth = cognitoAuth(config, storage);
});

afterEach(() => {
  vi.useRealTimers();
  server.closeAllConnections();
  server.close();
});

test('a token is kept until shortly before it expires', async () => {
  await auth.signIn('alice', 'secret');
  const first = await auth.token({ force: false });
  expect(await auth.token({ force: false })).toBe(first);
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_400_000 });
  const [second, third] = await Promise.all([auth.token({ force: false }), auth.token({ force: false })]);

  expect(second).not.toBe(first);
  expect(third).toBe(second);
  expect(asked.map(({ AuthFlow }) => AuthFlow)).toEqual(['USER_PASSWORD_AUTH', 'REFRESH_TOKEN_AUTH']);
  expect(asked[1]!.AuthParameters).toEqual({ REFRESH_TOKEN: 'refresh' });
  await auth.token({ force: true });
  expect(asked).toHaveLength(3);
});

test('a refused refresh token is a sign-out', async () => {
  const told = vi.fn();
  await auth.signIn('alice', 'secret');
  auth.onChange(told);
  refusal = { __type: 'NotAuthorizedException', message: 'Refresh Token has been revoked' };

  expect(await auth.token({ force: true })).toBeNull();
  expect(told).toHaveBeenCalledOnce();
  expect(items.size).toBe(0);
});

test('a failure of Cognito is not a sign-out', async () => {
  await auth.signIn('alice', 'secret');
  refusal = { __type: 'TooManyRequestsException', message: 'Later' };

  await expect(auth.token({ force: true })).rejects.toMatchObject({ type: 'Unavailable' });
  expect(await auth.token({ force: false })).not.toBeNull();
});

test('a wrong password and a further step are refused', async () => {
  refusal = { __type: 'NotAuthorizedException', message: 'Incorrect username or password.' };
  await expect(auth.signIn('alice', 'wrong')).rejects.toMatchObject({ type: 'Unauthorized', message: 'Incorrect username or password.' });
  refusal = { ChallengeName: 'NEW_PASSWORD_REQUIRED', __type: 'x' };
  await expect(auth.signIn('alice', 'secret')).rejects.toThrow();
});

test('a sign-out tells', async () => {
  const told = vi.fn();
  await auth.signIn('alice', 'secret');
  auth.onChange(told);
  auth.signOut();

  expect(told).toHaveBeenCalledOnce();
  expect(await auth.token({ force: false })).toBeNull();
});

test("Amplify's ID token is used", async () => {
  const sessions: boolean[] = [];
  const listeners: (() => void)[] = [];
  const amplify = amplifyAuth({
    fetchAuthSession: async ({ forceRefresh }) => {
      sessions.push(forceRefresh);
      return { tokens: { idToken: { toString: () => 'token' } } };
    },
    Hub: { listen: (_, listener) => (listeners.push(listener), () => {}) },
  });

  expect(await amplify.token({ force: true })).toBe('token');
  expect(sessions).toEqual([true]);
  const told = vi.fn();
  amplify.onChange(told);
  listeners.forEach((listener) => listener());
  expect(told).toHaveBeenCalledOnce();
});
