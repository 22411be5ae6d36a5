import type { Publication } from '../broker/broker.ts';
import type { Job } from '../job/job.ts';
import { jsonProperties } from './replies.ts';

export type Phase = 'started' | 'completed' | 'failed';

const SLUG_LENGTH = 80;
/** A message says its command and its transports: without limits it could multiply the one by the other. */
const MESSAGE_LENGTH = 1_000;
const MOST_TRANSPORTS = 32;
/** A transport's name becomes part of a routing key, so it must not bring dots or wildcards of its own. */
const TRANSPORT = /^[\w-]{1,64}$/;

/**
 * The notifications that a job asks for in `notify[phase]`, one for each transport: routing key `notify.TRANSPORT`,
 * body `{slug, message, phase, target}`. Receivers crash on anything but strings with a list of strings as target,
 * so a target of another shape is passed over. The first 32 transports are notified, in at most 1,000 characters.
 */
export function notifications(exchange: string, job: Job, phase: Phase, detail?: string): Publication[] {
  const wanted = job.notify[phase];
  if (typeof wanted !== 'object' || wanted === null) return [];
  const message = wording(job, phase, detail).slice(0, MESSAGE_LENGTH);
  return Object.entries(wanted)
    .filter(([transport, target]) => TRANSPORT.test(transport) && isTarget(target))
    .slice(0, MOST_TRANSPORTS)
    .map(([transport, target]) => ({
      exchange,
      routingKey: `notify.${transport}`,
      body: Buffer.from(JSON.stringify({ slug: message.slice(0, SLUG_LENGTH), message, phase, target })),
      properties: jsonProperties(job.runner, job.correlationId),
    }));
}

function wording(job: Job, phase: Phase, detail: string | undefined): string {
  const { command, subcommand } = job.parameters;
  const step = [command, subcommand].filter((part) => typeof part === 'string' && part !== '').join(':');
  return `${job.runner}${step === '' ? '' : ` (${step})`} ${phase}${detail === undefined ? '' : `: ${detail}`}`;
}

function isTarget(target: unknown): target is string[] {
  return Array.isArray(target) && target.length > 0 && target.every((one) => typeof one === 'string');
}
