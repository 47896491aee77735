/** The form that starts a run of an agent, or a job of a playbook. */
import { type Startable, type StartableAgent } from '@runcast/client';
import { useAgents, useRuncast } from '@runcast/react';
import { type FormEvent, type KeyboardEvent, useState } from 'react';
import { useAnnouncement } from './announcer.tsx';
import { ErrorNotice } from './error-notice.tsx';
import { ALL, type Entered, type Field, fieldsOf, InvalidParameter, parametersOf, textOf } from './parameters.ts';
import { addressOf, RUNS } from './route.ts';
import { QUERY_MAX } from './words.ts';

/** What has been entered, so that it is still there when the user returns to the form. */
export interface Draft {
  readonly agent?: string;
  readonly playbook?: string;
  readonly query: string;
  readonly parameters: Entered;
}

export const emptyDraft: Draft = { query: '', parameters: {} };

export function StartForm({ draft, onDraft, onStarted }: { draft: Draft; onDraft: (draft: Draft) => void; onStarted: () => void }) {
  const runcast = useRuncast();
  const { data, loading, error, reload } = useAgents();
  const [problem, setProblem] = useState('');
  useAnnouncement(problem || error?.message || '');
  const { query } = draft;
  // The first one is chosen until the user chooses.
  const chosen = draft.agent !== undefined || draft.playbook !== undefined ? draft : { ...draft, ...(data.agents[0] && { agent: data.agents[0].name }) };
  const schema = data.agents.find(({ name }) => name === chosen.agent)?.parametersSchema ?? null;
  const fields = fieldsOf(schema);

  function submit(event: FormEvent) {
    event.preventDefault();
    try {
      const parameters = parametersOf(fields, draft.parameters);
      const input = { query, ...(Object.keys(parameters).length > 0 && { parameters }) };
      const watch = chosen.playbook
        ? runcast.startJob({ playbook: chosen.playbook, ...input })
        : runcast.start({ agent: chosen.agent!, ...input });
      location.hash = addressOf(watch.id);
      onStarted();
    } catch (failure) {
      if (!(failure instanceof InvalidParameter)) throw failure;
      setProblem(failure.message);
    }
  }

  const choose = (choice: Pick<Draft, 'agent' | 'playbook'>) => onDraft({ query, parameters: {}, ...choice });
  return (
    <div className="page">
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
          entered={draft.parameters}
          onEnter={(name, text) => onDraft({ ...draft, ...chosen, parameters: { ...draft.parameters, [name]: text } })}
        />
        {problem && <ErrorNotice>{problem}</ErrorNotice>}
        <div className="actions">
          <button className="primary" disabled={!chosen.agent && !chosen.playbook}>
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

function ParameterFields({
  fields,
  entered,
  onEnter,
}: {
  fields: readonly Field[] | null;
  entered: Entered;
  onEnter: (name: string, text: string) => void;
}) {
  if (fields?.length === 0) return null;
  return (
    <details className="parameters" open={fields !== null}>
      <summary>Parameters</summary>
      {fields === null ? (
        <label className="field">
          <span>A JSON object</span>
          <textarea className="code" rows={3} spellCheck={false} value={entered[ALL] ?? ''} onChange={(event) => onEnter(ALL, event.target.value)} />
        </label>
      ) : (
        <div className="field-grid">
          {fields.map((field) => (
            <ParameterField key={field.name} field={field} text={textOf(field, entered)} onEnter={(text) => onEnter(field.name, text)} />
          ))}
        </div>
      )}
    </details>
  );
}

function ParameterField({ field, text, onEnter }: { field: Field; text: string; onEnter: (text: string) => void }) {
  const { kind, label, description, required, minimum, maximum, step, choices } = field;
  const shared = { value: text, required, onChange: (event: { target: { value: string } }) => onEnter(event.target.value) };
  const values = kind === 'boolean' ? [true, false] : choices;
  return (
    <label className="field">
      <span>
        {label}
        {required && <abbr title="required"> *</abbr>}
      </span>
      {kind === 'choice' || kind === 'boolean' ? (
        <select {...shared}>
          <option value="">{required ? 'Choose …' : 'Not set'}</option>
          {values.map((value) => (
            <option key={JSON.stringify(value)} value={JSON.stringify(value)}>
              {value === true ? 'yes' : value === false ? 'no' : String(value)}
            </option>
          ))}
        </select>
      ) : kind === 'number' ? (
        <input type="number" {...shared} min={minimum} max={maximum} step={step} />
      ) : kind === 'json' ? (
        <textarea className="code" rows={2} spellCheck={false} placeholder="JSON" {...shared} />
      ) : (
        <input {...shared} />
      )}
      {description && <small>{description}</small>}
    </label>
  );
}
