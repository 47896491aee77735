/** One run or job: its state, what it asks, what it says, and each step. */
import { ended, type ListedRun, type RunView } from '@runcast/client';
import { duration, JobTree, QuestionForm, type Run, useElapsed, useRun, useRuncast } from '@runcast/react';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { useAnnouncement } from './announcer.tsx';
import { Outcome } from './outcome.tsx';
import { addressOf } from './route.ts';
import { Section } from './section.tsx';
import { spendingOf } from './spending.ts';
import { StatePill } from './state-pill.tsx';
import { Steps } from './steps.tsx';
import { ToolCalls } from './tool-calls.tsx';
import { formatCost, formatNumber, formatSeconds, formatTime, stateOf } from './words.ts';

export function RunPage({
  id,
  listed,
  onConnection,
  onChange,
}: {
  id: string;
  /** The entry of the list, if the list has it. */
  listed: ListedRun | undefined;
  /** Called with the state of the run's connection; null while the run needs none. */
  onConnection: (connection: RunView['connection'] | null) => void;
  /** Called when the run's status has changed. */
  onChange: () => void;
}) {
  const run = useRun(id);
  const { status } = run;
  // A run that has ended and is shown whole needs no connection.
  const connection = run.steps.length === 0 || (ended(status) && run.upToDate) ? null : run.connection;
  const name = run.playbook ?? listed?.playbook ?? listed?.agent ?? run.steps.find(({ agentName }) => agentName)?.agentName ?? 'Run';
  const { word } = stateOf(run);
  useEffect(() => onConnection(connection), [onConnection, connection]);
  useEffect(() => onChange(), [onChange, status]);
  useEffect(() => {
    document.title = `${name}: ${word} - Runcast`;
    return () => void (document.title = 'Runcast');
  }, [name, word]);
  useAnnouncement(announcementOf(name, run));
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);

  return (
    <article className="page" data-status={status} data-up-to-date={run.upToDate}>
      <a className="back" href="#/">
        All runs
      </a>
      <header className="run-head">
        <h1 ref={heading} tabIndex={-1}>
          {name}
        </h1>
        <StatePill status={status} liveness={run.liveness} />
        <Actions run={run} id={id} />
      </header>
      {listed?.query && <p className="query">{listed.query}</p>}
      {run.refused && (
        <p className="notice" data-tone="error">
          {run.refused.message}
        </p>
      )}
      {status === 'not-found' && !run.refused && <p className="notice">You have no run with this id, or its record has expired.</p>}
      <Facts run={run} jobId={listed?.jobId ?? null} />
      <Progress run={run} />
      {run.questions.length > 0 && (
        <Section title="It asks">
          <div className="card">
            <QuestionForm run={run} />
          </div>
        </Section>
      )}
      {run.runs.length > 0 && (
        <Section title="Agents">
          <JobTree run={run} hrefOf={({ requestId }) => addressOf(requestId)} />
        </Section>
      )}
      <Outcome run={run} />
      <ToolCalls run={run} />
      <Steps run={run} />
    </article>
  );
}

function announcementOf(name: string, run: RunView): string {
  if (run.status === 'waiting') return `${name} waits for your answer.`;
  if (run.error) return `${name} failed: ${run.error}`;
  if (ended(run.status)) return `${name}: ${stateOf(run).word}.`;
  return run.steps.findLast(({ status }) => status !== 'text')?.message ?? '';
}

function Actions({ run, id }: { run: Run; id: string }) {
  const runcast = useRuncast();
  const [problem, setProblem] = useState('');
  const [cancelled, setCancelled] = useState(false);
  useAnnouncement(problem);
  const cancel = () => {
    setProblem('');
    setCancelled(true);
    run.cancel().catch((error: Error) => {
      setCancelled(false);
      setProblem(error.message);
    });
  };
  const again = () => {
    location.hash = addressOf(runcast.start({ rerunOf: id }).id);
  };
  const open = ['in_progress', 'waiting'].includes(run.status);
  return (
    <div className="actions">
      {open && (
        <button onClick={cancel} disabled={cancelled || run.liveness === 'cancelling'}>
          {cancelled || run.liveness === 'cancelling' ? 'Cancelling …' : 'Cancel'}
        </button>
      )}
      {ended(run.status) && <button onClick={again}>Run again</button>}
      {problem && (
        <p className="notice" data-tone="error">
          {problem}
        </p>
      )}
    </div>
  );
}

function Facts({ run, jobId }: { run: Run; jobId: string | null }) {
  const running = ['starting', 'in_progress', 'waiting'].includes(run.status);
  const elapsed = useElapsed(run.startedAt, running);
  const { seconds, tokens, inputTokens, outputTokens, costUsd, models } = spendingOf(run);
  const time = running ? elapsed : seconds;
  const facts: [string, ReactNode][] = [];
  if (run.startedAt !== null) facts.push(['Started', <time dateTime={new Date(run.startedAt).toISOString()}>{formatTime(run.startedAt)}</time>]);
  if (time !== null) facts.push(['Time', running ? duration(time) : formatSeconds(time)]);
  if (run.steps.length) facts.push(['Steps', formatNumber(run.steps.length)]);
  if (tokens !== null) {
    facts.push(['Tokens', <span title={`${formatNumber(inputTokens)} in, ${formatNumber(outputTokens)} out`}>{formatNumber(tokens)}</span>]);
  }
  if (costUsd !== null) facts.push(['Cost', formatCost(costUsd)]);
  if (models.length) facts.push([models.length === 1 ? 'Model' : 'Models', models.join(', ')]);
  if (jobId !== null && jobId !== run.id) facts.push(['Part of', <a href={addressOf(jobId)}>a job</a>]);
  if (!facts.length) return null;
  return (
    <dl className="facts">
      {facts.map(([term, value]) => (
        <div key={term}>
          <dt>{term}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** What the run does now. */
function Progress({ run }: { run: RunView }) {
  if (!['starting', 'in_progress'].includes(run.status)) return null;
  const step = run.steps.findLast(({ status }) => status !== 'text');
  const counted = run.tools.findLast(({ outcome }) => outcome === null)?.progress;
  const bar = counted && typeof counted.done === 'number' && typeof counted.total === 'number' ? { value: counted.done, max: counted.total } : {};
  return (
    <div className="progress">
      <p>
        {step ? step.message || step.status.replaceAll('_', ' ') : 'Starting …'}
        {run.missing > 0 && <small> ({formatNumber(run.missing)} steps are still loading)</small>}
      </p>
      <progress aria-label="Progress" {...bar} />
    </div>
  );
}
