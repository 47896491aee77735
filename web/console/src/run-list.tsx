/** The user's runs and jobs, newest first, with filters. */
import { type ListedRun } from '@runcast/client';
import { useAgents, type useRuns } from '@runcast/react';
import { ErrorNotice } from './error-notice.tsx';
import { Pill } from './pill.tsx';
import { addressOf } from './route.ts';
import { formatTime, stateOf } from './words.ts';

/** What the list is limited to; everything if a field is absent. */
export interface Filter {
  readonly status?: string;
  readonly agent?: string;
}

const STATUSES = [
  ['', 'Any state'],
  ['in_progress', 'Running'],
  ['waiting', 'Waiting'],
  ['complete', 'Complete'],
  ['error', 'Failed'],
  ['cancelled', 'Cancelled'],
] as const;

export function RunList({
  runs,
  filter,
  onFilter,
  open,
  Heading,
}: {
  runs: ReturnType<typeof useRuns>;
  filter: Filter;
  onFilter: (filter: Filter) => void;
  open: string | null;
  Heading: 'h1' | 'h2';
}) {
  const { data, loading, error, reload, more } = runs;
  const { agents } = useAgents().data;
  // A job shows its runs itself. A filter by agent finds them, too.
  const shown = data.filter(({ jobId, requestId }) => filter.agent !== undefined || jobId === null || jobId === requestId);
  const filtered = filter.status !== undefined || filter.agent !== undefined;
  const set = (name: keyof Filter, value: string) => {
    const chosen = Object.entries({ ...filter, [name]: value });
    onFilter(Object.fromEntries(chosen.filter(([, each]) => each)));
  };
  return (
    <>
      <div className="side-head">
        <Heading>Runs</Heading>
        <a className="button primary" href="#/new">
          New run
        </a>
      </div>
      <div className="filters" role="group" aria-label="Filters">
        <select aria-label="State" value={filter.status ?? ''} onChange={(event) => set('status', event.target.value)}>
          {STATUSES.map(([value, word]) => (
            <option key={value} value={value}>
              {word}
            </option>
          ))}
        </select>
        <select aria-label="Agent" value={filter.agent ?? ''} onChange={(event) => set('agent', event.target.value)}>
          <option value="">Any agent</option>
          <option value="orchestrator">Jobs</option>
          {agents.map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </div>
      {error && <ErrorNotice onRetry={reload}>{error.message}</ErrorNotice>}
      <ul className="runs">
        {shown.map((run) => (
          <li key={run.requestId}>
            <Entry run={run} open={run.requestId === open} />
          </li>
        ))}
      </ul>
      {!shown.length && !error && <p className="empty">{loading ? 'Loading …' : filtered ? 'No run matches the filters.' : 'No runs yet.'}</p>}
      {more && (
        <button onClick={more} disabled={loading}>
          More
        </button>
      )}
    </>
  );
}

function Entry({ run, open }: { run: ListedRun; open: boolean }) {
  return (
    <a className="entry" href={addressOf(run.requestId)} aria-current={open ? 'page' : undefined}>
      <span className="entry-head">
        <strong>{run.playbook ?? run.agent}</strong>
        <Pill {...stateOf(run)} />
      </span>
      {run.query && <span className="entry-query">{run.query}</span>}
      <span className="entry-facts">
        {run.playbook ? 'Job · ' : ''}
        <time dateTime={new Date(run.createdAt).toISOString()}>{formatTime(run.createdAt)}</time> · {run.seq} {run.seq === 1 ? 'step' : 'steps'}
      </span>
    </a>
  );
}
