/**
 * Components that show a run. They are headless: plain elements with class names, which `styles.css` styles by CSS
 * variables. All that a run says is shown as text, because it is untrusted.
 */
import { ended, type RunNode, type RunView, type Step, type ToolCall } from '@runcast/client';
import { duration, useElapsed } from './clock.js';

/** What components need of a run: the result of `useRun`, or a watch's view. */
export interface OfRun {
  readonly run: RunView;
}

const CONNECTIONS = { live: null, polling: null, offline: 'Offline. Trying again …', 'signed-out': 'Signed out.' } as const;

/** The current step, the time, and a bar, which is determinate only while a tool counts. */
export function AgentProgressIndicator({ run }: OfRun) {
  const running = !ended(run.status) && run.status !== 'not-found';
  const elapsed = useElapsed(run.startedAt, running);
  const last = run.steps.at(-1);
  const seconds = running ? elapsed : totalSeconds(run);
  return (
    <div className="runcast-progress" data-status={run.status} data-liveness={run.liveness} aria-busy={running}>
      <p role="status" className="runcast-progress-step">
        {run.refused?.message ?? run.error ?? (running && last ? said(last) : words(run.status))}
      </p>
      {seconds !== null && <span className="runcast-progress-elapsed">{duration(seconds)}</span>}
      {running && <ProgressBar tool={run.tools.findLast(({ outcome }) => outcome === null)} />}
      {CONNECTIONS[run.connection] && <p className="runcast-progress-connection">{CONNECTIONS[run.connection]}</p>}
    </div>
  );
}

function ProgressBar({ tool }: { tool: ToolCall | undefined }) {
  const { done, total, unit } = tool?.progress ?? {};
  if (typeof done !== 'number' || typeof total !== 'number') return <progress className="runcast-progress-bar" aria-label="Progress" />;
  const label = `${tool!.name}: ${done} of ${total}${typeof unit === 'string' ? ` ${unit}` : ''}`;
  return <progress className="runcast-progress-bar" value={done} max={total} aria-label={label} title={label} />;
}

/** Every step, oldest first. */
export function StepTimeline({ run }: OfRun) {
  const names = new Map(run.runs.map((node) => [node.requestId, title(node)]));
  return (
    <ol className="runcast-timeline">
      {run.steps.map((step) => (
        <li key={step.id} className="runcast-step" data-status={step.status} data-seq={step.seq}>
          <span className="runcast-step-agent">{names.get(step.requestId) ?? step.agentName}</span>
          <span className="runcast-step-message">{said(step)}</span>
        </li>
      ))}
    </ol>
  );
}

/** A job's stages side by side, with each agent's state and time. `hrefOf` makes the name of each begun agent a link. */
export function JobTree({ run, hrefOf }: OfRun & { hrefOf?: (node: RunNode) => string }) {
  return (
    <div className="runcast-job">
      {[...byStage(run.runs)].map(([stage, runs]) => (
        <section key={stage} className="runcast-stage" aria-label={stage}>
          <h3>{stage}</h3>
          <ul>
            {runs.map((node) => (
              <li key={node.requestId} className="runcast-agent" data-status={node.status ?? 'pending'} data-liveness={node.liveness}>
                <AgentRun node={node} href={node.status === null ? undefined : hrefOf?.(node)} />
              </li>
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
}

function AgentRun({ node, href }: { node: RunNode; href: string | undefined }) {
  const running = node.status !== null && !ended(node.status);
  // While it runs, the record's time is as old as its last read.
  const elapsed = useElapsed(node.startedAt, running);
  const seconds = running ? elapsed : node.elapsed;
  return (
    <>
      <span className="runcast-agent-name">{href === undefined ? title(node) : <a href={href}>{title(node)}</a>}</span>
      <span className="runcast-agent-status">{node.error ?? (node.status === null ? 'pending' : words(node.status))}</span>
      {seconds !== null && <span className="runcast-agent-elapsed">{duration(seconds)}</span>}
    </>
  );
}

/** The last status messages, for a chat view, and what the agent says. Screen readers read new ones out. */
export function StatusFeed({ run, last = 5 }: OfRun & { last?: number }) {
  const steps = run.steps.filter(({ status }) => status !== 'text').slice(-last);
  return (
    <div className="runcast-feed" role="log">
      {steps.map((step) => (
        <p key={step.id} className="runcast-feed-status" data-status={step.status}>
          {said(step)}
        </p>
      ))}
      {run.text && <p className="runcast-feed-text">{run.text}</p>}
    </div>
  );
}

const byStage = (runs: readonly RunNode[]) => {
  const stages = new Map<string, RunNode[]>();
  for (const node of runs) stages.set(node.stage, [...(stages.get(node.stage) ?? []), node]);
  return stages;
};
const title = ({ name, attempt }: RunNode) => (attempt === 1 ? name : `${name} (attempt ${attempt})`);
const words = (status: string) => status.replaceAll('_', ' ');
const said = ({ message, status }: Step) => message || words(status);

function totalSeconds({ steps }: RunView): number | null {
  const elapsed = steps.findLast(({ metadata }) => typeof metadata.elapsed === 'number')?.metadata.elapsed;
  return typeof elapsed === 'number' ? elapsed : null;
}
