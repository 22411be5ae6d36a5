import { parseExactly } from '../../job/exact-json.ts';
import { textAt } from '../../job/json-text.ts';
import { failed, type Outcome } from '../../job/outcome.ts';
import { DEEPEST_DATA, depthOf, LARGEST_EXACT_DATA } from './data-limits.ts';
import { parseDelayMs, whyNoDelay } from './delay.ts';
import { shorten } from './shorten.ts';

/*
 * What a runner says of its job: one JSON object a line, with any of these keys.
 *
 *   progress   0 to 100; `message`: what it is doing
 *   data       anything: `data` of the reply when the job completes
 *   failed     why: the job has failed for good; `data` beside it goes to the requester
 *   blocked    a delay (`10m`, milliseconds), or true for the runner's own; `reason`: what it waits for
 *
 * What came last counts. A key with nothing in it (null, false, 0, an empty text) is as good as none, but for progress and
 * data. With a `reason`, a `blocked` of 0 or an empty text is a delay that is none. Other keys are not looked at.
 */

/** One line, understood. `problems`: what of it is not. */
export interface Statement {
  readonly progress?: { readonly percent: number; readonly message?: string };
  readonly data?: { readonly value: unknown };
  readonly end?: Extract<Outcome, { kind: 'failed' | 'blocked' }>;
  readonly problems: readonly string[];
}

/** The object in a line of JSON, or what the line is instead. Never throws. */
export function readObject(
  line: string,
): { readonly object: Record<string, unknown> } | { readonly problem: string } {
  if (!/^\s*\{/.test(line)) return { problem: 'not a JSON object' };
  try {
    if (depthOf(line) > DEEPEST_DATA) return { problem: `nested deeper than ${DEEPEST_DATA} levels` };
    return { object: withExactData(JSON.parse(line) as Record<string, unknown>, line) };
  } catch {
    return { problem: 'not JSON' };
  }
}

/** `data` goes on to the requester: each number of it is as the runner wrote it. */
function withExactData(object: Record<string, unknown>, line: string): Record<string, unknown> {
  const data = Object.hasOwn(object, 'data') ? textAt(line, ['data']) : undefined;
  if (data === undefined || data.length > LARGEST_EXACT_DATA) return object;
  return { ...object, data: parseExactly(data) };
}

/** What an object says of a job. Never throws. */
export function readStatement(object: Readonly<Record<string, unknown>>): Statement {
  const problems: string[] = [];
  const progress = readProgress(object, problems);
  const end = readEnd(object, problems);
  const hasData = Object.hasOwn(object, 'data') && end === undefined;
  if (progress === undefined && end === undefined && !hasData && problems.length === 0)
    problems.push('says none of progress, data, blocked, failed');
  return {
    ...(progress === undefined ? {} : { progress }),
    ...(hasData ? { data: { value: object['data'] } } : {}),
    ...(end === undefined ? {} : { end }),
    problems,
  };
}

function readProgress(
  { progress, message }: Readonly<Record<string, unknown>>,
  problems: string[],
): Statement['progress'] {
  if (progress === undefined) return undefined;
  if (typeof progress !== 'number' || !Number.isFinite(progress)) {
    problems.push('progress is not a number from 0 to 100');
    return undefined;
  }
  const percent = Math.min(100, Math.max(0, progress));
  return typeof message === 'string' ? { percent, message: shorten(message) } : { percent };
}

function readEnd(
  { failed: why, blocked, reason, data, completed }: Readonly<Record<string, unknown>>,
  problems: string[],
): Statement['end'] {
  if (isSaid(why))
    return failed(typeof why === 'string' ? shorten(why) : 'the runner reported it failed', data);
  // Nobody gives a reason for what is not so: then it is the delay that is none.
  const isMeant = (blocked === 0 || blocked === '') && isSaid(reason) && completed !== true;
  if (!isSaid(blocked) && !isMeant) return undefined;
  const delayMs = blocked === true ? undefined : parseDelayMs(blocked);
  if (delayMs === undefined && blocked !== true)
    problems.push(`blocked: ${shorten(JSON.stringify(blocked))} is ${whyNoDelay(blocked)}`);
  return {
    kind: 'blocked',
    reason: typeof reason === 'string' && reason !== '' ? shorten(reason) : 'the runner reported it blocked',
    ...(delayMs === undefined ? {} : { delayMs }),
  };
}

/** A program may write all keys always, with nothing in most of them. */
export function isSaid(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false && value !== '' && value !== 0;
}
