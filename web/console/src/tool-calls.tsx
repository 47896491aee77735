/** The tool calls: which are running and how far they are, and how the others ended. */
import { type RunView, type ToolCall } from '@runcast/client';
import { Section } from './section.tsx';
import { Pill } from './pill.tsx';
import { formatNumber, formatSeconds, outcomeOf } from './words.ts';

/** The record has all calls; the page shows the last ones. */
const SHOWN_MAX = 20;

export function ToolCalls({ run }: { run: RunView }) {
  const { tools } = run;
  if (!tools.length) return null;
  const left = tools.length - SHOWN_MAX;
  return (
    <Section title="Tools">
      {left > 0 && <p className="hint">{formatNumber(left)} earlier calls are in the steps below.</p>}
      <ul className="tools card">
        {tools.slice(-SHOWN_MAX).map((call) => (
          <Call key={call.id} call={call} />
        ))}
      </ul>
    </Section>
  );
}

function Call({ call }: { call: ToolCall }) {
  const { name, agentName, outcome, seconds } = call;
  const bar = outcome === null ? barOf(call) : undefined;
  return (
    <li>
      <code>{name}</code>
      {agentName && <span className="muted">{agentName}</span>}
      {bar && <progress {...bar} aria-label={`${name}: ${bar.value} of ${bar.max}`} />}
      <span className="tool-end">
        {seconds !== null && <span className="muted">{formatSeconds(seconds)}</span>}
        <Pill {...outcomeOf(outcome)} />
      </span>
    </li>
  );
}

/** Returns how far a call is; undefined if it does not count. */
export function barOf({ progress }: ToolCall): { value: number; max: number } | undefined {
  const { done, total } = progress ?? {};
  return typeof done === 'number' && typeof total === 'number' ? { value: done, max: total } : undefined;
}
