/** One record that a watch follows: its known steps, its worker's state, and when to read it. */
import { RuncastError } from './errors.js';
import { Merge } from './merge.js';
import { patience, pause } from './patience.js';
import { type SentStep, type Step, stepOf } from './step.js';
import { ended, type Liveness, type JobRun, type Status } from './view.js';

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

export class FollowedRecord {
  readonly merge = new Merge<Step>();
  createdAt: number | null = null;
  status: Status | null = null;
  liveness: Liveness | null = null;
  /** The last answer; undefined before the first read. */
  answer: Progress | undefined;
  /** Whether to read it without waiting. */
  readNow = true;
  readAt = -Infinity;
  heardAt = -Infinity;
  failures = 0;
  #againAt = 0;
  #gapAt = 0;
  #lostAt = 0;
  #doubts = 1;
  #askedDoubts = 0;
  #settledDoubts = 0;

  constructor(readonly requestId: string) {}

  /** Whether all steps are known that were recorded when messages may have been lost for the last time. */
  get current(): boolean {
    return this.#settledDoubts === this.#doubts && !this.merge.missing;
  }

  /** What its job's list shows of it. */
  get head() {
    return { status: this.status, liveness: this.liveness, seq: this.merge.recorded };
  }

  get lostForGood(): boolean {
    return this.liveness === 'lost' && now() - this.#lostAt >= patience.lost;
  }

  /** Whether its worker dies, comes back or stops within seconds, so that it is polled. */
  get inDoubt(): boolean {
    return ['late', 'cancelling', 'lost'].includes(this.liveness!) && !this.lostForGood;
  }

  doubt(): void {
    this.#doubts++;
    this.readNow = !this.merge.complete;
  }

  /** Returns when to read its steps, from the steps known to be missing. */
  stepsDueAt(live: boolean): number {
    if (this.failures) return this.#againAt;
    if (this.readNow) return -Infinity;
    if (!this.merge.missing) return Infinity;
    return live ? Math.max(this.#gapAt, this.readAt) + patience.gap : this.readAt + patience.poll;
  }

  /** Takes a live step; returns the steps to show now. */
  hear(step: Step): Step[] {
    this.heardAt = now();
    return this.#noticingGap(() => this.merge.addLive(step));
  }

  /** Takes its state from the record of its job. */
  takeHead({ status, liveness, seq }: JobRun): void {
    this.#noticingGap(() => this.merge.told(seq ?? 0, ended(status)));
    this.#take(status!, liveness!);
  }

  /** Notes that a read begins; returns its `afterSeq`. */
  asked(): number {
    this.readNow = false;
    this.#askedDoubts = this.#doubts;
    this.merge.asked();
    return this.merge.heldSeq;
  }

  /**
   * Takes the answer to a read; returns the steps to show now.
   *
   * @throws RuncastError - The steps do not follow `afterSeq`.
   */
  take(answer: Progress, afterSeq: number): Step[] {
    const steps = answer.steps.map((step) => stepOf(this.requestId, step));
    if (steps.some(({ seq }, index) => seq !== afterSeq + 1 + index)) {
      throw new RuncastError('Unavailable', 'The record was read wrongly.');
    }
    const whole = answer.nextSeq === null;
    this.answer = answer;
    this.createdAt = answer.createdAt;
    this.readAt = now();
    this.failures = 0;
    this.readNow ||= !whole;
    this.#settledDoubts = whole ? this.#askedDoubts : 0;
    this.#take(answer.status, answer.liveness);
    return this.merge.addRecorded({ afterSeq, steps, whole, ended: ended(answer.status) });
  }

  /** The server knows no such record. */
  missed(): void {
    this.readAt = now();
    this.failures = 0;
  }

  failed(): void {
    this.readAt = now();
    this.#againAt = this.readAt + patience.poll + pause(++this.failures);
  }

  #take(status: Status, liveness: Liveness): void {
    if (liveness === 'lost' && this.liveness !== 'lost') this.#lostAt = now();
    this.status = status;
    this.liveness = liveness;
  }

  #noticingGap<T>(change: () => T): T {
    const before = this.merge.missing;
    const result = change();
    if (!before && this.merge.missing) this.#gapAt = now();
    return result;
  }
}
