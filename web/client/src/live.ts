/**
 * The live channel: subscriptions over as few WebSockets as possible, which reconnect when they break and are replaced
 * when the user's token is.
 *
 * It does not guarantee delivery. It only reports when messages may have been lost, so that a watch reads the record.
 */
import { asRuncastError } from './errors.js';
import { patience, pause } from './patience.js';
import type { Session } from './session.js';
import { type Endpoint, Socket, type SocketEvents, type Update } from './socket.js';

/** AppSync's limit of subscriptions per connection. Source: https://docs.aws.amazon.com/general/latest/gr/appsync.html */
const SUBSCRIPTIONS_MAX = 100;

export interface Listener {
  heard(update: Update): void;
  /** Messages may have been lost: the subscription is new, or has ended. */
  doubted(): void;
}

/** One run's messages, or those of a job and its runs. */
export class Subscription {
  /** The key under which a socket has acknowledged it; undefined while none has. */
  key: string | undefined;
  failures = 0;

  constructor(
    readonly what: { readonly requestId: string } | { readonly jobId: string },
    readonly listener: Listener,
    readonly line: Line,
  ) {}

  get live(): boolean {
    return this.key !== undefined;
  }

  stop(): void {
    this.line.remove(this);
  }
}

let keys = 0;

/** One WebSocket at a time; two while a new one takes over. */
class Line {
  readonly subscriptions = new Set<Subscription>();
  readonly #started = new Map<string, { subscription: Subscription; socket: Socket }>();
  readonly #sockets = new Set<Socket>();
  /** The newest socket, unless it has closed. */
  #socket: Socket | undefined;
  #failures = 0;
  #connecting = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly endpoint: Endpoint,
    readonly session: Session,
  ) {}

  get open(): boolean {
    return this.#socket !== undefined;
  }

  add(subscription: Subscription): void {
    this.subscriptions.add(subscription);
    if (this.#socket) this.#start(subscription, this.#socket);
    else if (this.#timer === undefined) void this.connect();
  }

  remove(subscription: Subscription): void {
    this.subscriptions.delete(subscription);
    for (const [key, started] of this.#started) if (started.subscription === subscription) this.#stop(key);
    if (!this.subscriptions.size) this.close();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = this.#socket = undefined;
    for (const socket of [...this.#sockets]) socket.close();
  }

  /** Opens a socket if there is none for the user's present token. `fresh`: replaces it in any case. */
  async connect(fresh = false): Promise<void> {
    if (this.#connecting) return;
    this.#connecting = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    try {
      // A refused token shows only as a connection that fails.
      const token = await this.session.token(this.#failures === 2);
      if (!this.subscriptions.size || (!fresh && this.#socket?.token === token)) return;
      this.#open(token);
    } catch (error) {
      // After a sign-in, the session's user changes, and `Live` connects.
      if (asRuncastError(error).type !== 'SignedOut') this.#retry();
    } finally {
      this.#connecting = false;
    }
  }

  #open(token: string): void {
    const events: SocketEvents = {
      acknowledged: (key) => this.#acknowledge(key),
      heard: (key, update) => {
        // Only a message proves that the connection works: some networks keep it open and deliver nothing.
        this.#failures = 0;
        this.#started.get(key)?.subscription.listener.heard(update);
      },
      ended: (key) => this.#end(key),
      closed: () => this.#close(socket),
    };
    const socket = new Socket(this.endpoint, token, events);
    this.#sockets.add((this.#socket = socket));
    for (const subscription of this.subscriptions) this.#start(subscription, socket);
  }

  #start(subscription: Subscription, socket: Socket): void {
    const key = String(++keys);
    this.#started.set(key, { subscription, socket });
    socket.start(key, { userId: this.session.userId, ...subscription.what });
  }

  #stop(key: string): void {
    const { subscription, socket } = this.#started.get(key)!;
    this.#started.delete(key);
    if (subscription.key === key) subscription.key = undefined;
    socket.stop(key);
    // An old socket closes when the new one has taken over its last subscription.
    if (socket !== this.#socket && ![...this.#started.values()].some((each) => each.socket === socket)) socket.close();
  }

  #acknowledge(key: string): void {
    const subscription = this.#started.get(key)?.subscription;
    if (!subscription) return;
    const before = subscription.key;
    subscription.key = key;
    subscription.failures = 0;
    if (before === undefined) subscription.listener.doubted();
    else this.#stop(before);
  }

  #end(key: string): void {
    const started = this.#started.get(key);
    if (!started) return;
    const { subscription, socket } = started;
    this.#lose(key);
    setTimeout(() => {
      if (this.subscriptions.has(subscription) && this.#socket === socket) this.#start(subscription, socket);
    }, pause(++subscription.failures));
  }

  #lose(key: string): void {
    const { subscription } = this.#started.get(key)!;
    this.#started.delete(key);
    if (subscription.key !== key) return;
    subscription.key = undefined;
    subscription.listener.doubted();
  }

  #close(socket: Socket): void {
    this.#sockets.delete(socket);
    const wasNewest = this.#socket === socket;
    if (wasNewest) this.#socket = undefined;
    for (const [key, started] of this.#started) if (started.socket === socket) this.#lose(key);
    if (wasNewest) this.#retry();
  }

  #retry(): void {
    this.#timer = setTimeout(() => void this.connect(), pause(++this.#failures));
  }
}

export type { Line };

export class Live {
  readonly #lines = new Set<Line>();
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(
    readonly endpoint: Endpoint,
    readonly session: Session,
  ) {
    session.onUser(() => {
      for (const line of this.#lines) {
        line.close();
        void line.connect();
      }
    });
  }

  subscribe(what: Subscription['what'], listener: Listener): Subscription {
    let line = [...this.#lines].find((each) => each.subscriptions.size < SUBSCRIPTIONS_MAX);
    if (!line) this.#lines.add((line = new Line(this.endpoint, this.session)));
    const subscription = new Subscription(what, listener, line);
    line.add(subscription);
    // A token that has been renewed meanwhile gets a new socket.
    this.#timer ??= setInterval(() => this.#check(), patience.check);
    return subscription;
  }

  /** The network is back, or the page after a sleep: sockets may be dead without a sign. */
  wake(): void {
    for (const line of this.#lines) void line.connect(true);
  }

  #check(): void {
    for (const line of this.#lines) {
      if (!line.subscriptions.size) this.#lines.delete(line);
      else if (line.open) void line.connect();
    }
    if (!this.#lines.size) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }
}
