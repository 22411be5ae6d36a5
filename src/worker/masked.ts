import { isContainer } from '../job/exact-json.ts';
import type { Outcome } from '../job/outcome.ts';

type Mask = (text: string) => string;

/** What of an outcome people read: everything else is the worker's own. */
const READ = new Set(['message', 'reason', 'detail', 'data']);

/** An outcome with the secrets masked in all that people will read of it, however deep in its data. */
export function masked(outcome: Outcome, mask: Mask): Outcome {
  if (outcome.kind === 'completed' && outcome.data === undefined) return outcome;
  const entries = Object.entries(outcome).map(([key, value]) => [
    key,
    READ.has(key) ? maskedDeep(value, mask) : value,
  ]);
  return Object.fromEntries(entries) as Outcome;
}

/** A value of JSON with the secrets masked in its texts, its keys, and in numbers that are one. */
export function maskedDeep(value: unknown, mask: Mask): unknown {
  if (typeof value === 'string') return mask(value);
  if (typeof value === 'number') return mask(String(value)) === String(value) ? value : '***';
  if (JSON.isRawJSON(value)) return maskedRaw(value, mask);
  if (Array.isArray(value)) return value.map((one) => maskedDeep(one, mask));
  if (!isContainer(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [mask(key), maskedDeep(one, mask)]));
}

/** A number as it was written: the secret may be that, or the number that JavaScript makes of it. */
function maskedRaw(value: unknown, mask: Mask): unknown {
  const written = JSON.stringify(value);
  const texts = [written, String(JSON.parse(written))];
  return texts.every((text) => mask(text) === text) ? value : '***';
}

/** Masks what `mask` does, and then whatever one of the patterns matches. */
export function maskingAlso(patterns: readonly RegExp[], mask: Mask): Mask {
  if (patterns.length === 0) return mask;
  return (text) => patterns.reduce((left, pattern) => left.replace(pattern, '***'), mask(text));
}
