import type { Delivery } from '../broker/broker.ts';
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
  const said = parseObject(message.body);
  if (said === undefined) return undefined;
  const data = Object.hasOwn(said, 'data') ? { data: said['data'] } : {};
  const text = typeof said['message'] === 'string' ? said['message'] : undefined;
  if ('status' in said) {
    if (exchange !== '') return undefined;
    switch (said['status']) {
      case 'started':
        return { event: 'started' };
      case 'completed':
        return { event: 'completed', ...data };
      case 'failed':
        return { event: 'failed', message: text ?? 'no reason given', ...data };
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

function parseObject(body: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
