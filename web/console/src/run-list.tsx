/** The user's runs and jobs, newest first, with filters. */
import { useAgents, type useRuns } from '@runcast/react';
import { addressOf } from './route.ts';
import { SideEntry, SideList, type SideListProps } from './side-list.tsx';
import { Time } from './time.tsx';
import { stateOf } from './words.ts';

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
}: SideListProps & { runs: ReturnType<typeof useRuns>; filter: Filter; onFilter: (filter: Filter) => void }) {
  // A job shows its runs itself. A filter by agent finds them, too.
  const shown = runs.data.filter(({ jobId, requestId }) => filter.agent !== undefined || jobId === null || jobId === requestId);
  const filtered = filter.status !== undefined || filter.agent !== undefined;
  return (
    <SideList
      title="Runs"
      Heading={Heading}
      begin={{ word: 'New run', address: '#/new' }}
      filters={<Filters filter={filter} onFilter={onFilter} />}
      loaded={runs}
      empty={filtered ? 'No run matches the filters.' : 'No runs yet.'}
    >
      {shown.map((run) => (
        <SideEntry
          key={run.requestId}
          address={addressOf(run.requestId)}
          open={run.requestId === open}
          name={run.playbook ?? run.agent}
          label={stateOf(run)}
          text={run.query}
        >
          {run.playbook ? 'Job · ' : ''}
          <Time epochMs={run.createdAt} /> · {run.seq} {run.seq === 1 ? 'step' : 'steps'}
        </SideEntry>
      ))}
    </SideList>
  );
}

function Filters({ filter, onFilter }: { filter: Filter; onFilter: (filter: Filter) => void }) {
  const { agents } = useAgents().data;
  const set = (name: keyof Filter, value: string) => {
    const chosen = Object.entries({ ...filter, [name]: value });
    onFilter(Object.fromEntries(chosen.filter(([, each]) => each)));
  };
  return (
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
  );
}
