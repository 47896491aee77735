/**
 * The user of all requests and sockets. A session learns who that is from each token, and reports when it is somebody
 * else, so that nothing of one user is shown to the next.
 */
import { type Auth, claims, type Stop } from './auth.js';
import type { Config } from './config.js';
import { asRuncastError, noAnswer, RuncastError } from './errors.js';
import { patience } from './patience.js';

export interface Session {
  /** The user's id; null if nobody is signed in, undefined before that is known. */
  userId: string | null | undefined;
  /**
   * Returns the user's ID token.
   *
   * @throws RuncastError - `SignedOut`: nobody is signed in, or somebody else since the call. `Unavailable`: the token cannot be renewed now.
   */
  token(force?: boolean): Promise<string>;
  /** Calls `listener` when the user signs in or out. */
  onUser(listener: () => void): Stop;
  /**
   * Sends a GraphQL document over HTTP; returns the answer of its only field.
   *
   * @param timeoutMs - How long to wait for the answer.
   * @throws RuncastError - The request is refused, or there is no answer in time.
   */
  ask<T>(document: string, variables?: object, timeoutMs?: number, force?: boolean): Promise<T>;
  /**
   * Sends a mutation whose answer says whether it succeeded.
   *
   * @throws RuncastError - It did not, or as `ask`.
   */
  change(document: string, variables: object): Promise<void>;
}

export function createSession({ API, runcast }: Config, auth: Auth): Session {
  const listeners = new Set<() => void>();

  const session: Session = {
    userId: undefined,
    async token(force = false) {
      const asker = session.userId;
      const token = await auth.token({ force });
      const before = session.userId;
      session.userId = token && String(claims(token)[runcast.userIdClaim]);
      if (before !== undefined && before !== session.userId) listeners.forEach((listener) => listener());
      // What one user asks is not sent as the next one.
      if (!token || (asker && asker !== session.userId)) throw new RuncastError('SignedOut', 'Nobody is signed in.');
      return token;
    },
    onUser(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async ask<T>(query: string, variables?: object, timeoutMs = patience.request, force = false): Promise<T> {
      const abort = new AbortController();
      let timer: ReturnType<typeof setTimeout> | undefined;
      try {
        const headers = { Authorization: await session.token(force), 'Content-Type': 'application/json' };
        timer = setTimeout(() => abort.abort(), timeoutMs);
        const body = JSON.stringify({ query, variables });
        const response = await fetch(API.GraphQL.endpoint, { method: 'POST', headers, body, signal: abort.signal });
        const { data, errors } = await response.json().catch(() => ({}));
        const refusal = errors?.[0];
        // Partial data next to errors does not count as an answer.
        const answer = !refusal && (Object.values(data ?? {})[0] as T);
        if (answer) return answer;
        throw noAnswer(response, refusal);
      } catch (failure) {
        const error = asRuncastError(failure);
        // A token may be revoked early. A refused request had no effect, so a retry is safe.
        if (force || !error.type.startsWith('Unauthorized')) throw error;
        return session.ask(query, variables, timeoutMs, true);
      } finally {
        clearTimeout(timer);
      }
    },
    async change(document, variables) {
      const { success, error } = await session.ask<{ success: boolean; error: string }>(document, variables);
      if (!success) throw new RuncastError('BadRequest', error);
    },
  };
  return session;
}
