/** Answers a run that waits. */
import type { Question } from '@runcast/client';
import { type FormEvent, useState } from 'react';
import type { Run } from './run.js';

/** A text field for each open question. Shows nothing while there is none; it also closes when another tab answers. */
export function QuestionForm({ run }: { run: Run }) {
  const { questions } = run;
  // The answers of an earlier question are no answers to this one.
  const key = questions.map(({ id }) => id).join();
  return questions.length ? <Form key={key} questions={questions} answer={run.answer} /> : null;
}

function Form({ questions, answer }: { questions: readonly Question[]; answer: Run['answer'] }) {
  const [sending, setSending] = useState(false);
  const [refused, setRefused] = useState<string | null>(null);
  const send = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const texts = new FormData(event.currentTarget);
    setSending(true);
    setRefused(null);
    try {
      await answer(Object.fromEntries(questions.map(({ id }) => [id, String(texts.get(id))])));
    } catch (error) {
      // The user may send it again: the same answers again are a no-op.
      setSending(false);
      setRefused((error as Error).message);
    }
  };
  return (
    <form className="runcast-questions" onSubmit={(event) => void send(event)} aria-busy={sending}>
      {questions.map(({ id, name, reason }) => (
        <label key={id} className="runcast-question">
          <span className="runcast-question-name">{name}</span>
          {reason !== null && <span className="runcast-question-reason">{typeof reason === 'string' ? reason : JSON.stringify(reason)}</span>}
          <input name={id} required disabled={sending} />
        </label>
      ))}
      {refused && <p role="alert">{refused}</p>}
      <button disabled={sending}>Answer</button>
    </form>
  );
}
