import type { Publication } from '../broker/broker.ts';
import type { Job } from '../job/job.ts';
import { jsonProperties } from './replies.ts';

/**
 * How far a job is, for whoever follows it: routing key `progress`, body `{"progress": 40, "message": "page 4 of 10"}`,
 * `progress` from 0 to 100, `message` only if the job gave one.
 */
export function progressMessage(exchange: string, job: Job, percent: number, message?: string): Publication {
  return {
    exchange,
    routingKey: 'progress',
    body: Buffer.from(JSON.stringify({ progress: percent, ...(message === undefined ? {} : { message }) })),
    properties: jsonProperties(job.runner, job.correlationId),
  };
}
