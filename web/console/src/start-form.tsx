/** The form that starts a run of an agent, or a job of a playbook. */
import { type Startable, type StartableAgent } from '@runcast/client';
import { useAgents, useRuncast } from '@runcast/react';
import { type FormEvent, type KeyboardEvent, useState } from 'react';
import { useAnnouncement } from './announcer.tsx';
import { AttachmentField, fileHandlers } from './attachment-field.tsx';
import { type Attachments, attachmentsOf, sendable } from './attachments.ts';
import { type Draft, inputOf } from './draft.ts';
import { ErrorNotice } from './error-notice.tsx';
import { ParameterFields } from './parameter-fields.tsx';
import { fieldsOf, InvalidParameter } from './parameters.ts';
import { addressOf, RUNS } from './route.ts';
import { QUERY_MAX } from './words.ts';

/** Kept while another page is shown, so that it is still there when the user returns to the form. */
export interface StartDraft extends Draft {
  readonly agent?: string;
  readonly playbook?: string;
}

export function StartForm({
  draft,
  onDraft,
  attachments,
  onStarted,
}: {
  draft: StartDraft;
  onDraft: (draft: StartDraft) => void;
  attachments: Attachments;
  onStarted: () => void;
}) {
  const runcast = useRuncast();
  const { data, loading, error, reload } = useAgents();
  const [problem, setProblem] = useState('');
  useAnnouncement(problem || error?.message || '');
  const { query } = draft;
  // The first one is chosen until the user chooses.
  const chosen = draft.agent !== undefined || draft.playbook !== undefined ? draft : { ...draft, ...(data.agents[0] && { agent: data.agents[0].name }) };
  const agent = data.agents.find(({ name }) => name === chosen.agent);
  const fields = fieldsOf(agent?.parametersSchema ?? null);
  const taker = agent ?? { name: chosen.playbook ?? '', attachments: false };
  const ready = taker.name !== '' && sendable(attachments.all, taker);

  function submit(event: FormEvent) {
    event.preventDefault();
    if (!ready) return;
    try {
      const input = inputOf(draft, fields);
      const watch = chosen.playbook
        ? runcast.startJob({ playbook: chosen.playbook, ...input })
        : runcast.start({ agent: chosen.agent!, ...input, ...attachmentsOf(attachments.all) });
      location.hash = addressOf(watch.id);
      onStarted();
    } catch (failure) {
      if (!(failure instanceof InvalidParameter)) throw failure;
      setProblem(failure.message);
    }
  }

  const choose = (choice: Pick<StartDraft, 'agent' | 'playbook'>) => {
    onDraft({ query, parameters: {}, ...choice });
    attachments.refuse('');
  };
  return (
    <div className="page" {...fileHandlers(attachments, taker)}>
      <a className="back" href={RUNS}>
        All runs
      </a>
      <h1>New run</h1>
      {error && <ErrorNotice onRetry={reload}>{error.message}</ErrorNotice>}
      {!loading && !error && !data.agents.length && <p className="empty">There is no agent yet.</p>}
      <form className="form" onSubmit={submit}>
        <Choices legend="Agents" all={data.agents} chosen={chosen.agent} onChoose={(agent) => choose({ agent })} />
        <Choices legend="Playbooks" all={data.playbooks} chosen={chosen.playbook} onChoose={(playbook) => choose({ playbook })} />
        <label className="field">
          <span>Task</span>
          <textarea
            name="query"
            rows={4}
            required
            maxLength={QUERY_MAX}
            value={query}
            placeholder="What should be done?"
            onChange={(event) => onDraft({ ...draft, query: event.target.value })}
            onKeyDown={submitOnEnter}
          />
        </label>
        <ParameterFields
          key={chosen.agent ?? chosen.playbook}
          fields={fields}
          open
          entered={draft.parameters}
          onEnter={(parameters) => onDraft({ ...draft, ...chosen, parameters })}
        />
        <AttachmentField attachments={attachments} taker={taker} />
        {problem && <ErrorNotice>{problem}</ErrorNotice>}
        <div className="actions">
          <button className="primary" disabled={!ready}>
            {chosen.playbook ? 'Start job' : 'Start run'}
          </button>
          <small>or Ctrl+Enter in the task</small>
        </div>
      </form>
    </div>
  );
}

function submitOnEnter(event: KeyboardEvent<HTMLTextAreaElement>): void {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) event.currentTarget.form!.requestSubmit();
}

function Choices({
  legend,
  all,
  chosen,
  onChoose,
}: {
  legend: string;
  all: readonly (Startable | StartableAgent)[];
  chosen: string | undefined;
  onChoose: (name: string) => void;
}) {
  if (!all.length) return null;
  return (
    <fieldset className="choices">
      <legend>{legend}</legend>
      {all.map(({ name, description }) => (
        <label key={name} className="choice">
          <input type="radio" name="startable" checked={name === chosen} onChange={() => onChoose(name)} />
          <span>
            <strong>{name}</strong>
            {description && <small>{description}</small>}
          </span>
        </label>
      ))}
    </fieldset>
  );
}
