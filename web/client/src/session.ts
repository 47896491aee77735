/**
 * The user of all requests and sockets. A session learns who that is from each token, and reports when it is somebody
 * else, so that nothing of one user is shown to the next.
 */
import { type Auth, claims, type Stop } from './auth.js';
import { asRuncastError, RuncastError } from './errors.js';
import { patience } from './patience.js';

export interface Session {
  /** The user's id; null if nobody is signed in, undefined before that is known. */
  userId: string | null | undefined;
  /**
   * Returns the user's ID token.
   *
   * @throws RuncastError - Nobody is signed in, or the token cannot be renewed now.
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
  ask<T>(document: string, variables: object, timeoutMs?: number, force?: boolean): Promise<T>;
  /**
   * Sends a mutation whose answer says whether it succeeded.
   *
   * @throws RuncastError - It did not, or as `ask`.
   */
  change(document: string, variables: object): Promise<void>;
}

export function createSession(graphqlUrl: string, userIdClaim: string, auth: Auth): Session {
  const listeners = new Set<() => void>();

  async function send(query: string, variables: object, timeoutMs: number, force: boolean) {
    const headers = { Authorization: await session.token(force), 'Content-Type': 'application/json' };
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), timeoutMs);
    try {
      const body = JSON.stringify({ query, variables });
      const response = await fetch(graphqlUrl, { method: 'POST', headers, body, signal: abort.signal });
      const { data, errors } = await response.json().catch(() => ({}));
      // Partial data next to errors does not count as an answer.
      const answer = !errors?.[0] && Object.values(data ?? {})[0];
      if (answer) return answer;
      const { errorType, message, errorInfo } = errors?.[0] ?? {};
      const type = errorType ?? (response.status === 401 ? 'Unauthorized' : 'Unavailable');
      throw new RuncastError(type, message ?? `No answer: HTTP status ${response.status}.`, errorInfo?.retryAfter);
    } finally {
      clearTimeout(timer);
    }
  }

  const session: Session = {
    userId: undefined,
    async token(force = false) {
      const token = await auth.token({ force });
      const before = session.userId;
      session.userId = token && String(claims(token)[userIdClaim]);
      if (before !== undefined && before !== session.userId) listeners.forEach((listener) => listener());
      if (!token) throw new RuncastError('SignedOut', 'Nobody is signed in.');
      return token;
    },
    onUser(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async ask<T>(document: string, variables: object, timeoutMs = patience.request, force = false): Promise<T> {
      try {
        return (await send(document, variables, timeoutMs, force)) as T;
      } catch (failure) {
        const error = asRuncastError(failure);
        // A token may be revoked early. A refused request had no effect, so a retry is safe.
        if (force || !error.type.startsWith('Unauthorized')) throw error;
        return session.ask(document, variables, timeoutMs, true);
      }
    },
    async change(document, variables) {
      const { success, error } = await session.ask<{ success: boolean; error: string }>(document, variables);
      if (!success) throw new RuncastError('BadRequest', error);
    },
  };
  return session;
}
