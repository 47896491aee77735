/** Checks JSON of unknown shape. */
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const numberOf = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);
