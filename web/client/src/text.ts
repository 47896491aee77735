/**
 * Joins an agent's text from its recorded steps and from the deltas between them. Both say at which offset of the text
 * they belong, so they may arrive in any order and more than once. The text never shrinks.
 */
export class LiveText {
  text = '';
  #ahead = new Map<number, string>();

  /** Adds a piece of the text; a piece after a gap is kept until the gap is filled. */
  add(offset: number, piece: string): void {
    if (piece.length >= (this.#ahead.get(offset)?.length ?? 0)) this.#ahead.set(offset, piece);
    for (const [begin, ahead] of [...this.#ahead].sort(([a], [b]) => a - b)) {
      if (begin > this.text.length) return;
      this.#ahead.delete(begin);
      if (begin + ahead.length > this.text.length) this.text = this.text.slice(0, begin) + ahead;
    }
  }
}
