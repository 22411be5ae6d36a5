import type { EventEmitter } from 'node:events';
import type { BrokerEvents } from '../broker/broker.ts';
import type { Config } from '../config/config.ts';
import type { ControlHandlers } from '../control/messages.ts';
import type { HttpService } from '../http/http-service.ts';
import type { Announcer } from '../job/events.ts';
import type { Worker } from '../worker/worker.ts';
import { formatDuration } from '../job/duration.ts';
import { describeIntake } from './describe-intake.ts';
import { followConnections } from './follow-connections.ts';
import type { Log } from './log.ts';
import { noteLosses } from './lost-consumers.ts';
import { pageOperations } from './page-operations.ts';
import type { ReadStatus } from './status.ts';
import { readVersion } from './version.ts';

export interface HttpParts {
  readonly events: Announcer;
  readonly brokerEvents: EventEmitter<BrokerEvents>;
  /** Those that there are when it is asked. */
  readonly workers: readonly Worker[];
  /** Likewise, of queues that were removed. */
  readonly leaving: readonly Worker[];
  readonly log: Log;
  readonly readStatus: ReadStatus;
  readonly handlers: Pick<ControlHandlers, 'pause' | 'resume'>;
  /** What the daemon works by when it is asked. */
  readonly current: () => Config;
}

const FIXES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'somebody else listens there: give each daemon a port of its own',
  EADDRNOTAVAIL: 'this machine does not have that address: try 127.0.0.1',
  EACCES: 'a port below 1024 takes a permission: choose a higher one',
  ENOTFOUND: 'no such host: try 127.0.0.1',
};

/** Health, metrics and the page, as `[http]` asks for them; undefined, and nothing of it is loaded, when it does not. */
export async function makeHttp(
  config: Config,
  { events, brokerEvents, workers, leaving, log, readStatus, handlers, current }: HttpParts,
): Promise<HttpService | undefined> {
  const { http, secrets } = config;
  if (http === undefined) return undefined;
  const { createHttpService } = await import('../http/http-service.ts');
  const { createRetry } = await import('./retry-kept.ts');
  const whyNotConsumed = noteLosses(brokerEvents);
  const { listen, token } = http;
  const { mask } = secrets;
  const service = createHttpService({
    listen,
    events,
    version: readVersion(),
    name: config.rbit.name,
    token,
    readStatus,
    concurrencyOf: (runner) => current().runners.get(runner)?.concurrency,
    operations: pageOperations({
      handlers,
      workers: () => [...workers, ...leaving],
      retry: createRetry(current),
      log,
      mask,
    }),
    queues: () =>
      workers.map((worker) => ({
        queue: worker.queue,
        runner: worker.runner,
        ...describeIntake(worker, whyNotConsumed, mask),
      })),
    mask,
    onListening: (url) => log.info(`page, health and metrics at ${url}`),
    onRefused: (code, retryInMs) =>
      log.error(
        `[http] listen = ${listen.host}:${listen.port}: no page, no health and no metrics: ${FIXES[code] ?? code} ` +
          `(${code}; jobs go on; next try in ${formatDuration(retryInMs)})`,
      ),
    onBug: (where, error) => events.emit('bug', { where, error }),
  });
  followConnections(brokerEvents, service.connections);
  return service;
}
