/** One run or job: its state, what it asks, what it says, and each step. */
import { ended, type ListedRun, type RunView } from '@runcast/client';
import { duration, JobTree, QuestionForm, type Run, useElapsed, useRun, useRuncast } from '@runcast/react';
import { type ReactNode } from 'react';
import { CancelButton } from './cancel-button.tsx';
import { ErrorNotice } from './error-notice.tsx';
import { Outcome } from './outcome.tsx';
import { type PageProps, usePage } from './page.ts';
import { Pill } from './pill.tsx';
import { Progress } from './progress.tsx';
import { addressOf, addressOfChat, RUNS } from './route.ts';
import { Section } from './section.tsx';
import { spendingOf } from './spending.ts';
import { Steps } from './steps.tsx';
import { Time } from './time.tsx';
import { ToolCalls } from './tool-calls.tsx';
import { formatCost, formatNumber, formatSeconds, lastEventOf, stateOf } from './words.ts';

/** `listed`: the entry of the list, if the list has it. */
export function RunPage({ listed, ...props }: PageProps & { listed: ListedRun | undefined }) {
  const { id } = props;
  const run = useRun(id);
  const { status } = run;
  const name = run.playbook ?? listed?.playbook ?? listed?.agent ?? run.steps.find(({ agentName }) => agentName)?.agentName ?? 'Run';
  const state = stateOf(run);
  const heading = usePage(props, { run, title: `${name}: ${state.word}`, announcement: announcementOf(name, run) });
  return (
    <article className="page" data-status={status} data-up-to-date={run.upToDate}>
      <a className="back" href={RUNS}>
        All runs
      </a>
      <header className="run-head">
        <h1 ref={heading} tabIndex={-1}>
          {name}
        </h1>
        <Pill {...state} />
        <Actions run={run} id={id} />
      </header>
      {listed?.query && <p className="query">{listed.query}</p>}
      {run.refused && <ErrorNotice>{run.refused.message}</ErrorNotice>}
      {status === 'not-found' && !run.refused && <p className="notice">You have no run with this id, or its record has expired.</p>}
      <Facts run={run} jobId={listed?.jobId ?? null} chatId={listed?.conversationId ?? null} />
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
  return lastEventOf(run)?.message ?? '';
}

function Actions({ run, id }: { run: Run; id: string }) {
  const runcast = useRuncast();
  const again = () => {
    location.hash = addressOf(runcast.start({ rerunOf: id }).id);
  };
  return (
    <div className="actions">
      <CancelButton run={run} />
      {ended(run.status) && <button onClick={again}>Run again</button>}
    </div>
  );
}

function Facts({ run, jobId, chatId }: { run: Run; jobId: string | null; chatId: string | null }) {
  const running = ['starting', 'in_progress', 'waiting'].includes(run.status);
  const elapsed = useElapsed(run.startedAt, running);
  const { seconds, tokens, inputTokens, outputTokens, costUsd, models } = spendingOf(run);
  const time = running ? elapsed : seconds;
  const facts: [string, ReactNode][] = [];
  if (run.startedAt !== null) facts.push(['Started', <Time epochMs={run.startedAt} />]);
  if (time !== null) facts.push(['Time', running ? duration(time) : formatSeconds(time)]);
  if (run.steps.length) facts.push(['Steps', formatNumber(run.steps.length)]);
  if (tokens !== null) {
    facts.push(['Tokens', <span title={`${formatNumber(inputTokens)} in, ${formatNumber(outputTokens)} out`}>{formatNumber(tokens)}</span>]);
  }
  if (costUsd !== null) facts.push(['Cost', formatCost(costUsd)]);
  if (models.length) facts.push([models.length === 1 ? 'Model' : 'Models', models.join(', ')]);
  if (jobId !== null && jobId !== run.id) facts.push(['Part of', <a href={addressOf(jobId)}>a job</a>]);
  if (chatId !== null) facts.push(['Part of', <a href={addressOfChat(chatId)}>a chat</a>]);
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
