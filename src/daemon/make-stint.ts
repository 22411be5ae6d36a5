import type { Broker } from '../broker/broker.ts';
import type { Announcer } from '../job/events.ts';
import type { ReceiptBroker } from '../receipt/receipt-broker.ts';
import type { Worker } from '../worker/worker.ts';
import { describeIntake } from './describe-intake.ts';
import { noteLosses } from './lost-consumers.ts';
import { createStint, type Stint, type StintLimits } from './stint/stint.ts';

export interface StintParts {
  readonly events: Announcer;
  readonly remote: Broker;
  /** Undefined: every message is worked from where it lies. */
  readonly receipts: ReceiptBroker | undefined;
  /** Whether a queue is worked from this disk. */
  readonly isStored: (queue: string) => boolean;
  /** Those that there are when it is asked. */
  readonly workers: () => readonly Worker[];
  readonly mask: (text: string) => string;
}

/** What ends the daemon by itself; undefined when only an operator does. */
export function makeStint(
  limits: StintLimits | undefined,
  { events, remote, receipts, isStored, workers, mask }: StintParts,
): Stint | undefined {
  if (limits === undefined) return undefined;
  const brokerEvents = (receipts ?? remote).events;
  const whyNotConsumed = noteLosses(brokerEvents);
  return createStint(limits, {
    events,
    brokerEvents,
    workers,
    isStored,
    countUnstored: async (queue, signal) => (await remote.count(queue, signal)) ?? 0,
    async countWaiting(queue, signal) {
      const [there, here] = await Promise.all([
        remote.count(queue, signal),
        // Nothing, for a queue that is not worked from this disk.
        receipts?.count(queue, signal),
      ]);
      return (there ?? 0) + (here ?? 0);
    },
    countUnsent: async (signal) => receipts?.unsent(signal) ?? 0,
    whyNot: (worker) => describeIntake(worker, whyNotConsumed, mask).reason,
  });
}
