/**
 * The records that one watch follows: a run's record, or a job's record with those of its runs.
 *
 * One subscription carries a job and all its runs. The job's record lists its runs with their statuses, so a watch
 * reads the job to check on a run, and reads a run only for missing steps.
 */
import { RuncastError } from './errors.js';
import { patience } from './patience.js';
import { FollowedRecord, type Progress } from './record.js';
import { Shown } from './shown.js';
import type { Update } from './socket.js';
import { parsed, type Step, stepOf } from './step.js';
import { ended, type JobRun, type Refusal, type RunView } from './view.js';

const HEARD_MAX = 1_000;
const CHANGES = ['agent_complete', 'agent_error', 'complete', 'error', 'cancelled', 'waiting', 'answered', 'cancelling'];

export class Records {
  readonly own: FollowedRecord;
  /** Whether the server knows no such run of this user. */
  notFound = false;
  /** A job's result that is too large for its record. */
  #largeResult: unknown;
  readonly #all: Map<string, FollowedRecord>;
  readonly #shown = new Shown();
  /** The last messages that no record holds. Two connections overlap when a token is renewed, and both deliver. */
  readonly #notices = new Set<string>();

  constructor(
    readonly requestId: string,
    public kind: RunView['kind'],
  ) {
    this.own = new FollowedRecord(requestId);
    this.#all = new Map([[requestId, this.own]]);
  }

  get #records(): FollowedRecord[] {
    return [...this.#all.values()];
  }

  /** Whether all has ended, and all of it is known. */
  get over(): boolean {
    const { complete, answer } = this.own;
    if (!complete || (answer?.resultLink && this.#largeResult === undefined)) return false;
    // After a job's end, a worker that stays lost counts as dead.
    return this.#records.every((record) => record.complete || record.lostForGood);
  }

  /** Notes that messages may have been lost, so that all records are read that are not complete. */
  doubt(): void {
    for (const record of this.#records) record.doubt();
    // It lists all the others.
    this.own.readNow = true;
  }

  /** Returns when to read next, and what. */
  due(live: boolean): [number, FollowedRecord] {
    let due: [number, FollowedRecord] = [this.#ownDueAt(live), this.own];
    for (const record of this.#records) {
      const dueAt = record.stepsDueAt(live);
      if (dueAt < due[0]) due = [dueAt, record];
    }
    return due;
  }

  #ownDueAt(live: boolean): number {
    const { readAt, heardAt, failures, status, lostForGood } = this.own;
    if (failures) return this.own.stepsDueAt(live);
    if (this.notFound || lostForGood) return readAt + patience.backstop;
    if (status === 'waiting') return readAt + (live ? patience.backstop : patience.silence);
    if (!live || this.#records.some((record) => record.inDoubt)) return readAt + patience.poll;
    return Math.min(Math.max(heardAt, readAt) + patience.silence, readAt + patience.backstop);
  }

  /** Takes a live message. */
  hear(update: Update): void {
    const record = this.#all.get(update.requestId!);
    if (update.seq === null) {
      this.#hearNotice(update, record);
    } else if (record) {
      const ready = record.hear(stepOf(record.requestId, update));
      this.#show(record, ready);
      // The final status and the result of a run are only in the record.
      if (!record.missing && ready.some(mayChange)) this.own.readNow = true;
    } else if (this.kind === 'job' && update.jobId === this.requestId) {
      // The run has just begun: the job's record lists it, and this step is read from the run's record.
      this.own.doubt();
    }
  }

  #hearNotice(update: Update, record: FollowedRecord | undefined): void {
    const identity = JSON.stringify(update);
    if (this.#notices.has(identity) || (!record && update.jobId !== this.requestId)) return;
    this.#notices.add(identity);
    if (this.#notices.size > HEARD_MAX) this.#notices.delete(this.#notices.values().next().value!);
    const step = stepOf((record ?? this.own).requestId, update);
    this.#show(record ?? this.own, [step]);
    if (mayChange(step)) this.own.readNow = true;
  }

  /**
   * Takes the answer to a read of `record`.
   *
   * @throws RuncastError - The answer is malformed, its record has expired, or its large result cannot be fetched.
   */
  async take(record: FollowedRecord, answer: Progress, afterSeq: number): Promise<void> {
    if (!answer.success) {
      this.notFound ||= record === this.own;
      return record.arrived();
    }
    if (record.createdAt !== null && record.createdAt !== answer.createdAt) {
      this.notFound = true;
      throw new RuncastError('BadRequest', 'Its record has expired, and another run has its id.');
    }
    this.#show(record, record.take(answer, afterSeq));
    if (record !== this.own) return;
    this.notFound = false;
    this.kind = answer.playbook === null ? 'run' : 'job';
    for (const run of answer.runs ?? []) this.#takeRun(run);
    if (answer.resultLink && this.#largeResult === undefined) this.#largeResult = await fetched(answer.resultLink.url);
  }

  #takeRun(run: JobRun): void {
    if (run.createdAt === null) return;
    const record = this.#all.get(run.requestId) ?? new FollowedRecord(run.requestId, run.createdAt);
    this.#all.set(run.requestId, record);
    record.takeHead(run);
  }

  #show(record: FollowedRecord, steps: readonly Step[]): void {
    for (const step of steps) this.#shown.add(step, record === this.own);
  }

  /**
   * Returns what the watch shows.
   *
   * @param clockMs - By how much this machine's clock is ahead of the server's; infinite if that is unknown.
   */
  look(connection: RunView['connection'], clockMs: number, refused?: Refusal): RunView {
    const { answer, status, liveness, createdAt } = this.own;
    const local = (time: number | null) => time && time + (Number.isFinite(clockMs) ? clockMs : 0);
    this.#shown.refresh();
    const { steps, tools, text, questions } = this.#shown;
    return {
      kind: this.kind,
      status: this.notFound ? 'not-found' : refused ? 'error' : (status ?? (steps.length ? 'in_progress' : 'starting')),
      liveness,
      steps,
      tools,
      text,
      questions: status === 'waiting' ? questions : [],
      runs: (answer?.runs ?? []).map((run) => {
        const record = this.#all.get(run.requestId);
        const head = record && { status: record.status, liveness: record.liveness, seq: record.recorded };
        return { ...run, ...head, startedAt: local(run.createdAt) };
      }),
      startedAt: local(createdAt),
      conversationId: answer?.conversationId ?? null,
      playbook: answer?.playbook ?? null,
      result: ended(status) ? (this.#largeResult ?? parsed(answer?.result) ?? undefined) : undefined,
      error: answer?.error ?? undefined,
      reason: answer?.reason ?? undefined,
      refused,
      connection,
      missing: this.#records.reduce((sum, { missing }) => sum + missing, 0),
      upToDate: this.over || (connection === 'live' && this.#records.every(({ current }) => current)),
    };
  }
}

/** Whether a live step may change the run's status or liveness. An agent may send such a status, so it only causes a read. */
const mayChange = ({ status, metadata }: Step) => CHANGES.includes(status) && typeof metadata.parentSeq !== 'number';

/** Fetches a job's large result. The link is a secret that grants access by itself, so no token goes with it. */
async function fetched(url: string): Promise<unknown> {
  const response = await fetch(url, { credentials: 'omit', redirect: 'error' });
  if (!response.ok) throw new RuncastError('Unavailable', `The result cannot be fetched: HTTP status ${response.status}.`);
  return response.json();
}
