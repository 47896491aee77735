/** Where the client gets the user's ID token from: Cognito directly, Amplify, or an object of your own. */
import type { Config } from './config.js';
import { RuncastError } from './errors.js';

/** Ends a subscription. */
export type Stop = () => void;

/** The user's sign-in. */
export interface Auth {
  /**
   * Returns a valid ID token, renewed if necessary; null if nobody is signed in. Rejects if it cannot be renewed now.
   *
   * @param options - `force`: whether to renew it in any case, because the server has refused the last one.
   */
  token(options: { force: boolean }): Promise<string | null>;
  /** Calls `listener` after each sign-in and sign-out, in this tab or another one. */
  onChange(listener: () => void): Stop;
}

/** Returns the claims of an ID token. They are not verified here; the server verifies each token. */
export function claims(idToken: string): Record<string, unknown> {
  const base64 = idToken.split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/');
  return JSON.parse(decodeURIComponent(escape(atob(base64))));
}

/** The parts of Amplify that `amplifyAuth` uses, from `aws-amplify/auth` and `aws-amplify/utils`. */
export interface Amplify {
  fetchAuthSession(options: {
    forceRefresh: boolean;
  }): Promise<{ tokens?: { idToken?: { toString(): string } | undefined } | undefined }>;
  Hub: { listen(channel: 'auth', listener: () => void): Stop };
}

/** Uses Amplify's sign-in: `amplifyAuth({ fetchAuthSession, Hub })`. */
export const amplifyAuth = ({ fetchAuthSession, Hub }: Amplify): Auth => ({
  token: async ({ force }) => (await fetchAuthSession({ forceRefresh: force })).tokens?.idToken?.toString() ?? null,
  onChange: (listener) => alsoOfOtherTabs(listener, Hub.listen('auth', listener)),
});

/** Calls `listener` whenever another tab changes what is stored, too. Returns what ends that and calls `stop`. */
function alsoOfOtherTabs(listener: () => void, stop: Stop): Stop {
  globalThis.addEventListener?.('storage', listener);
  return () => {
    stop();
    globalThis.removeEventListener?.('storage', listener);
  };
}

/** Where `cognitoAuth` keeps tokens: a part of the browser's `Storage`. */
export type TokenStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/** A sign-in with Cognito. */
export interface CognitoAuth extends Auth {
  /**
   * Signs in.
   *
   * @throws RuncastError - Cognito refuses the user or the password, requires another step, or gives no answer.
   */
  signIn(username: string, password: string): Promise<void>;
  /** Signs out in all tabs. */
  signOut(): void;
}

interface Tokens {
  idToken: string;
  refreshToken?: string;
  /** When to renew the ID token, by this machine's clock. */
  renewAt: number;
}

const RENEW_EARLY_MS = 300_000;

/** Signs in with Cognito, without a library. It keeps the tokens in `localStorage` or, without one, in memory. */
export function cognitoAuth(config: Config, storage: TokenStorage = globalThis.localStorage ?? inMemory()): CognitoAuth {
  const { userPoolClientId, userPoolEndpoint } = config.Auth.Cognito;
  const key = `runcast.${userPoolClientId}`;
  const listeners = new Set<() => void>();
  let renewing: Promise<string | null> | undefined;

  const read = () => JSON.parse(storage.getItem(key) ?? 'null') as Tokens | null;
  const write = (tokens: Tokens) => storage.setItem(key, JSON.stringify(tokens));
  const tell = () => listeners.forEach((listener) => listener());

  async function authenticate(AuthFlow: string, AuthParameters: Record<string, string>, refreshToken?: string): Promise<Tokens> {
    const response = await fetch(userPoolEndpoint, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/x-amz-json-1.1',
        'X-Amz-Target': 'AWSCognitoIdentityProviderService.InitiateAuth',
      },
      body: JSON.stringify({ AuthFlow, ClientId: userPoolClientId, AuthParameters }),
    });
    const { AuthenticationResult: tokens, ChallengeName, __type, message } = await response.json();
    if (ChallengeName) throw new RuncastError('Unauthorized', `Signing in needs another step first: ${ChallengeName}.`);
    if (!tokens) {
      const refused = /(NotAuthorized|UserNotFound)Exception$/.test(__type);
      throw new RuncastError(refused ? 'Unauthorized' : 'Unavailable', message ?? `Signing in failed: ${__type}.`);
    }
    const { exp, iat } = claims(tokens.IdToken) as { exp: number; iat: number };
    // The clock of a user's machine may be hours off, so only the token's lifetime counts.
    const lifetimeMs = (exp - iat) * 1000;
    return {
      idToken: tokens.IdToken,
      refreshToken: tokens.RefreshToken ?? refreshToken,
      renewAt: Date.now() + lifetimeMs - Math.min(RENEW_EARLY_MS, lifetimeMs / 2),
    };
  }

  async function renew({ refreshToken }: Tokens): Promise<string | null> {
    try {
      const renewed = await authenticate('REFRESH_TOKEN_AUTH', { REFRESH_TOKEN: refreshToken! }, refreshToken);
      // The user may have signed out during the renewal.
      if (read()?.refreshToken === refreshToken) write(renewed);
    } catch (error) {
      if (!(error instanceof RuncastError) || error.type !== 'Unauthorized') throw error;
      auth.signOut();
    }
    return read()?.idToken ?? null;
  }

  const auth: CognitoAuth = {
    async token({ force }) {
      const tokens = read();
      if (!tokens || (!force && Date.now() < tokens.renewAt)) return tokens?.idToken ?? null;
      return (renewing ??= renew(tokens).finally(() => (renewing = undefined)));
    },
    onChange(listener) {
      listeners.add(listener);
      return alsoOfOtherTabs(listener, () => listeners.delete(listener));
    },
    async signIn(username, password) {
      write(await authenticate('USER_PASSWORD_AUTH', { USERNAME: username, PASSWORD: password }));
      tell();
    },
    signOut() {
      storage.removeItem(key);
      tell();
    },
  };
  return auth;
}

function inMemory(): TokenStorage {
  const items = new Map<string, string>();
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
  };
}
