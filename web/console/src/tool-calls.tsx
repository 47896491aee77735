/** The tool calls: which are running and how far they are, and how the others ended. */
import { type RunView, type ToolCall } from '@runcast/client';
import { Section } from './section.tsx';
import { formatNumber, formatSeconds, type Tone } from './words.ts';

/** The record has all calls; the page shows the last ones. */
const SHOWN_MAX = 20;

const OUTCOMES: Readonly<Record<string, { word: string; tone: Tone }>> = {
  ok: { word: 'done', tone: 'good' },
  error: { word: 'failed', tone: 'error' },
  denied: { word: 'denied', tone: 'warning' },
  cancelled: { word: 'cancelled', tone: 'muted' },
  asked: { word: 'asked you', tone: 'warning' },
};

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

function Call({ call: { name, agentName, outcome, seconds, progress } }: { call: ToolCall }) {
  const { word, tone } = outcome === null ? { word: 'running', tone: 'busy' } : (OUTCOMES[outcome] ?? { word: outcome, tone: 'muted' });
  const counted = progress && typeof progress.done === 'number' && typeof progress.total === 'number' ? progress : null;
  return (
    <li>
      <code>{name}</code>
      {agentName && <span className="muted">{agentName}</span>}
      {outcome === null && counted && <progress value={counted.done} max={counted.total} aria-label={`${name}: ${counted.done} of ${counted.total}`} />}
      <span className="tool-end">
        {seconds !== null && <span className="muted">{formatSeconds(seconds)}</span>}
        <span className="pill" data-tone={tone}>
          {word}
        </span>
      </span>
    </li>
  );
}
