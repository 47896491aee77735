/**
 * Follows one run or job: decides when to listen, when to read the record, and when to stop.
 *
 * The live channel is fast but may lose messages; the record is complete but must be read. So a watch subscribes first
 * and then reads. It reads again whenever messages may be missing: after a gap that stays, a silence, an ending, a
 * broken or new connection, or a late worker. Without a live connection it polls.
 */
import type { Api } from './api.js';
import type { Stop } from './auth.js';
import { asRuncastError, RuncastError } from './errors.js';
import { onFrame } from './frame.js';
import type { Live, Subscription } from './live.js';
import { answerAgentRun, cancelAgentRun, getAgentProgress } from './operations.js';
import { patience, pause } from './patience.js';
import { type FollowedRecord, now, type Progress } from './record.js';
import { Records } from './records.js';
import type { Update } from './socket.js';
import { emptyView, type Refusal, type RunView } from './view.js';

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

/** What starts a run or a job. `begin` is repeated until it is answered. */
export interface Start {
  /** Null until the server has started it again. */
  readonly kind: RunView['kind'];
  begin(): Promise<{ readonly createdAt: number }>;
}

/** What all watches of a page share. */
export interface Shared {
  readonly api: Api;
  readonly live: Live;
  /** By how much this machine's clock is ahead of the server's, as far as is known. */
  clockMs: number;
}

export class RunWatch implements Watch {
  view: RunView = emptyView;
  readonly #listeners = new Set<() => void>();
  #records: Records;
  #subscription: Subscription | undefined;
  /** How many subscribers keep it alive, and the start. */
  #holds = 0;
  #starting: boolean;
  #reading = false;
  #failing = false;
  #signedOut = false;
  #closed = false;
  #refused: Refusal | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #leave: Stop | undefined;
  /** Whose view it is, while nobody subscribes. */
  #viewOf: string | null | undefined;

  /**
   * @param start - What starts it; undefined if it was started before.
   * @param idle - Called when nobody has subscribed for a while, and when it is closed.
   */
  constructor(
    readonly id: string,
    readonly shared: Shared,
    start: Start | undefined,
    readonly idle: () => void,
  ) {
    this.#records = new Records(id, start?.kind ?? null);
    this.#starting = start !== undefined;
    if (start) void this.#start(start);
  }

  subscribe = (listener: () => void): Stop => {
    const each = () => listener();
    this.#listeners.add(each);
    const release = this.#hold();
    return () => {
      if (this.#listeners.delete(each)) setTimeout(release, patience.idle);
    };
  };

  cancel = (): Promise<void> => this.#change(cancelAgentRun);

  answer = (answers: Readonly<Record<string, unknown>>): Promise<void> =>
    this.#change(answerAgentRun, { answers: JSON.stringify(answers) });

  /** Sends a request that changes the run, and reads the run again whatever the answer is. */
  async #change(document: string, variables?: object): Promise<void> {
    try {
      const answer = await this.shared.api.ask<{ success: boolean; error: string }>(document, { requestId: this.id, ...variables });
      if (!answer.success) throw new RuncastError('BadRequest', answer.error);
    } finally {
      this.doubt();
    }
  }

  close = (): void => {
    if (this.#closed) return;
    this.#closed = true;
    this.#sleep();
  };

  /** Messages may have been lost. */
  doubt(): void {
    this.#records.doubt();
    this.#go();
  }

  get #live(): boolean {
    return !!this.#subscription?.live;
  }

  #hold(): Stop {
    if (!this.#holds++) {
      const { session } = this.shared.api;
      this.#leave = session.onUser(() => this.#changeUser());
      if (this.#viewOf !== session.userId) this.view = emptyView;
      if (!this.#starting) this.doubt();
    }
    return () => {
      if (!--this.#holds && !this.#closed) this.#sleep();
    };
  }

  /** Keeps what it shows, and nothing else. */
  #sleep(): void {
    this.#rest();
    this.#leave?.();
    this.#records = new Records(this.id, this.#records.kind);
    this.#reading = false;
    this.#viewOf = this.shared.api.session.userId;
    this.idle();
  }

  #rest(): void {
    clearTimeout(this.#timer);
    this.#subscription?.stop();
    this.#subscription = undefined;
  }

  /** Forgets all of the previous user. Answers that are still to come belong to the old records. */
  #changeUser(): void {
    this.#rest();
    this.#records = new Records(this.id, null);
    this.#starting = this.#reading = this.#failing = false;
    this.#refused = undefined;
    this.#signedOut = this.shared.api.session.userId === null;
    this.#go();
  }

