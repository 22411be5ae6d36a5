import type { EventEmitter } from 'node:events';
import type { WorkEvents } from '../job/events.ts';
import { type Connections, createConnections } from './connections.ts';
import { createHttpServer, type HttpServerOptions } from './http-server.ts';
import { createMetrics } from './metrics.ts';
import type { QueueIntake } from './queue-intake.ts';
import { watchReadiness } from './readiness.ts';
import { createRoutes } from './routes.ts';

export interface HttpServiceOptions extends Omit<HttpServerOptions, 'routes'> {
  readonly version: string;
  readonly events: EventEmitter<WorkEvents>;
  /** The mapped queues as they are when it is asked. */
  readonly queues: () => readonly QueueIntake[];
  /** Masks the secrets in a text. */
  readonly mask: (text: string) => string;
}

/** Health and metrics of a daemon over HTTP. Life: `start` before anything is consumed, `drain`, `close`. */
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
  const server = createHttpServer({ ...options, routes: createRoutes(readiness, shown) });
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
