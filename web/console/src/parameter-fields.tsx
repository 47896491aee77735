/** The fields for an agent's parameters, or one field for all of them as JSON if the agent declares none. */
import { ALL, type Entered, type Field, textOf } from './parameters.ts';

/** `open`: whether the fields are shown at first. They are also shown when one of them must be filled. */
export function ParameterFields({
  fields,
  open,
  entered,
  onEnter,
}: {
  fields: readonly Field[] | null;
  open: boolean;
  entered: Entered;
  onEnter: (entered: Entered) => void;
}) {
  if (fields?.length === 0) return null;
  const enter = (name: string, text: string) => onEnter({ ...entered, [name]: text });
  return (
    <details className="parameters" open={open && fields !== null} onInvalidCapture={({ currentTarget }) => void (currentTarget.open = true)}>
      <summary>Parameters</summary>
      {fields === null ? (
        <label className="field">
          <span>A JSON object</span>
          <textarea className="code" rows={3} spellCheck={false} value={entered[ALL] ?? ''} onChange={(event) => enter(ALL, event.target.value)} />
        </label>
      ) : (
        <div className="field-grid">
          {fields.map((field) => (
            <ParameterField key={field.name} field={field} text={textOf(field, entered)} onEnter={(text) => enter(field.name, text)} />
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
