/** GraphQL requests over HTTP, and their errors. */
import { asRuncastError, RuncastError } from './errors.js';
import { patience } from './patience.js';
import type { Session } from './session.js';

export class Api {
  constructor(
    readonly url: string,
    readonly session: Session,
  ) {}

  /**
   * Sends a document; returns the answer of its only field.
   *
   * @throws RuncastError - The request is refused, or there is no answer in time.
   */
  async ask<T>(document: string, variables: object, timeout = patience.request): Promise<T> {
    try {
      return await this.#ask(document, variables, timeout, false);
    } catch (error) {
      // A token may be revoked early. A refused request had no effect, so a retry is safe.
      if (!(error instanceof RuncastError) || !error.type.startsWith('Unauthorized')) throw asRuncastError(error);
      return this.#ask<T>(document, variables, timeout, true).catch((again) => {
        throw asRuncastError(again);
      });
    }
  }

  async #ask<T>(query: string, variables: object, timeout: number, force: boolean): Promise<T> {
    const headers = { Authorization: await this.session.token(force), 'Content-Type': 'application/json' };
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), timeout);
    try {
      const body = JSON.stringify({ query, variables });
      const response = await fetch(this.url, { method: 'POST', headers, body, signal: abort.signal });
      const answer = await response.json().catch(() => ({}));
      // Partial data next to errors does not count as an answer.
      const error = answer.errors?.[0];
      if (error) {
        throw new RuncastError(error.errorType ?? 'Unavailable', String(error.message), error.errorInfo?.retryAfter);
      }
      if (response.status === 401) throw new RuncastError('Unauthorized', 'The token is refused.');
      const data = answer.data && Object.values(answer.data)[0];
      if (!data) throw new RuncastError('Unavailable', `No answer: HTTP status ${response.status}.`);
      return data as T;
    } finally {
      clearTimeout(timer);
    }
  }
}
