import { type Label } from './words.ts';

/** The state of a run, a job or a tool call, as a word and a colour. */
export function Pill({ word, tone }: Label) {
  return (
    <span className="pill" data-tone={tone}>
      {word}
    </span>
  );
}
