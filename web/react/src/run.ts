/** Watches a run or a job from a component, and starts one. */
import { emptyView, type NewRun, type Parameters, type RunView, type Watch } from '@runcast/client';
import { useCallback, useMemo, useState, useSyncExternalStore } from 'react';
import { useRuncast } from './provider.js';

/** A view, and what can be done with its run. */
export interface Run extends RunView {
  readonly id: string | null;
  /** Cancels the run, or the job with its runs. Rejects with a `RuncastError`. */
  cancel(): Promise<void>;
  /** Answers all open questions, by their ids. Rejects with a `RuncastError`. */
  answer(answers: Readonly<Record<string, unknown>>): Promise<void>;
}

const nothing = () => () => {};
const serverView = () => emptyView;

/**
 * Watches a run or a job while the component is mounted. Components with the same id share one watch.
 *
 * @param id - The id of a run or a job; null watches nothing.
 */
export function useRun(id: string | null): Run {
  const runcast = useRuncast();
  // A watch that has been idle is replaced, so this asks again after each mount.
  const subscribe = useCallback((listener: () => void) => (id === null ? nothing() : runcast.watch(id).subscribe(listener)), [runcast, id]);
  const snapshot = useCallback(() => (id === null ? emptyView : runcast.watch(id).view), [runcast, id]);
  const view = useSyncExternalStore(subscribe, snapshot, serverView);
  return useMemo(
    () => ({
      ...view,
      id,
      cancel: async () => (id === null ? undefined : runcast.watch(id).cancel()),
      answer: async (answers) => (id === null ? undefined : runcast.watch(id).answer(answers)),
    }),
    [view, id, runcast],
  );
}

/** A run to start, by its agent, or a job, by its playbook; with `rerunOf` one with the input of an earlier one. */
export type Task = NewRun | { playbook: string; query: string; parameters?: Parameters };

/** Starts runs and jobs: `const { start, run } = useStart()`. `run` is the last one, watched. */
export function useStart(): { start(task: Task): Watch; run: Run } {
  const runcast = useRuncast();
  const [id, setId] = useState<string | null>(null);
  const start = useCallback(
    (task: Task) => {
      const watch = 'playbook' in task ? runcast.startJob(task) : runcast.start(task);
      setId(watch.id);
      return watch;
    },
    [runcast],
  );
  return { start, run: useRun(id) };
}
