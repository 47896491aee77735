/** The merge and the text do what the Python client's do: the vectors are drawn from it, storms included. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Merge } from '../src/merge.js';
import { LiveText } from '../src/text.js';

interface Arrival {
  live?: number | null;
  asked?: true;
  told?: { lastSeq: number; ended: boolean };
  answer?: { afterSeq: number; lastSeq: number; whole: boolean; ended: boolean };
  ready: (number | null)[];
  missing: number;
  complete: boolean;
}

const vectors = JSON.parse(readFileSync(new URL('../../../tests/vectors/merge.json', import.meta.url), 'utf8')) as {
  merge: Arrival[][];
  text: { offset: number; piece: string; text: string }[][];
};

function take(merge: Merge<{ seq: number | null }>, { live, told, answer }: Arrival) {
  if (live !== undefined) return merge.addLive({ seq: live });
  if (answer) {
    const steps = Array.from({ length: answer.lastSeq - answer.afterSeq }, (_, index) => ({ seq: answer.afterSeq + 1 + index }));
    return merge.addRecorded(steps, answer.afterSeq, answer.whole, answer.ended);
  }
  if (told) merge.told(told.lastSeq, told.ended);
  else merge.asked();
  return [];
}

describe('the vectors of the Python client', () => {
  test.each(vectors.merge.map((storm, seed) => ({ storm, seed })))('storm $seed', ({ storm }) => {
    const merge = new Merge();
    const states = storm.map((arrival) => ({
      ready: take(merge, arrival).map(({ seq }) => seq),
      missing: merge.missing,
      complete: merge.complete,
    }));
    expect(states).toEqual(storm.map(({ ready, missing, complete }) => ({ ready, missing, complete })));
  });

  test.each(vectors.text.map((pieces, seed) => ({ pieces, seed })))('text $seed', ({ pieces }) => {
    const joined = new LiveText();
    const texts = pieces.map(({ offset, piece }) => {
      joined.add(offset, piece);
      return joined.text;
    });
    expect(texts).toEqual(pieces.map(({ text }) => text));
  });
});
