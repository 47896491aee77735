/**
 * One WebSocket to AppSync, which carries many subscriptions. It does not reconnect: see `live.ts`.
 *
 * https://docs.aws.amazon.com/appsync/latest/devguide/real-time-websocket-client.html
 */
import type { Subscription } from './live.js';
import { onStatusUpdate } from './operations.js';
import { patience, pause } from './patience.js';
import type { Session } from './session.js';
import { parsed, type SentStep } from './step.js';

/** A GraphQL `StatusUpdate`, as the server sends it. */
export interface Update extends SentStep {
  readonly requestId: string | null;
  readonly jobId: string | null;
}

export interface Endpoint {
  readonly graphqlUrl: string;
  readonly realtimeUrl: string;
}

/** What a socket reports. */
export interface SocketEvents {
  acknowledged(subscription: Subscription): void;
  heard(subscription: Subscription, update: Update): void;
  /** The server has refused or ended a subscription, which the socket starts again later, or the socket has closed. */
  lost(subscription: Subscription): void;
  closed(): void;
}

export interface Socket {
  /** How many subscriptions it carries. */
  readonly size: number;
  carries(subscription: Subscription): boolean;
  start(subscription: Subscription): void;
  /** Ends a subscription; closes the socket if it was the last one. */
  stop(subscription: Subscription): void;
  /** Closes the socket if the server is silent for too long. */
  check(): void;
  close(): void;
}

let keys = 0;

export function openSocket({ graphqlUrl, realtimeUrl }: Endpoint, session: Session, token: string, events: SocketEvents): Socket {
  const authorization = { host: new URL(graphqlUrl).host, Authorization: token };
  const header = btoa(JSON.stringify(authorization)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
  const websocket = new WebSocket(realtimeUrl, ['graphql-ws', `header-${header}`]);
  /** The subscriptions by the keys under which they were started. A key is never used again. */
  const started = new Map<string, Subscription>();
  /** The keys that the server must acknowledge; '' is the connection itself. */
  const awaited = new Set(['']);
  let timeoutMs = 300_000;
  // It counts the time that a machine sleeps, so a socket that died meanwhile is noticed at once.
  let aliveAt = Date.now();

  const send = (frame: object) => {
    if (websocket.readyState === 1) websocket.send(JSON.stringify(frame));
  };
  const begin = (subscription: Subscription, id: string) => {
    const variables = { userId: session.userId, ...subscription.what };
    const data = JSON.stringify({ query: onStatusUpdate, variables });
    send({ id, type: 'start', payload: { data, extensions: { authorization } } });
  };
  const end = (key: string) => {
    awaited.delete(key);
    return started.delete(key);
  };

  websocket.onopen = () => send({ type: 'connection_init' });
  websocket.onclose = websocket.onerror = () => socket.close();
  websocket.onmessage = ({ data }) => {
    const { type, id, payload } = Object(parsed(data));
    const subscription = started.get(id);
    aliveAt = Date.now();
    if (type === 'connection_ack') {
      awaited.delete('');
      timeoutMs = payload?.connectionTimeoutMs ?? timeoutMs;
      started.forEach(begin);
    } else if (type === 'data') {
      const update = payload?.data?.onStatusUpdate;
      if (update && subscription) events.heard(subscription, update);
    } else if (type === 'start_ack') {
      awaited.delete(id);
      if (subscription) events.acknowledged(subscription);
    } else if (/error|complete/.test(type)) {
      if (!id) return socket.close();
      awaited.delete(id);
      if (!subscription) return;
      events.lost(subscription);
      setTimeout(() => end(id) && socket.start(subscription), pause(++subscription.failures));
    }
  };

  const socket: Socket = {
    get size() {
      return started.size;
    },
    carries: (subscription) => [...started.values()].includes(subscription),
    start(subscription) {
      const key = String(++keys);
      started.set(key, subscription);
      aliveAt = Date.now();
      if (!awaited.has('')) begin(subscription, key);
      awaited.add(key);
    },
    stop(subscription) {
      for (const [id, each] of started) {
        if (each !== subscription) continue;
        end(id);
        send({ id, type: 'stop' });
        if (!started.size) socket.close();
      }
    },
    check() {
      if (Date.now() - aliveAt > (awaited.size ? patience.connect : timeoutMs)) socket.close();
    },
    close() {
      websocket.onopen = websocket.onmessage = websocket.onclose = null;
      // Closing a socket that is still connecting is an error.
      websocket.onerror = () => {};
      websocket.close();
      events.closed();
      started.forEach(events.lost);
      started.clear();
    },
  };
  return socket;
}
