import type { Message } from '../broker/broker.ts';
import type { JobEvent } from './job-event.ts';

/** What a submitted job can be told of. */
export type HeardEvent = Extract<
  JobEvent,
  { event: 'started' | 'output' | 'progress' | 'completed' | 'failed' }
>;

/** The last word on a job. */
export type FinalEvent = Extract<HeardEvent, { event: 'completed' | 'failed' }>;

export function isFinal(event: HeardEvent): event is FinalEvent {
  return event.event === 'completed' || event.event === 'failed';
}

/**
 * What a message says of its job: `{"status": …}` is a reply, `{"progress": 40}` and `{"message": line}` come from the
 * exchange. Undefined for anything else.
 */
export function readJobEvent({ body }: Message): HeardEvent | undefined {
  const said = parseObject(body);
  if (said === undefined) return undefined;
  const data = Object.hasOwn(said, 'data') ? { data: said['data'] } : {};
  const text = typeof said['message'] === 'string' ? said['message'] : undefined;
  if ('status' in said) {
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
  if (typeof said['progress'] === 'number') {
    return { event: 'progress', percent: said['progress'], ...(text === undefined ? {} : { message: text }) };
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
