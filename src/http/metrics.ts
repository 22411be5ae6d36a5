import type { EventEmitter } from 'node:events';
import { Registry } from 'prom-client';
import type { WorkEvents } from '../job/events.ts';
import { addCounter, addGauge } from './asked-metric.ts';
import type { Connections } from './connections.ts';
import { countEvents } from './event-metrics.ts';
import { measureEventLoop } from './event-loop-lag.ts';
import { measureProcess } from './process-metrics.ts';
import type { QueueIntake } from './queue-intake.ts';

export interface MetricsOptions {
  readonly version: string;
  readonly events: EventEmitter<WorkEvents>;
  readonly connections: Pick<Connections, 'list'>;
  /** The mapped queues as they are now. */
  readonly queues: () => readonly QueueIntake[];
  readonly isReady: () => boolean;
}

/** All that /metrics tells. */
export interface Metrics {
  readonly contentType: string;
  /** In Prometheus' text format. */
  read(): Promise<string>;
  stop(): void;
}

/**
 * Counts what is announced from now on, and asks for the rest when it is read. Every label is a word of the
 * configuration or of this program: what is in a message names no series.
 */
export function createMetrics(options: MetricsOptions): Metrics {
  const { queues, version } = options;
  const registry = new Registry();
  addGauge(registry, {
    name: 'rbit_build_info',
    help: 'Always 1: which rbit-ts this is, and on which Node.js it runs.',
    labelNames: ['version', 'node'],
    read: () => [[{ version, node: process.version }, 1]],
  });
  describeState(registry, options);
  const counted = countEvents(options.events, registry);
  measureProcess(registry);
  const stop = measureEventLoop(registry);

  return {
    contentType: registry.contentType,
    read() {
      for (const { queue, runner } of queues()) counted.expect(queue, runner);
      return registry.metrics();
    },
    stop,
  };
}

function describeState(registry: Registry, { queues, connections, isReady }: MetricsOptions): void {
  addGauge(registry, {
    name: 'rbit_ready',
    help: 'Whether /readyz says yes.',
    read: () => [[{}, Number(isReady())]],
  });
  addGauge(registry, {
    name: 'rbit_connected',
    help: 'Whether a connection to the broker is there and takes messages.',
    labelNames: ['connection'],
    read: () =>
      connections
        .list()
        .map(({ purpose, trouble }) => [{ connection: purpose }, Number(trouble === undefined)]),
  });
  addCounter(registry, {
    name: 'rbit_reconnects_total',
    help: 'How often a connection to the broker was opened again after a loss.',
    labelNames: ['connection'],
    read: () => connections.list().map(({ purpose, reconnects }) => [{ connection: purpose }, reconnects]),
  });
  addGauge(registry, {
    name: 'rbit_queue_consumed',
    help: 'Whether messages of the queue are taken, if only one to see whether its runner can be started again.',
    labelNames: ['queue'],
    read: () =>
      queues().map(({ queue, state }) => [{ queue }, Number(state === 'consuming' || state === 'probing')]),
  });
  addGauge(registry, {
    name: 'rbit_queue_paused',
    help: 'Whether the queue is paused: by an operator, by the journal, or since its runner could not be started.',
    labelNames: ['queue'],
    read: () => queues().map(({ queue, by }) => [{ queue }, Number(by !== undefined)]),
  });
}
