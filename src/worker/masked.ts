import type { Outcome } from '../job/outcome.ts';

/** An outcome with the secrets masked in all that people will read of it, however deep in its data. */
export function masked(outcome: Outcome, mask: (text: string) => string): Outcome {
  return maskDeep(outcome, mask) as Outcome;
}

function maskDeep(value: unknown, mask: (text: string) => string): unknown {
  if (typeof value === 'string') return mask(value);
  if (Array.isArray(value)) return value.map((one) => maskDeep(one, mask));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, maskDeep(one, mask)]));
}
