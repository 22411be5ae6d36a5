import type { EventEmitter } from 'node:events';
import type { BrokerEvents } from '../broker/broker.ts';
import type { Announcer } from '../job/events.ts';
import type { Worker } from '../worker/worker.ts';
import { describeIntake } from './describe-intake.ts';
import type { Log } from './log.ts';
import { noteLosses } from './lost-consumers.ts';
import type { ServiceManager } from './systemd/service-manager.ts';
import type { ServiceReporter } from './systemd/service-reporter.ts';

export interface ReporterParts {
  readonly events: Announcer;
  readonly brokerEvents: EventEmitter<BrokerEvents>;
  /** Those that there are when it is asked. */
  readonly workers: readonly Worker[];
  /** Those of queues that are mapped no longer, and that still have jobs. */
  readonly leaving: readonly Worker[];
  readonly mask: (text: string) => string;
  readonly log: Log;
}

/** Who tells systemd how the daemon is; undefined, and nothing of it is loaded, when systemd did not ask. */
export async function makeServiceReporter(
  manager: ServiceManager | undefined,
  { workers, leaving, ...parts }: ReporterParts,
): Promise<ServiceReporter | undefined> {
  if (manager === undefined) return undefined;
  const { ServiceReporter } = await import('./systemd/service-reporter.ts');
  const whyNotConsumed = noteLosses(parts.brokerEvents);
  return new ServiceReporter({
    ...parts,
    manager,
    read: () => ({
      queues: workers.map((worker) => ({
        queue: worker.queue,
        runner: worker.runner,
        ...describeIntake(worker, whyNotConsumed, parts.mask),
      })),
      inHand: [...workers, ...leaving].reduce((sum, { running }) => sum + running.count, 0),
    }),
  });
}
