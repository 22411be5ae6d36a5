import { randomUUID } from 'node:crypto';
import type { Delivery, Message } from '../broker/broker.ts';
import { COPY_HEADER } from '../broker/copy-token.ts';
import type { Job } from '../job/job.ts';
import { type Failure, failed } from '../job/outcome.ts';
import { readHistory } from './history.ts';

/** What a runner demands of a message before it may become a job. */
export interface Expectations {
  readonly runner: string;
  /** `json`: the body has to be a JSON object. `any`: whatever it is. */
  readonly body: 'json' | 'any';
  /** Paths that have to be in the body, such as `dynamic.cart`. */
  readonly required: readonly string[];
}

/**
 * A job, or why there will be none. `undecodable`: the message is not a job at all and goes to the dead-letter
 * queue; `incomplete`: it is one, and lacks something required.
 */
export type Decoded =
  | { readonly kind: 'job'; readonly job: Job }
  | { readonly kind: 'undecodable' | 'incomplete'; readonly job: Job; readonly failure: Failure };

/** Makes the job of a message. Pure but for the id of a message that has none. */
export function decode(delivery: Delivery, expectations: Expectations): Decoded {
  const parsed = parse(delivery.message.body);
  const object = parsed.ok && isObject(parsed.value) ? parsed.value : undefined;
  const job = makeJob(delivery, expectations.runner, parsed.ok ? parsed.value : parsed.text, object ?? {});
  if (expectations.body === 'json' && object === undefined) {
    const problem = parsed.ok ? 'not a JSON object' : `not JSON (${parsed.problem})`;
    return { kind: 'undecodable', job, failure: failed(`the message cannot be decoded: ${problem}`) };
  }
  const missing = expectations.required.filter((path) => lookUp(job.body, path) === undefined);
  if (missing.length > 0) {
    return { kind: 'incomplete', job, failure: failed(`missing required keys: ${missing.join(', ')}`) };
  }
  return { kind: 'job', job };
}

function makeJob(
  { queue, message, redelivered }: Delivery,
  runner: string,
  body: unknown,
  parts: Record<string, unknown>,
): Job {
  const { correlationId, messageId, replyTo, timestamp, headers } = message.properties;
  const history = readHistory(message);
  return {
    id: correlationId || messageId || history.id || randomUUID(),
    queue,
    runner,
    body,
    ...(typeof parts['group'] === 'string' ? { group: parts['group'] } : {}),
    parameters: objectOr(parts['parameters']),
    dynamic: objectOr(parts['dynamic']),
    notify: objectOr(parts['notify']),
    attempt: history.attempt,
    redelivered,
    ...(correlationId === undefined ? {} : { correlationId }),
    ...(messageId === undefined ? {} : { messageId }),
    ...(replyTo === undefined ? {} : { replyTo }),
    ...(timestamp === undefined ? {} : { timestamp }),
    headers: withoutCopyToken(headers),
  };
}

/** A runner that sends its own message again must not send its token with it: the message would pass for the copy. */
function withoutCopyToken(headers: Job['headers']): Job['headers'] {
  const { [COPY_HEADER]: _token, ...others } = headers;
  return others;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

type Parsed = { ok: true; value: unknown } | { ok: false; text: string; problem: string };

/** A message of this size can become some gigabytes of objects; RabbitMQ 4 takes 16 MiB unless it is told otherwise. */
const LARGEST_BODY = 64 * 1024 * 1024;

function parse(body: Message['body']): Parsed {
  if (body.length > LARGEST_BODY)
    return { ok: false, text: '', problem: `${body.length} bytes, more than 64 MiB` };
  let text = '';
  try {
    text = utf8.decode(body);
    return { ok: true, value: JSON.parse(text) };
  } catch (error) {
    if (text === '' && body.length > 0)
      return { ok: false, text: body.toString('latin1'), problem: 'not UTF-8' };
    // V8 quotes the text itself in its message; a reply has no room for a megabyte of it.
    const problem = body.length === 0 ? 'empty' : (error as Error).message.slice(0, 100);
    return { ok: false, text, problem };
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function objectOr(value: unknown): Record<string, unknown> {
  return isObject(value) ? value : {};
}

/** The value at a dotted path such as `parameters.hosts.0`: own properties only, so that no message reaches a prototype. */
function lookUp(value: unknown, path: string): unknown {
  let at = value;
  for (const key of path.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<string, unknown>)[key];
  }
  return at;
}
