/**
 * The live channel: subscriptions over as few WebSockets as possible, which reconnect when they break and are replaced
 * when the user's token is.
 *
 * It does not guarantee delivery. It only reports when messages may have been lost, so that a watch reads the record.
 */
import type { Stop } from './auth.js';
import type { Config } from './config.js';
import { patience, pause } from './patience.js';
import type { Session } from './session.js';
import { openSocket, type Socket, type Update } from './socket.js';

/** AppSync's limit of subscriptions per connection. Source: https://docs.aws.amazon.com/general/latest/gr/appsync.html */
const SUBSCRIPTIONS_MAX = 100;

/** One run's messages, or those of a job and its runs. */
export interface Subscription {
  readonly what: { readonly requestId: string } | { readonly jobId: string };
  readonly hear: (update: Update) => void;
  /** Messages may have been lost: the subscription is new, or has ended. */
  readonly doubt: () => void;
  /** The socket that delivers the messages; undefined while none does. */
  socket?: Socket | undefined;
  /** How often in a row the server has ended it. */
  failures: number;
  readonly stop: Stop;
}

export interface Live {
  subscribe(what: Subscription['what'], hear: Subscription['hear'], doubt: Subscription['doubt']): Subscription;
  /** The network is back, or the page after a sleep: sockets may be dead without a sign. */
  wake(): void;
}

export function createLive(config: Config, session: Session): Live {
  const subscriptions = new Set<Subscription>();
  const sockets = new Set<Socket>();
  /** Those that take new subscriptions. The others stay open until a newer one has taken over their subscriptions. */
  const current = new Set<Socket>();
  let token: string;
  let failures = 0;
  let connecting = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  /** Opens sockets for the user's present token if there are none, and connects again later. */
  async function connect(): Promise<void> {
    if (connecting || !subscriptions.size) return;
    connecting = true;
    sockets.forEach((socket) => socket.check());
    try {
      // A refused token shows only as a connection that fails. While one is open, the token is not refused.
      const latest = await session.token(failures === 2 && !current.size);
      if (latest !== token) current.clear();
      token = latest;
      subscriptions.forEach(place);
      connectIn(patience.check);
    } catch {
      retry();
    } finally {
      connecting = false;
    }
  }

  /** Replaces the timer. Without subscriptions there is none. */
  function connectIn(ms: number): void {
    clearTimeout(timer);
    timer = subscriptions.size ? setTimeout(() => void connect(), ms) : undefined;
  }

  const retry = () => connectIn(pause(++failures));

  /** Starts a subscription on a current socket unless one carries it. */
  function place(subscription: Subscription): void {
    const all = [...current];
    if (all.some((socket) => [...socket.started.values()].includes(subscription))) return;
    (all.find((socket) => socket.started.size < SUBSCRIPTIONS_MAX) ?? open()).start(subscription);
  }

  function open(): Socket {
    // Only a message proves that the connection works: some networks keep it open and deliver nothing.
    const works = () => void (failures = 0);
    const socket: Socket = openSocket(config, session, token, works, () => {
      sockets.delete(socket);
      if (current.delete(socket) && socket.started.size) retry();
    });
    sockets.add(socket);
    current.add(socket);
    return socket;
  }

  session.onUser(() => {
    current.clear();
    sockets.forEach((socket) => socket.close());
    void connect();
  });

  return {
    subscribe(what, hear, doubt) {
      const stop = () => {
        subscriptions.delete(subscription);
        sockets.forEach((socket) => socket.stop(subscription));
        if (!subscriptions.size) connectIn(0);
      };
      const subscription: Subscription = { what, hear, doubt, failures: 0, stop };
      subscriptions.add(subscription);
      if (current.size) place(subscription);
      else if (timer === undefined) void connect();
      return subscription;
    },
    wake() {
      current.clear();
      void connect();
    },
  };
}
