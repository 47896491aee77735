/**
 * Merges the steps of one record from two sources, which may deliver them late, twice or not at all.
 *
 * This module alone implements "nothing missed, nothing twice". It passes the vectors of the Python client's merge.
 */

export interface Numbered {
  /** 1, 2, 3 ... in a record; null for a message that is in no record. */
  readonly seq: number | null;
}

/** Accepts steps in any order and any number of times, and returns each step once, in order of `seq`. */
export class Merge<S extends Numbered> {
  /** The `seq` of the last returned step. */
  heldSeq = 0;
  /** How many steps are known to be recorded. Live steps count, because they are recorded first. */
  recorded = 0;
  /** Whether the record is in a terminal state. */
  ended = false;
  /** The highest `seq` seen since the last read began. */
  #toldSinceAsked = 0;
  #ahead = new Map<number, S>();

  /** How many of the recorded steps have not been returned. */
  get missing(): number {
    return Math.max(0, this.recorded - this.heldSeq);
  }

  /** Whether the run has ended and all its steps have been returned. */
  get complete(): boolean {
    return this.ended && !this.missing;
  }

  /** Notes that a read begins, whose answer overrides everything received before; returns its `afterSeq`. */
  asked(): number {
    this.#toldSinceAsked = 0;
    return this.heldSeq;
  }

  /** Takes a live message; returns the steps to show now, in order. A message without `seq` is returned at once. */
  addLive(step: S): S[] {
    if (step.seq === null) return [step];
    if (this.ended && step.seq > this.recorded) return [];
    this.told(step.seq, false);
    return this.#add([step]);
  }

  /**
   * Takes an answer of the reader; returns the steps to show now, in order.
   *
   * @param steps - The steps after `afterSeq`, without gaps.
   * @param whole - Whether they include the newest step.
   * @param ended - Whether the record is in a terminal state.
   */
  addRecorded(steps: readonly S[], afterSeq: number, whole: boolean, ended: boolean): S[] {
    const lastSeq = afterSeq + steps.length;
    // A partial answer has the status, but not the number of steps that belong to it.
    this.told(lastSeq, whole && ended);
    // Steps are recorded before they go live, so a `seq` missing from a whole answer is in no record.
    if (whole && !this.ended) this.#cut(Math.max(lastSeq, this.#toldSinceAsked, this.heldSeq));
    return this.#add(steps);
  }

  /** Notes that at least `lastSeq` steps are recorded; exactly that many if the run has ended. */
  told(lastSeq: number, ended: boolean): void {
    if (this.ended) return;
    this.#toldSinceAsked = Math.max(this.#toldSinceAsked, lastSeq);
    this.recorded = Math.max(this.recorded, lastSeq);
    if (ended) {
      this.ended = true;
      this.#cut(lastSeq);
    }
  }

  #cut(lastSeq: number): void {
    if (lastSeq >= this.recorded) return;
    this.recorded = lastSeq;
    for (const seq of this.#ahead.keys()) if (seq > lastSeq) this.#ahead.delete(seq);
  }

  #add(steps: readonly S[]): S[] {
    for (const step of steps) if (step.seq !== null && step.seq > this.heldSeq) this.#ahead.set(step.seq, step);
    const ready: S[] = [];
    for (let step; (step = this.#ahead.get(this.heldSeq + 1)); ready.push(step)) this.#ahead.delete(++this.heldSeq);
    return ready;
  }
}
