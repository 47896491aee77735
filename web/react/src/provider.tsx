/** Gives the hooks below it their Runcast. */
import type { Runcast } from '@runcast/client';
import { createContext, createElement, type ReactNode, useContext } from 'react';

const Context = createContext<Runcast | null>(null);

/** `runcast` is what `createRuncast` returns; create it once, outside of components. */
export function RuncastProvider({ runcast, children }: { runcast: Runcast; children?: ReactNode }) {
  return createElement(Context.Provider, { value: runcast }, children);
}

/**
 * Returns the Runcast of the provider above.
 *
 * @throws Error - There is no `RuncastProvider` above.
 */
export function useRuncast(): Runcast {
  const runcast = useContext(Context);
  if (!runcast) throw new Error('Wrap the component in <RuncastProvider runcast={createRuncast(...)}>.');
  return runcast;
}