  /** Subscribes, then starts, so that no step is missed. The steps before a later subscription come from the record. */
  async #start({ kind, begin }: Start): Promise<void> {
    const release = this.#hold();
    const records = this.#records;
    if (kind) {
      this.#listen();
      for (const until = now() + patience.listen; !this.#live && now() < until; ) await sleep(10);
    }
    for (let failures = 1; records === this.#records && !this.#refused && !this.#closed; ) {
      try {
        records.own.createdAt = (await begin()).createdAt;
        break;
      } catch (error) {
        this.#fail(asRuncastError(error), records);
        if (!this.#refused) await sleep(patience.poll + pause(failures++));
      }
    }
    this.#starting = false;
    setTimeout(release, patience.idle);
    this.#go();
  }

  #listen(): void {
    const what = this.#records.kind === 'job' ? { jobId: this.id } : { requestId: this.id };
    this.#subscription ??= this.shared.live.subscribe(what, {
      heard: (update) => this.#hear(update),
      doubted: () => this.doubt(),
    });
  }

  #hear(update: Update): void {
    const { seq, timestamp } = update;
    if (seq !== null && timestamp !== null) this.shared.clockMs = Math.min(this.shared.clockMs, Date.now() - timestamp);
    this.#records.hear(update);
    this.#go();
  }

  /** Shows what has changed, and does what is due: starts a read, or sets the timer for the next one. */
  #go(): void {
    this.#changed();
    clearTimeout(this.#timer);
    if (this.#closed || this.#reading || this.#starting || !this.#holds || this.#refused) return;
    if (this.#records.over) return this.#rest();
    if (this.shared.api.session.userId === null) return;
    if (this.#records.kind) this.#listen();
    const [dueAt, record] = this.#records.due(this.#live);
    const left = dueAt - now();
    if (left <= 0) void this.#read(record);
    else this.#timer = setTimeout(() => this.#go(), left);
  }

  async #read(record: FollowedRecord): Promise<void> {
    const records = this.#records;
    const afterSeq = record.asked();
    this.#reading = true;
    try {
      const answer = await this.shared.api.ask<Progress>(getAgentProgress, { requestId: record.requestId, afterSeq });
      await records.take(record, answer, afterSeq);
      if (records === this.#records) this.#failing = this.#signedOut = false;
    } catch (error) {
      record.failed();
      this.#fail(asRuncastError(error), records);
    }
    if (records !== this.#records) return;
    this.#reading = false;
    this.#go();
  }

  #fail(error: RuncastError, records: Records): void {
    if (records !== this.#records) return;
    this.#failing = true;
    if (error.type === 'SignedOut') this.#signedOut = true;
    if (!error.retryable && (error.type !== 'SignedOut' || this.#starting)) {
      const { type, message, retryAfter } = error;
      this.#refused = { type, message, ...(retryAfter && { retryAfter }) };
    }
    this.#changed();
  }

  #changed = onFrame(() => {
    this.view = this.#look();
    this.#listeners.forEach((listener) => listener());
  });

  #look(): RunView {
    const live = this.#live;
    const { clockMs } = this.shared;
    const seen = this.#records.look(live, Number.isFinite(clockMs) ? clockMs : 0);
    const refused = this.#refused;
    return {
      ...seen,
      ...(refused && { refused, status: seen.status === 'not-found' ? seen.status : 'error' }),
      connection: this.#signedOut ? 'signed-out' : live ? 'live' : this.#failing ? 'offline' : 'polling',
    };
  }
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

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
