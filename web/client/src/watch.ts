/**
 * Follows one run or job: decides when to listen, when to read the record, and when to stop.
 *
 * The live channel is fast but may lose messages; the record is complete but must be read. So a watch subscribes first
 * and then reads. It reads again whenever messages may be missing: after a gap that stays, a silence, an ending, a
 * broken or new connection, or a late worker. Without a live connection it polls.
 */
import type { Stop } from './auth.js';
import { asRuncastError } from './errors.js';
import { onFrame } from './frame.js';
import type { Live, Subscription } from './live.js';
import { answerAgentRun, cancelAgentRun, getAgentProgress } from './operations.js';
import { patience, pause } from './patience.js';
import { type FollowedRecord, now, type Progress } from './record.js';
import { createRecords, type Records } from './records.js';
import type { Session } from './session.js';
import type { Update } from './socket.js';
import type { Refusal, RunView } from './view.js';

/** A run or a job that is followed while it has subscribers. */
export interface Watch {
  readonly id: string;
  /** An immutable snapshot; it is replaced at most once per animation frame. */
  readonly view: RunView;
  /** Calls `listener` after each change of `view`. */
  readonly subscribe: (listener: () => void) => Stop;
  /**
   * Cancels the run, or the job with its runs. Idempotent; the run goes on until its worker has stopped.
   *
   * @throws RuncastError - The user has no such run, or there is no answer.
   */
  readonly cancel: () => Promise<void>;
  /**
   * Answers all open questions of a waiting run, which then continues. The same answers again are a no-op.
   *
   * @param answers - An answer to each question, by its id: any JSON.
   * @throws RuncastError - `Conflict`: the run does not wait for these answers, for example because another tab was first.
   */
  readonly answer: (answers: Readonly<Record<string, unknown>>) => Promise<void>;
  /** Stops watching, whoever subscribes. The run continues. */
  readonly close: () => void;
}

/** The watch as `createRuncast` uses it. */
export interface FollowedRun extends Watch {
  /** Messages may have been lost. */
  doubt(): void;
}

/** What starts a run or a job. `begin` is repeated until it is answered. */
export interface Start {
  /** Null until the server has started it again. */
  readonly kind: RunView['kind'];
  begin(): Promise<{ readonly createdAt: number }>;
}

/** What all watches of a page share. */
export interface Shared {
  readonly session: Session;
  readonly live: Live;
  /** By how much this machine's clock is ahead of the server's; undefined until that is known. */
  clockMs?: number;
}

const nothing = () => createRecords('', null).look('polling');

/** A watch before it has any answer, and a page that is rendered on a server. */
export const emptyView: RunView = /* @__PURE__ */ nothing();

/**
 * Creates a watch.
 *
 * @param start - What starts the run or job; undefined if it was started before.
 * @param idle - Called when nobody has subscribed for a while, and when the watch is closed.
 */
