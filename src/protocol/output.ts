import type { Publication } from '../broker/broker.ts';
import type { Job } from '../job/job.ts';
import { jsonProperties } from './replies.ts';

/** One line that a job printed, for the output worker of a release engine: routing key `output`, body `{"message": line}`. */
export function outputMessage(exchange: string, job: Job, line: string): Publication {
  return {
    exchange,
    routingKey: 'output',
    body: Buffer.from(JSON.stringify({ message: line })),
    properties: jsonProperties(job.runner, job.correlationId),
  };
}
