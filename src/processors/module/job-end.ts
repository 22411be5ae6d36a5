import { inspect } from 'node:util';
import { isBlocked, isFailed } from '../../job/failures.ts';
import { DEEPEST_DATA, depthOf, LARGEST_DATA_BYTES } from '../report/data-limits.ts';
import { shorten } from '../report/shorten.ts';

/** How a function ended. `json` is data as text, so that the daemon never copies a stranger's objects. */
export type JobEnd =
  | { readonly kind: 'completed'; readonly json?: string }
  | { readonly kind: 'failed'; readonly message: string; readonly json?: string }
  | { readonly kind: 'blocked'; readonly reason: string; readonly delay?: number | string }
  | { readonly kind: 'crashed'; readonly message: string; readonly stack?: string };

// Taken before the module is loaded, which may replace it.
const { stringify } = JSON;

/** How a job ended whose function returned `value`: completed, or failed when JSON cannot carry the value. */
export function endOfReturn(value: unknown, deepest = DEEPEST_DATA): JobEnd {
  if (value === undefined) return { kind: 'completed' };
  const data = readData(value, deepest);
  if ('json' in data) return { kind: 'completed', json: data.json };
  return {
    kind: 'failed',
    message: data.isTooLarge ? data.problem : `what the runner returned ${data.problem}`,
  };
}

/** How a job ended whose function threw `thrown`: Failed and Blocked of any copy of rbit-ts, else a crash. */
export function endOfThrow(thrown: unknown, deepest = DEEPEST_DATA): JobEnd {
  try {
    if (isFailed(thrown))
      return endOfFailed(shorten(thrown.message) || 'the runner threw Failed', thrown.data, deepest);
    if (isBlocked(thrown)) {
      const { message, delay } = thrown;
      return {
        kind: 'blocked',
        reason: shorten(message) || 'the runner threw Blocked',
        ...(delay === undefined ? {} : { delay: plainDelay(delay) }),
      };
    }
  } catch {
    // Then it is like anything else that is thrown.
  }
  return { kind: 'crashed', ...describeThrown(thrown) };
}

/** A thrown value in words: an error's name and message, and its stack for the log. */
export function describeThrown(thrown: unknown): { message: string; stack?: string } {
  try {
    if (thrown instanceof Error) {
      // They can be overwritten with anything.
      const { name, message, stack } = thrown as { name: unknown; message: unknown; stack?: unknown };
      const words =
        message === '' ? name : name === 'Error' ? message : `${String(name)}: ${String(message)}`;
      return {
        message: shorten(words) || 'threw an error without words',
        ...(typeof stack === 'string' ? { stack: shorten(stack) } : {}),
      };
    }
    const isText = typeof thrown === 'string' && thrown !== '';
    return { message: shorten(isText ? thrown : `threw ${inspect(thrown, { depth: 1 })}`) };
  } catch {
    return { message: 'threw something that cannot be described' };
  }
}

function endOfFailed(message: string, value: unknown, deepest: number): JobEnd {
  if (value === undefined) return { kind: 'failed', message };
  const data = readData(value, deepest);
  if ('json' in data) return { kind: 'failed', message, json: data.json };
  return { kind: 'failed', message: `${message} (${data.isTooLarge ? '' : 'its data '}${data.problem})` };
}

/** As it can stand in JSON, which has no NaN. */
function plainDelay(delay: unknown): number | string {
  return Number.isFinite(delay)
    ? (delay as number)
    : shorten(typeof delay === 'string' ? delay : inspect(delay, { depth: 0 }));
}

type Data = { readonly json: string } | { readonly problem: string; readonly isTooLarge: boolean };

function readData(value: unknown, deepest: number): Data {
  try {
    const json = toJson(value);
    const bytes = Buffer.byteLength(json);
    if (bytes > LARGEST_DATA_BYTES) {
      return { problem: `its data is too large: ${bytes} bytes, at most 16 MiB`, isTooLarge: true };
    }
    if (depthOf(json) > deepest) throw new RangeError(`it is nested deeper than ${deepest} levels`);
    return { json };
  } catch (error) {
    return { problem: `is not JSON: ${firstLine(error)}`, isTooLarge: false };
  }
}

function toJson(value: unknown): string {
  const json: string | undefined = stringify(value, (key, part: unknown) => {
    if (typeof part === 'function' || typeof part === 'symbol') {
      throw new TypeError(`${key === '' ? 'it' : `"${key}"`} is a ${typeof part}`);
    }
    return part;
  });
  // Its own toJSON may have made nothing of it.
  if (json === undefined) throw new TypeError('it turns into nothing');
  return json;
}

function firstLine(error: unknown): string {
  return (
    describeThrown(error)
      .message.replace(/^(?:Type|Range)Error: /, '')
      .split('\n')[0] ?? ''
  );
}
