/**
 * The user of all requests and sockets. It learns who that is from each token, and tells when it is somebody else, so
 * that nothing of one user is shown to the next.
 */
import { type Auth, type Stop, claims } from './auth.js';
import { RuncastError } from './errors.js';

export class Session {
  /** The user's id; null if nobody is signed in, undefined before that is known. */
  userId: string | null | undefined;
  #listeners = new Set<() => void>();

  constructor(
    readonly auth: Auth,
    readonly userIdClaim: string,
  ) {}

  /**
   * Returns the user's ID token.
   *
   * @throws RuncastError - Nobody is signed in, or the token cannot be renewed now.
   */
  async token(force = false): Promise<string> {
    const token = await this.auth.token({ force });
    const userId = token && String(claims(token)[this.userIdClaim]);
    const before = this.userId;
    this.userId = userId;
    if (before !== undefined && before !== userId) this.#listeners.forEach((listener) => listener());
    if (!token) throw new RuncastError('SignedOut', 'Nobody is signed in.');
    return token;
  }

  /** Calls `listener` when the user signs in or out. */
  onUser(listener: () => void): Stop {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
