/** A request that Runcast or the sign-in refused, or that got no answer. */
export class RuncastError extends Error {
  /**
   * @param type - `BadRequest`, `Conflict`, `TooManyRequests`, `Unauthorized`, `Unavailable`, `SignedOut` or another
   *   `errorType`.
   * @param message - What was wrong, for people.
   * @param retryAfter - With `TooManyRequests`: when to try again, in seconds.
   */
  constructor(
    readonly type: string,
    message: string,
    readonly retryAfter?: number,
  ) {
    super(message);
    this.name = 'RuncastError';
  }

  /** Whether the same request may succeed later. New servers may have new types, so unknown ones count as such. */
  get retryable(): boolean {
    return !/^(BadRequest|Conflict|SignedOut|TooManyRequests|Unauthorized.*)$/.test(this.type);
  }
}

/** Returns the error of a response without an answer; `refusal` is the GraphQL error in it. */
export const noAnswer = ({ status }: Response, refusal?: { errorType?: string; message?: string; errorInfo?: { retryAfter?: number } }): RuncastError =>
  new RuncastError(
    refusal?.errorType ?? (status === 401 ? 'Unauthorized' : 'Unavailable'),
    refusal?.message ?? `No answer: HTTP status ${status}.`,
    refusal?.errorInfo?.retryAfter,
  );

/** Returns an error of any kind as a `RuncastError`: everything else is a failure of the network. */
export const asRuncastError = (error: unknown): RuncastError =>
  error instanceof RuncastError ? error : new RuncastError('Unavailable', String(error));
