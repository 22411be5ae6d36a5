import type { EventEmitter } from 'node:events';
import type { BrokerEvents } from '../broker/broker.ts';
import type { Config } from '../config/config.ts';
import type { HttpService } from '../http/http-service.ts';
import type { Announcer } from '../job/events.ts';
import type { Worker } from '../worker/worker.ts';
import { formatDuration } from '../job/duration.ts';
import { describeIntake } from './describe-intake.ts';
import type { Log } from './log.ts';
import { noteLosses } from './lost-consumers.ts';
import { readVersion } from './version.ts';

export interface HttpParts {
  readonly events: Announcer;
  readonly brokerEvents: EventEmitter<BrokerEvents>;
  /** Those that there are when it is asked. */
  readonly workers: readonly Worker[];
  readonly log: Log;
}

const FIXES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'somebody else listens there: give each daemon a port of its own',
  EADDRNOTAVAIL: 'this machine does not have that address: try 127.0.0.1',
  EACCES: 'a port below 1024 takes a permission: choose a higher one',
  ENOTFOUND: 'no such host: try 127.0.0.1',
};

/** Health and metrics, as `[http]` asks for them; undefined, and nothing of it is loaded, when it does not. */
export async function makeHttp(
  { http, secrets }: Config,
  { events, brokerEvents, workers, log }: HttpParts,
): Promise<HttpService | undefined> {
  if (http === undefined) return undefined;
  const { createHttpService } = await import('../http/http-service.ts');
  const whyNotConsumed = noteLosses(brokerEvents);
  const { listen } = http;
  const { mask } = secrets;
  const service = createHttpService({
    listen,
    events,
    version: readVersion(),
    queues: () =>
      workers.map((worker) => ({
        queue: worker.queue,
        runner: worker.runner,
        ...describeIntake(worker, whyNotConsumed, mask),
      })),
    mask,
    onListening: (url) => log.info(`health and metrics at ${url}`),
    onRefused: (code, retryInMs) =>
      log.error(
        `[http] listen = ${listen.host}:${listen.port}: no health and no metrics: ${FIXES[code] ?? code} ` +
          `(${code}; jobs go on; next try in ${formatDuration(retryInMs)})`,
      ),
    onBug: (where, error) => events.emit('bug', { where, error }),
  });
  const { connections } = service;
  brokerEvents.on('connection:wanted', ({ purpose }) => connections.wanted(purpose));
  brokerEvents.on('connection:open', ({ purpose }) => connections.open(purpose));
  brokerEvents.on('connection:lost', ({ purpose, reason }) => connections.lost(purpose, reason));
  brokerEvents.on('connection:blocked', ({ purpose, reason }) => connections.blocked(purpose, reason));
  brokerEvents.on('connection:unblocked', ({ purpose }) => connections.unblocked(purpose));
  return service;
}