export function follow(id: string, shared: Shared, start: Start | undefined, idle: () => void): FollowedRun {
  const { session, live } = shared;
  const listeners = new Set<() => void>();
  let view = emptyView;
  let records = createRecords(id, start?.kind ?? null);
  let subscription: Subscription | undefined;
  /** How many subscribers keep it alive, and the start. */
  let holds = 0;
  let starting = !!start;
  let reading = false;
  let failing = false;
  let closed = false;
  let refused: Refusal | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let leave: Stop | undefined;

  const isLive = () => !!subscription?.socket;

  function hold(): Stop {
    if (!holds++) {
      leave = session.onUser(changeUser);
      // The user may have changed since.
      view = emptyView;
      if (!starting) doubt();
    }
    return () => {
      if (!--holds && !closed) sleep();
    };
  }

  /** Keeps what it shows, and nothing else. */
  function sleep(): void {
    rest();
    leave?.();
    records = createRecords(id, records.kind);
    reading = false;
    idle();
  }

  function rest(): void {
    clearTimeout(timer);
    subscription?.stop();
    subscription = undefined;
  }

  /** Forgets all of the previous user. Answers that are still to come belong to the old records. */
  function changeUser(): void {
    rest();
    records = createRecords(id, null);
    starting = reading = failing = false;
    refused = undefined;
    go();
  }

  /** Subscribes, then starts, so that no step is missed. The steps before a later subscription come from the record. */
  async function launch({ kind, begin }: Start): Promise<void> {
    const release = hold();
    const launched = records;
    if (kind) {
      listen();
      for (const until = now() + patience.listen; !isLive() && now() < until; ) await pauseFor(10);
    }
    for (let failures = 1; launched === records && !refused && !closed; ) {
      try {
        launched.own.createdAt = (await begin()).createdAt;
        break;
      } catch (error) {
        fail(error, launched);
        if (!refused) await pauseFor(patience.poll + pause(failures++));
      }
    }
    starting = false;
    setTimeout(release, patience.idle);
    go();
  }

  function listen(): void {
    subscription ??= live.subscribe(records.kind === 'job' ? { jobId: id } : { requestId: id }, hear, doubt);
  }

  function hear(update: Update): void {
    const { seq, timestamp } = update;
    if (seq && timestamp) shared.clockMs = Math.min(shared.clockMs ?? Infinity, Date.now() - timestamp);
    records.hear(update);
    go();
  }

  function doubt(): void {
    records.doubt();
    go();
  }

  /** Shows what has changed, and does what is due: starts a read, or sets the timer for the next one. */
  function go(): void {
    changed();
    clearTimeout(timer);
    if (closed || reading || starting || !holds || refused) return;
    if (records.over) return rest();
    if (session.userId === null) return;
    if (records.kind) listen();
    const [dueAt, record] = records.due(isLive());
    const left = dueAt - now();
    if (left > 0) timer = setTimeout(go, left);
    else void read(record);
  }

  async function read(record: FollowedRecord): Promise<void> {
    const asked = records;
    const afterSeq = record.asked();
    reading = true;
    try {
      const answer = await session.ask<Progress>(getAgentProgress, { requestId: record.requestId, afterSeq });
      await asked.take(record, answer, afterSeq);
      if (asked === records) failing = false;
    } catch (error) {
      record.failed();
      fail(error, asked);
    }
    if (asked !== records) return;
    reading = false;
    go();
  }

  function fail(failure: unknown, asked: Records): void {
    if (asked !== records) return;
    const error = asRuncastError(failure);
    failing = true;
    if (!error.retryable && (error.type !== 'SignedOut' || starting)) {
      const { type, message, retryAfter } = error;
      refused = { type, message, retryAfter };
    }
    changed();
  }

  /** Changes the run, and reads it again whatever the answer is. */
  const change = (document: string, variables?: object): Promise<void> =>
    session.change(document, { requestId: id, ...variables }).finally(doubt);

  const changed = onFrame(() => {
    const connection = session.userId === null ? 'signed-out' : isLive() ? 'live' : failing ? 'offline' : 'polling';
    view = records.look(connection, shared.clockMs, refused);
    listeners.forEach((listener) => listener());
  });

  const watch: FollowedRun = {
    id,
    get view() {
      return view;
    },
    subscribe(listener) {
      const each = () => listener();
      listeners.add(each);
      const release = hold();
      return () => {
        if (listeners.delete(each)) setTimeout(release, patience.idle);
      };
    },
    cancel: () => change(cancelAgentRun),
    answer: (answers) => change(answerAgentRun, { answers: JSON.stringify(answers) }),
    close() {
      closed = true;
      sleep();
    },
    doubt,
  };
  if (start) void launch(start);
  return watch;
}

/** Calls `take` with the view, now and after each change, until it returns true. Returns what stops it before that. */
export function eachView(watch: Watch, take: (view: RunView) => boolean): Stop {
  let over = false;
  const look = () => {
    if (over || !(over = take(watch.view))) return;
    stop();
  };
  const stop = watch.subscribe(look);
  look();
  return stop;
}

const pauseFor = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
