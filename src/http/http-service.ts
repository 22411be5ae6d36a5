import type { EventEmitter } from 'node:events';
import type { WorkEvents } from '../job/events.ts';
import type { DaemonStatus } from '../job/status.ts';
import { type Connections, createConnections } from './connections.ts';
import { createHttpServer, type HttpServerOptions } from './http-server.ts';
import { createMetrics } from './metrics.ts';
import type { QueueIntake } from './queue-intake.ts';
import { watchReadiness } from './readiness.ts';
import type { Operations } from './actions.ts';
import { recordJobs } from './job-records.ts';
import { createPageRoutes } from './page-routes.ts';
import { recordRates } from './rate-history.ts';
import { createRoutes } from './routes.ts';
import { createRunKeys } from './run-details.ts';

export interface HttpServiceOptions extends Omit<HttpServerOptions, 'routes'> {
  readonly version: string;
  readonly events: EventEmitter<WorkEvents>;
  /** The mapped queues as they are when it is asked. */
  readonly queues: () => readonly QueueIntake[];
  /** Of the daemon, for whoever looks at the page. */
  readonly name: string;
  readonly readStatus: () => Promise<DaemonStatus>;
  readonly concurrencyOf: (runner: string) => number | undefined;
  readonly operations: Operations;
  /** Undefined: the page only shows. */
  readonly token: string | undefined;
  /** Masks the secrets in a text. */
  readonly mask: (text: string) => string;
}

/** Health, metrics and the page of a daemon over HTTP. Life: `start` before anything is consumed, `drain`, `close`. */
export interface HttpService {
  /** Is to be told what the broker announces. */
  readonly connections: Connections;
  start(): void;
  /** The daemon takes nothing new any more: it is not ready. */
  drain(): void;
  close(): Promise<void>;
}

/** Listens to `events` from now on, so it has to be made before the first of them. */
export function createHttpService(options: HttpServiceOptions): HttpService {
  const connections = createConnections();
  const readiness = watchReadiness({ ...options, connections });
  const metrics = createMetrics({ ...options, connections, isReady: () => readiness.read().ready });
  // A queue may be called like a secret.
  const shown = { ...metrics, read: async () => options.mask(await metrics.read()) };
  const page = createPageRoutes({
    ...options,
    host: options.listen.host,
    readiness,
    records: recordJobs(options.events),
    rates: recordRates(options.events),
    nameOf: (called) => options.queues().find(({ queue }) => options.mask(queue) === called)?.queue,
    keys: createRunKeys(),
  });
  const get = new Map([...createRoutes(readiness, shown), ...page.get]);
  const server = createHttpServer({ ...options, routes: { get, post: page.post } });
  return {
    connections,
    start: () => server.start(),
    drain: () => readiness.stop(),
    async close() {
      metrics.stop();
      await server.close();
    },
  };
}
