/** One record that a watch follows: its merged steps, its worker's state, and when to read it. */
import { RuncastError } from './errors.js';
import { Merge } from './merge.js';
import { patience, pause } from './patience.js';
import { type SentStep, type Step, stepOf } from './step.js';
import { ended, type JobRun, type Liveness, type Status } from './view.js';

/** A GraphQL `AgentProgress`. */
export interface Progress {
  readonly success: boolean;
  readonly steps: readonly SentStep[];
  readonly status: Status;
  readonly liveness: Liveness;
  readonly createdAt: number;
  readonly error: string | null;
  readonly reason: string | null;
  readonly nextSeq: number | null;
  readonly result: string | null;
  readonly conversationId: string | null;
  readonly playbook: string | null;
  readonly runs: readonly JobRun[] | null;
  readonly resultLink: { readonly url: string } | null;
}

/** The clock of all intervals, in milliseconds; it never jumps. */
export const now = (): number => performance.now();

export class FollowedRecord extends Merge<Step> {
  status: Status | null = null;
  liveness: Liveness | null = null;
  /** The last answer; empty before the first read. */
  answer: Partial<Progress> = {};
  /** When to read its steps. */
  dueAt = 0;
  readAt = 0;
  heardAt = 0;
  /** How many reads have failed in a row. */
  failures = 0;
  /** Whether a read has answered since messages may have been lost. */
  #sure = false;
  #lostAt = Infinity;

  constructor(
    readonly requestId: string,
    public createdAt: number | null = null,
  ) {
    super();
  }

  /** Whether all steps are known that were recorded when messages may have been lost for the last time. */
  get current(): boolean {
    return this.#sure && !this.missing;
  }

  get lostForGood(): boolean {
    return now() - this.#lostAt >= patience.lost;
  }

  /** Whether its worker dies, comes back or stops within seconds, so that it is polled. */
  get inDoubt(): boolean {
    return /^(late|cancelling|lost)$/.test(this.liveness!) && !this.lostForGood;
  }

  /** Messages may have been lost. */
  doubt(): void {
    if (this.complete) return;
    this.#sure = false;
    this.readIn(0);
  }

  /** Brings the next read forward. After a failure, it keeps its time. */
  readIn(ms: number): void {
    if (!this.failures) this.dueAt = Math.min(this.dueAt, now() + ms);
  }

  /** Takes a live message; returns the steps to show now. */
  hear(step: Step): Step[] {
    this.heardAt = now();
    const ready = this.addLive(step);
    this.#fillGap();
    return ready;
  }

  /** Takes its state from the record of its job. */
  takeHead({ status, liveness, seq }: JobRun): void {
    this.told(seq ?? 0, ended(status));
    this.#take(status, liveness);
  }

  /** Notes that a read begins; returns its `afterSeq`. */
  override asked(): number {
    this.dueAt = Infinity;
    return super.asked();
  }

  /**
   * Takes the answer to a read; returns the steps to show now.
   *
   * @throws RuncastError - The steps do not follow `afterSeq`.
   */
  take(answer: Progress, afterSeq: number): Step[] {
    const steps = answer.steps.map((step) => stepOf(this.requestId, step));
    if (steps.some(({ seq }, index) => seq !== afterSeq + 1 + index)) {
      throw new RuncastError('Unavailable', 'A step is missing.');
    }
    const whole = answer.nextSeq === null;
    this.answer = answer;
    this.createdAt = answer.createdAt;
    this.#sure = whole && this.dueAt === Infinity;
    this.arrived();
    if (!whole) this.readIn(0);
    const ready = this.addRecorded(steps, afterSeq, whole, ended(answer.status));
    this.#take(answer.status, answer.liveness);
    return ready;
  }

  /** Notes that a read has been answered. */
  arrived(): void {
    this.readAt = now();
    this.failures = 0;
  }

  failed(): void {
    this.readAt = now();
    this.dueAt = this.readAt + patience.poll + pause(++this.failures);
  }

  #take(status: Status | null, liveness: Liveness | null): void {
    this.#lostAt = liveness === 'lost' ? Math.min(this.#lostAt, now()) : Infinity;
    this.status = status;
    this.liveness = liveness;
    this.#fillGap();
  }

  /** A missing step may still arrive. If it does not, it is read. */
  #fillGap(): void {
    if (this.missing) this.readIn(patience.gap);
    else if (!this.failures && this.dueAt > now()) this.dueAt = Infinity;
  }
}
