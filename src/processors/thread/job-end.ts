import { inspect } from 'node:util';
import { isBlocked, isFailed } from '../../job/failures.ts';
import type { JobEnd } from './messages.ts';
import { shorten } from './shorten.ts';

// Taken before the module is loaded, which may replace it.
const { stringify } = JSON;

const LARGEST_DATA_BYTES = 16 * 1024 * 1024;
/** The daemon's stack is a quarter of a thread's: what can be made here could not be passed on there. */
const DEEPEST_DATA = 1_000;

/** How a job ended whose function returned `value`: completed, or failed when JSON cannot carry the value. */
export function endOfReturn(value: unknown): JobEnd {
  if (value === undefined) return { kind: 'completed' };
  const data = readData(value);
  if ('json' in data) return { kind: 'completed', json: data.json };
  return {
    kind: 'failed',
    message: data.isTooLarge ? data.problem : `what the runner returned ${data.problem}`,
  };
}

/** How a job ended whose function threw `thrown`: Failed and Blocked of any copy of rbit-ts, else a crash. */
export function endOfThrow(thrown: unknown): JobEnd {
  try {
    if (isFailed(thrown)) return endOfFailed(shorten(thrown.message), thrown.data);
    if (isBlocked(thrown)) {
      const { message, delay } = thrown;
      return {
        kind: 'blocked',
        reason: shorten(message),
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
      return { message: shorten(words), ...(typeof stack === 'string' ? { stack: shorten(stack) } : {}) };
    }
    return {
      message: shorten(typeof thrown === 'string' ? thrown : `threw ${inspect(thrown, { depth: 1 })}`),
    };
  } catch {
    return { message: 'threw something that cannot be described' };
  }
}

function endOfFailed(message: string, value: unknown): JobEnd {
  if (value === undefined) return { kind: 'failed', message };
  const data = readData(value);
  if ('json' in data) return { kind: 'failed', message, json: data.json };
  return { kind: 'failed', message: `${message} (${data.isTooLarge ? '' : 'its data '}${data.problem})` };
}

function plainDelay(delay: unknown): number | string {
  return typeof delay === 'number'
    ? delay
    : shorten(typeof delay === 'string' ? delay : inspect(delay, { depth: 0 }));
}

type Data = { readonly json: string } | { readonly problem: string; readonly isTooLarge: boolean };

function readData(value: unknown): Data {
  try {
    const json = toJson(value);
    const bytes = Buffer.byteLength(json);
    if (bytes > LARGEST_DATA_BYTES) {
      return { problem: `its data is too large: ${bytes} bytes, at most 16 MiB`, isTooLarge: true };
    }
    if (depthOf(json) > DEEPEST_DATA) throw new RangeError(`it is nested deeper than ${DEEPEST_DATA} levels`);
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

function depthOf(json: string): number {
  let depth = 0;
  let deepest = 0;
  let isInText = false;
  for (let index = 0; index < json.length; index++) {
    const character = json[index];
    if (character === '"') isInText = !isInText;
    else if (isInText && character === '\\') index += 1;
    else if (isInText) continue;
    else if (character === '[' || character === '{') deepest = Math.max(deepest, ++depth);
    else if (character === ']' || character === '}') depth -= 1;
  }
  return deepest;
}
