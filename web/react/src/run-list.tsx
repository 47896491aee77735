/** The user's runs and jobs. */
import type { ListedRun, ListFilter } from '@runcast/client';
import { useRuns } from './lists.js';

/** Lists runs and jobs, newest first. `onSelect` makes each entry a button. */
export function RunList({ filter = {}, onSelect }: { filter?: Omit<ListFilter, 'cursor'>; onSelect?: (run: ListedRun) => void }) {
  const { data, loading, error, reload, more } = useRuns(filter);
  return (
    <div className="runcast-runs" aria-busy={loading}>
      {error && (
        <p role="alert">
          {error.message} <button onClick={reload}>Try again</button>
        </p>
      )}
      <ul>
        {data.map((run) => (
          <li key={run.requestId} className="runcast-run" data-status={run.status} data-liveness={run.liveness}>
            {onSelect ? <button onClick={() => onSelect(run)}>{label(run)}</button> : label(run)}
          </li>
        ))}
      </ul>
      {more && (
        <button onClick={more} disabled={loading}>
          More
        </button>
      )}
    </div>
  );
}

const label = ({ playbook, agent, status, createdAt }: ListedRun) =>
  `${playbook ?? agent}, ${new Date(createdAt).toLocaleString()}: ${status.replaceAll('_', ' ')}`;
