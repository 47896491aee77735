/** All timeouts and intervals of a watch, in milliseconds. The Python client has the same in `patience.py`. */
export const patience = {
  /** How long to wait for a missing step before reading the record. */
  gap: 500,
  /** How long to wait for any live message before reading the record. */
  silence: 5_000,
  /** The longest time between two reads, because a connection may deliver only some messages. */
  backstop: 30_000,
  /** The time between two reads without a live connection, or while the worker's state is in doubt. */
  poll: 1_000,
  /** How long a lost worker is polled. It may come back, and its run may still be ended for it. */
  lost: 30_000,
  /** The timeout of a request. */
  request: 10_000,
  /** How long an HTTP request may take that starts a run: longer than a Lambda's cold start. */
  start: 30_000,
  /** How long a file may take to be sent: as long as its form is valid. */
  upload: 300_000,
  /** How long a connection may take until a subscription is acknowledged. */
  connect: 5_000,
  /** How long a start waits for the subscription. */
  listen: 2_000,
  /** How often a socket checks its server's sign of life and the user's token. */
  check: 5_000,
  /** How long a watch without subscribers stays alive: components are mounted again at once in StrictMode. */
  idle: 5_000,
};

export type Patience = typeof patience;

/**
 * Returns the pause before retry number `failures`: exponential backoff with full jitter, so that clients do not
 * reconnect at the same time after an outage.
 */
export const pause = (failures: number): number => Math.random() * Math.min(60_000, 250 * 2 ** Math.min(failures, 20));
