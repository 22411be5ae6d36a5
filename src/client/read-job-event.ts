import type { Delivery } from '../broker/broker.ts';
import { parseExactly } from '../job/exact-json.ts';
import { textAt } from '../job/json-text.ts';
import type { JobEvent } from './job-event.ts';

/** What a submitted job can be told of. */
export type HeardEvent = Extract<
  JobEvent,
  { event: 'started' | 'output' | 'progress' | 'completed' | 'failed' }
>;

/** A message, and by which exchange it came. */
export type HeardMessage = Pick<Delivery, 'message' | 'exchange'>;

/** What a job says of its progress is shown ten times a second: more than a few lines is no help. */
const LONGEST_MESSAGE = 1_000;

/** The last word on a job. */
export type FinalEvent = Extract<HeardEvent, { event: 'completed' | 'failed' }>;

export function isFinal(event: HeardEvent): event is FinalEvent {
  return event.event === 'completed' || event.event === 'failed';
}

/**
 * What a message says of its job: `{"status": …}` is a reply, `{"progress": 40}` and `{"message": line}` come from the
 * exchange. Undefined for anything else: only who was told of the reply queue can reply, but whoever may publish to the
 * exchange can reach every queue that is bound to it.
 */
export function readJobEvent({ message, exchange }: HeardMessage): HeardEvent | undefined {
  const json = message.body.toString();
  const said = parseObject(json);
  if (said === undefined) return undefined;
  const text = typeof said['message'] === 'string' ? said['message'] : undefined;
  if ('status' in said) {
    if (exchange !== '') return undefined;
    switch (said['status']) {
      case 'started':
        return { event: 'started' };
      case 'completed':
        return { event: 'completed', ...dataOf(said, json) };
      case 'failed':
        return { event: 'failed', message: text ?? 'no reason given', ...dataOf(said, json) };
      default:
        return undefined;
    }
  }
  if (exchange === '') return undefined;
  if (typeof said['progress'] === 'number') {
    return {
      event: 'progress',
      percent: said['progress'],
      ...(text === undefined ? {} : { message: text.slice(0, LONGEST_MESSAGE) }),
    };
  }
  return text === undefined ? undefined : { event: 'output', line: text };
}

/** Each number as it is written, but in what is nested too deep for that. */
function dataOf(said: Record<string, unknown>, json: string): { readonly data?: unknown } {
  const text = textAt(json, ['data']);
  if (text === undefined) return {};
  try {
    return { data: parseExactly(text) };
  } catch {
    return { data: said['data'] };
  }
}

function parseObject(json: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
