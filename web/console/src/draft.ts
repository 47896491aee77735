/** What a user has entered for a run, a job or a turn of a chat, before it is started. */
import { type Parameters } from '@runcast/client';
import { type Entered, type Field, parametersOf } from './parameters.ts';

export interface Draft {
  readonly query: string;
  readonly parameters: Entered;
}

export const emptyDraft: Draft = { query: '', parameters: {} };

/**
 * Returns the input of a start.
 *
 * @param fields - Those of the agent's parameters.
 * @throws InvalidParameter - A field does not have the JSON that it needs.
 */
export function inputOf({ query, parameters: entered }: Draft, fields: readonly Field[] | null): { query: string; parameters?: Parameters } {
  const parameters = parametersOf(fields, entered);
  return { query, ...(Object.keys(parameters).length > 0 && { parameters }) };
}
