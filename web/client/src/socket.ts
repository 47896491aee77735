/**
 * One WebSocket to AppSync, which carries many subscriptions. It does not reconnect: see `live.ts`.
 *
 * https://docs.aws.amazon.com/appsync/latest/devguide/real-time-websocket-client.html
 */
import { onStatusUpdate } from './operations.js';
import { patience } from './patience.js';
import type { SentStep } from './step.js';

/** A GraphQL `StatusUpdate`, as the server sends it. */
export interface Update extends SentStep {
  readonly requestId: string | null;
  readonly jobId: string | null;
}

/** What a socket reports. `key` names a subscription. */
export interface SocketEvents {
  acknowledged(key: string): void;
  heard(key: string, update: Update): void;
  /** The server has refused or ended a subscription. */
  ended(key: string): void;
  closed(): void;
}

export interface Endpoint {
  readonly graphqlUrl: string;
  readonly realtimeUrl: string;
}

export class Socket {
  readonly #socket: WebSocket;
  readonly #authorization: { host: string; Authorization: string };
  readonly #events: SocketEvents;
  readonly #waiting = new Map<string, object>();
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #watchdog: ReturnType<typeof setInterval>;
  #ready = false;
  #closed = false;
  #aliveAt = Date.now();
  #timeout = 300_000;

  constructor(
    { graphqlUrl, realtimeUrl }: Endpoint,
    readonly token: string,
    events: SocketEvents,
  ) {
    this.#events = events;
    this.#authorization = { host: new URL(graphqlUrl).host, Authorization: token };
    const header = btoa(JSON.stringify(this.#authorization)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
    this.#socket = new WebSocket(realtimeUrl, ['graphql-ws', `header-${header}`]);
    this.#socket.onopen = () => this.#send({ type: 'connection_init' });
    this.#socket.onmessage = ({ data }) => this.#take(data);
    this.#socket.onclose = this.#socket.onerror = () => this.close();
    this.#watchdog = setInterval(() => {
      if (Date.now() - this.#aliveAt > this.#timeout) this.close();
    }, patience.check);
    this.#expect('');
  }

  /** Subscribes under an unused key. A subscription that is not acknowledged in time closes the socket. */
  start(key: string, variables: object): void {
    this.#expect(key);
    if (!this.#ready) return void this.#waiting.set(key, variables);
    const data = JSON.stringify({ query: onStatusUpdate, variables });
    this.#send({ id: key, type: 'start', payload: { data, extensions: { authorization: this.#authorization } } });
  }

  stop(key: string): void {
    this.#arrived(key);
    if (!this.#waiting.delete(key) && this.#ready) this.#send({ id: key, type: 'stop' });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#watchdog);
    this.#timers.forEach(clearTimeout);
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    // Closing a socket that is still connecting is an error.
    this.#socket.onerror = () => {};
    this.#socket.close();
    this.#events.closed();
  }

  #send(frame: object): void {
    if (this.#socket.readyState === 1) this.#socket.send(JSON.stringify(frame));
  }

  #expect(key: string): void {
    this.#arrived(key);
    this.#timers.set(
      key,
      setTimeout(() => this.close(), patience.connect),
    );
  }

  #arrived(key: string): void {
    clearTimeout(this.#timers.get(key));
    this.#timers.delete(key);
  }

  #take(text: string): void {
    let frame;
    try {
      frame = JSON.parse(text);
    } catch {
      return this.close();
    }
    const { type, id, payload } = frame;
    this.#aliveAt = Date.now();
    if (type === 'connection_ack') {
      this.#arrived('');
      this.#ready = true;
      this.#timeout = payload?.connectionTimeoutMs ?? this.#timeout;
      for (const [key, variables] of this.#waiting) this.start(key, variables);
      this.#waiting.clear();
    } else if (type === 'start_ack') {
      this.#arrived(id);
      this.#events.acknowledged(id);
    } else if (type === 'data') {
      const update = payload?.data?.onStatusUpdate;
      if (update) this.#events.heard(id, update);
    } else if (type === 'connection_error' || (type === 'error' && !id)) {
      this.close();
    } else if (type === 'error' || type === 'complete') {
      this.#arrived(id);
      this.#events.ended(id);
    }
  }
}
