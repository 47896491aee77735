/** The field for a chat's next message, with the parameters of the agent. */
import { type FormEvent, type KeyboardEvent, type ReactNode } from 'react';
import { useAnnouncement } from './announcer.tsx';
import { type Draft } from './draft.ts';
import { ErrorNotice } from './error-notice.tsx';
import { ParameterFields } from './parameter-fields.tsx';
import { type Field } from './parameters.ts';
import { QUERY_MAX } from './words.ts';

export function Composer({
  draft,
  onDraft,
  fields,
  begins,
  disabled,
  problem,
  onSend,
  children,
}: {
  draft: Draft;
  onDraft: (draft: Draft) => void;
  fields: readonly Field[] | null;
  /** Whether the message is the first one of its chat. */
  begins: boolean;
  disabled: boolean;
  /** Why the last message was not sent; empty if it was. */
  problem: string;
  onSend: () => void;
  /** The attachments. */
  children: ReactNode;
}) {
  useAnnouncement(problem);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!disabled && draft.query.trim()) onSend();
  };
  return (
    <form className="composer" onSubmit={submit}>
      {problem && <ErrorNotice>{problem}</ErrorNotice>}
      <ParameterFields fields={fields} open={begins} entered={draft.parameters} onEnter={(parameters) => onDraft({ ...draft, parameters })} />
      {children}
      <div className="composer-message">
        <textarea
          aria-label="Message"
          rows={2}
          maxLength={QUERY_MAX}
          value={draft.query}
          placeholder="Enter sends, Shift+Enter starts a new line"
          onChange={(event) => onDraft({ ...draft, query: event.target.value })}
          onKeyDown={sendOnEnter}
        />
        <button className="primary" disabled={disabled}>
          Send
        </button>
      </div>
    </form>
  );
}

/** Enter also ends the composition of a character, for example a Japanese one. */
function sendOnEnter(event: KeyboardEvent<HTMLTextAreaElement>): void {
  if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
  event.preventDefault();
  event.currentTarget.form!.requestSubmit();
}
