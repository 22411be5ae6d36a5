import type { Publication } from '../broker/broker.ts';
import type { Job } from '../job/job.ts';
import type { FinalOutcome } from '../job/verdict.ts';

/*
 * What a requester hears, on the default exchange with its `reply_to` as routing key. re-core matches replies
 * by their order alone and compares whole bodies: one "started", one final reply, and no key more than needed.
 */

/** Where the replies of a job go, or undefined when nobody waits for them. */
export interface Requester {
  readonly replyTo: string;
  readonly correlationId?: string;
  /** Name of the runner: `app_id` of each reply. */
  readonly appId: string;
}

/** Why a job is not answered although it names a reply queue; undefined when it is, or names none. */
export function whyUnanswered(job: Job, allowed: (replyTo: string) => boolean): string | undefined {
  if (!job.replyTo) return undefined;
  // A reply has a reply_to itself: on a queue of that name each job would be answered by two more.
  if (job.replyTo === job.queue) return 'it is the queue of the job itself';
  return allowed(job.replyTo) ? undefined : 'reply-to-allow does not name it';
}

/** The requester of a job; undefined without `reply_to`, or when it is not to be answered. */
export function requesterOf(job: Job, allowed: (replyTo: string) => boolean): Requester | undefined {
  if (!job.replyTo || whyUnanswered(job, allowed) !== undefined) return undefined;
  const { replyTo, correlationId, runner: appId } = job;
  return { replyTo, appId, ...(correlationId === undefined ? {} : { correlationId }) };
}

/** `{"status":"started"}`. */
export function startedReply(requester: Requester): Publication {
  return reply(requester, { status: 'started' });
}

/** `{"status":"completed"}` or `{"status":"failed","message":…}`, with `data` only if there is any. */
export function finalReply(requester: Requester, outcome: FinalOutcome): Publication {
  const data = outcome.data === undefined ? {} : { data: outcome.data };
  return outcome.kind === 'completed'
    ? reply(requester, { status: 'completed', ...data })
    : reply(requester, { status: 'failed', message: outcome.message, ...data });
}

/** `status` of a reply that was made here, without reading all of it; 'unknown' of any other. */
export function statusOf({ body }: Pick<Publication, 'body'>): string {
  const [, status = 'unknown'] = /^\{"status":"(\w+)"/.exec(body.toString('latin1', 0, 40)) ?? [];
  return status;
}

function reply({ replyTo, correlationId, appId }: Requester, body: Record<string, unknown>): Publication {
  return {
    exchange: '',
    routingKey: replyTo,
    body: Buffer.from(JSON.stringify(body)),
    properties: jsonProperties(appId, correlationId),
  };
}

/** Properties of everything that is said in re-core's protocol; `reply_to` is `log`, since its workers crash without one. */
export function jsonProperties(appId: string, correlationId: string | undefined): Publication['properties'] {
  return {
    appId,
    ...(correlationId === undefined ? {} : { correlationId }),
    replyTo: 'log',
    contentType: 'application/json',
    persistent: true,
  };
}
