import { inspect } from 'node:util';
import { isBlocked, isFailed } from '../../job/failures.ts';
import type { JobEnd } from './messages.ts';

/** How a job ended whose function returned `value`: completed, or failed when JSON cannot carry the value. */
export function endOfReturn(value: unknown): JobEnd {
  if (value === undefined) return { kind: 'completed' };
  try {
    return { kind: 'completed', json: toJson(value) };
  } catch (error) {
    return { kind: 'failed', message: `what the runner returned is not JSON: ${firstLine(error)}` };
  }
}

/** How a job ended whose function threw `thrown`: Failed and Blocked of any copy of rbit-ts, else a crash. */
export function endOfThrow(thrown: unknown): JobEnd {
  try {
    if (isFailed(thrown)) return endOfFailed(thrown.message, thrown.data);
    if (isBlocked(thrown)) {
      const { message, delay } = thrown;
      return { kind: 'blocked', reason: message, ...(delay === undefined ? {} : { delay }) };
    }
    return { kind: 'crashed', ...describeThrown(thrown) };
  } catch {
    return { kind: 'crashed', message: 'threw something that cannot be described' };
  }
}

/** A thrown value in words: an error's name and message, and its stack for the log. */
export function describeThrown(thrown: unknown): { message: string; stack?: string } {
  if (thrown instanceof Error) {
    const { name, message, stack } = thrown;
    const words = message === '' ? name : name === 'Error' ? message : `${name}: ${message}`;
    return { message: words, ...(typeof stack === 'string' ? { stack } : {}) };
  }
  return { message: typeof thrown === 'string' ? thrown : `threw ${inspect(thrown, { depth: 1 })}` };
}

function endOfFailed(message: string, data: unknown): JobEnd {
  if (data === undefined) return { kind: 'failed', message };
  try {
    return { kind: 'failed', message, json: toJson(data) };
  } catch (error) {
    return { kind: 'failed', message: `${message} (its data is not JSON: ${firstLine(error)})` };
  }
}

function toJson(value: unknown): string {
  const json: string | undefined = JSON.stringify(value, (key, part: unknown) => {
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
      .message.replace(/^TypeError: /, '')
      .split('\n')[0] ?? ''
  );
}
