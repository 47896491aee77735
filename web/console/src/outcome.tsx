/** What a run says while it works, and its result or error when it has ended. All of it is shown as text. */
import { type RunView } from '@runcast/client';
import { ErrorNotice } from './error-notice.tsx';
import { isObject } from './json.ts';
import { Section } from './section.tsx';
import { asText, formatNumber, words } from './words.ts';

export function Outcome({ run }: { run: RunView }) {
  const { result, error, reason, text } = run;
  return (
    <>
      {error && (
        <ErrorNotice>
          <p>{error}</p>
          {reason && <small>Reason: {reason}</small>}
        </ErrorNotice>
      )}
      {result !== undefined ? <Result result={result} /> : text && <Prose title="Text so far">{text}</Prose>}
    </>
  );
}

function Prose({ title, children }: { title: string; children: string }) {
  return (
    <Section title={title}>
      <div className="card prose">{children}</div>
    </Section>
  );
}

function Result({ result }: { result: unknown }) {
  if (!isObject(result)) return <Prose title="Result">{asText(result)}</Prose>;
  // A run's result has `text` and `facts`; a job's has `summary`, the facts of each agent, and more.
  const prose = ['summary', 'text'].find((name) => typeof result[name] === 'string');
  const groups = groupsOf(result.facts);
  const more = Object.entries(result).filter(([name]) => name !== prose && name !== 'facts');
  return (
    <Section title="Result">
      <div className="card">
        {prose && <div className="prose">{String(result[prose])}</div>}
        {groups.map(([group, rows]) => (
          <details key={group} open={groups.length === 1}>
            <summary>{group ? `Facts of ${group}` : 'Facts'}</summary>
            <Facts rows={rows} />
          </details>
        ))}
        {more.length > 0 && (
          <details>
            <summary>More of the result</summary>
            <pre tabIndex={0}>{asText(Object.fromEntries(more))}</pre>
          </details>
        )}
      </div>
    </Section>
  );
}

function Facts({ rows }: { rows: readonly Row[] }) {
  return (
    <table className="values">
      <thead className="visually-hidden">
        <tr>
          <th scope="col">Fact</th>
          <th scope="col">Value</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(([name, value]) => (
          <tr key={name}>
            <th scope="row">{words(name)}</th>
            <td>{value}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

type Row = [name: string, value: string];

/** Returns the facts of a run as one group without a name, and those of a job as one group for each agent. */
function groupsOf(facts: unknown): [group: string, rows: Row[]][] {
  if (!isObject(facts)) return [];
  if (Object.values(facts).every(isFact)) return Object.keys(facts).length ? [['', rowsOf(facts)]] : [];
  return Object.entries(facts).flatMap(([agent, each]) => (isObject(each) && Object.keys(each).length ? [[agent, rowsOf(each)] as [string, Row[]]] : []));
}

const VALUE_MAX_CHARS = 120;

const rowsOf = (facts: Readonly<Record<string, unknown>>): Row[] =>
  Object.entries(facts).map(([name, fact]) => {
    const { value, unit } = isFact(fact) ? fact : { value: fact, unit: null };
    const shown = typeof value === 'number' ? formatNumber(value) : typeof value === 'string' ? value : JSON.stringify(value);
    const short = shown.length > VALUE_MAX_CHARS ? `${shown.slice(0, VALUE_MAX_CHARS)} …` : shown;
    return [name, typeof unit === 'string' && unit ? `${short} ${unit}` : short];
  });

const isFact = (value: unknown): value is { value: unknown; unit?: unknown } => isObject(value) && 'value' in value;
