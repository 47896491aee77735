/**
 * One WebSocket to AppSync, which carries many subscriptions. It does not reconnect: see `live.ts`.
 *
 * https://docs.aws.amazon.com/appsync/latest/devguide/real-time-websocket-client.html
 */
import type { Config } from './config.js';
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

export interface Socket {
  /** The subscriptions that it carries, by the keys under which they were started. A key is never used again. */
  readonly started: ReadonlyMap<string, Subscription>;
  start(subscription: Subscription): void;
  /** Ends a subscription; closes the socket if it was the last one. */
  stop(subscription: Subscription): void;
  /** Closes the socket if the server is silent for too long. */
  check(): void;
  close(): void;
}

let keys = 0;

export function openSocket({ API, runcast }: Config, session: Session, token: string, heard: () => void, closed: () => void): Socket {
  const authorization = { host: new URL(API.GraphQL.endpoint).host, Authorization: token };
  const header = btoa(JSON.stringify(authorization)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
  const websocket = new WebSocket(runcast.realtimeUrl, ['graphql-ws', `header-${header}`]);
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
  /** The server has refused or ended a subscription, or the socket has closed. */
  const lose = (subscription: Subscription) => {
    if (subscription.socket !== socket) return;
    subscription.socket = undefined;
    subscription.doubt();
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
      if (!update || !subscription) return;
      heard();
      subscription.hear(update);
    } else if (type === 'start_ack') {
      awaited.delete(id);
      if (!subscription) return;
      const before = subscription.socket;
      subscription.socket = socket;
      subscription.failures = 0;
      if (before) before.stop(subscription);
      else subscription.doubt();
    } else if (/error|complete/.test(type)) {
      if (!id) return socket.close();
      awaited.delete(id);
      if (!subscription) return;
      lose(subscription);
      setTimeout(() => end(id) && socket.start(subscription), pause(++subscription.failures));
    }
  };

  const socket: Socket = {
    started,
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
      websocket.close();
      closed();
      started.forEach(lose);
      started.clear();
    },
  };
  return socket;
}
