/**
 * The records that one watch follows: a run's record, or a job's record with those of its runs.
 *
 * One subscription carries a job and all its runs. The job's record lists its runs with their statuses, so a watch
 * reads the job to check on a run, and reads a run only for missing steps.
 */
import { noAnswer, RuncastError } from './errors.js';
import { patience } from './patience.js';
import { FollowedRecord, type Progress } from './record.js';
import { createShown } from './shown.js';
import type { Update } from './socket.js';
import { parsed, type Step, stepOf } from './step.js';
import { ended, type Refusal, type RunView } from './view.js';

const CHANGES = /^((agent_)?(complete|error)|cancelled|cancelling|waiting|answered)$/;

export interface Records {
  readonly own: FollowedRecord;
  /** Null until it is known. */
  kind: RunView['kind'];
  /** Whether all has ended, and all of it is known. */
  readonly over: boolean;
  /** Notes that messages may have been lost, so that all records are read that are not complete. */
  doubt(): void;
  /** Returns when to read next, and what. */
  due(live: boolean): [number, FollowedRecord];
  /** Takes a live message. */
  hear(update: Update): void;
  /**
   * Takes the answer to a read of `record`.
   *
   * @throws RuncastError - The answer is malformed, its record has expired, or its large result cannot be fetched.
   */
  take(record: FollowedRecord, answer: Progress, afterSeq: number): Promise<void>;
  /**
   * Returns what the watch shows.
   *
   * @param clockMs - By how much this machine's clock is ahead of the server's; infinite if that is unknown.
   */
  look(connection: RunView['connection'], clockMs?: number, refused?: Refusal): RunView;
}

export function createRecords(id: string, kind: RunView['kind']): Records {
  const own = new FollowedRecord(id);
  const records = new Map([[id, own]]);
  const all = () => [...records.values()];
  const shown = createShown();
  /** Whether the server knows no such run of this user. */
  let notFound = false;
  /** A job's result that is too large for its record. */
  let largeResult: unknown;

  const show = (record: FollowedRecord, steps: readonly Step[]) => steps.forEach((step) => shown.add(step, record === own));

  /** Returns when to read the run's or job's record even if no step is missing. */
  function checkAt(live: boolean): number {
    const { readAt, heardAt, failures, status, lostForGood } = own;
    if (failures) return Infinity;
    if (notFound || lostForGood) return readAt + patience.backstop;
    if (status === 'waiting') return readAt + (live ? patience.backstop : patience.silence);
    if (!live || all().some((record) => record.inDoubt)) return readAt + patience.poll;
    return Math.min(Math.max(heardAt, readAt) + patience.silence, readAt + patience.backstop);
  }

  return {
    own,
    kind,
    get over() {
      const { complete, answer } = own;
      if (!complete || (answer.resultLink && largeResult === undefined)) return false;
      // After a job's end, a worker that stays lost counts as dead.
      return all().every((record) => record.complete || record.lostForGood);
    },
    doubt() {
      for (const record of all()) record.doubt();
      // It lists all the others.
      own.readIn(0);
    },
    due(live) {
      let due: [number, FollowedRecord] = [checkAt(live), own];
      for (const record of all()) if (record.dueAt < due[0]) due = [record.dueAt, record];
      return due;
    },
    hear(update) {
      const known = records.get(update.requestId!);
      if (!known && update.jobId !== id) return;
      const record = known ?? own;
      // The run has just begun: the job's record lists it, and this step is read from the run's record.
      if (!known && update.seq !== null) return record.doubt();
      const ready = record.hear(stepOf(record.requestId, update));
      show(record, ready);
      // The final status and the result of a run are only in the record.
      if (!record.missing && ready.some(mayChange)) own.readIn(0);
    },
    async take(record, answer, afterSeq) {
      if (!answer.success) {
        notFound ||= record === own;
        return record.arrived();
      }
      if (record.createdAt !== null && record.createdAt !== answer.createdAt) {
        notFound = true;
        throw new RuncastError('BadRequest', 'Its record has expired, and another run has its id.');
      }
      show(record, record.take(answer, afterSeq));
      if (record !== own) return;
      notFound = false;
      this.kind = answer.playbook === null ? 'run' : 'job';
      for (const run of answer.runs ?? []) {
        if (run.createdAt === null) continue;
        const followed = records.get(run.requestId) ?? new FollowedRecord(run.requestId, run.createdAt);
        records.set(run.requestId, followed);
        followed.takeHead(run);
      }
      if (answer.resultLink && largeResult === undefined) largeResult = await fetched(answer.resultLink.url);
    },
    look(connection, clockMs, refused) {
      const { status, liveness, createdAt } = own;
      const { runs, conversationId = null, playbook = null, result, error, reason } = own.answer;
      const local = (time: number | null) => time && time + (clockMs ?? 0);
      const seen = shown.look();
      return {
        ...seen,
        kind: this.kind,
        status: notFound ? 'not-found' : refused ? 'error' : (status ?? (seen.steps.length ? 'in_progress' : 'starting')),
        liveness,
        questions: status === 'waiting' ? seen.questions : [],
        runs: (runs ?? []).map((run) => {
          const record = records.get(run.requestId);
          const head = record && { status: record.status, liveness: record.liveness, seq: record.recorded };
          return { ...run, ...head, startedAt: local(run.createdAt) };
        }),
        startedAt: local(createdAt),
        conversationId,
        playbook,
        result: ended(status) ? (largeResult ?? parsed(result) ?? undefined) : undefined,
        error: error ?? undefined,
        reason: reason ?? undefined,
        refused,
        connection,
        missing: all().reduce((sum, { missing }) => sum + missing, 0),
        upToDate: this.over || (connection === 'live' && all().every(({ current }) => current)),
      };
    },
  };
}

/** Whether a live step may change the run's status or liveness. An agent may send such a status, so it only causes a read. */
const mayChange = ({ status, metadata }: Step) => CHANGES.test(status) && typeof metadata.parentSeq !== 'number';

/** Fetches a job's large result. The link is a secret that grants access by itself, so no token goes with it. */
async function fetched(url: string): Promise<unknown> {
  const response = await fetch(url, { credentials: 'omit', redirect: 'error' });
  if (!response.ok) throw noAnswer(response);
  return response.json();
}
