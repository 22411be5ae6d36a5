import type { Broker } from '../../../src/broker/broker.ts';
import type { Announcer, RunFacts } from '../../../src/job/events.ts';
import type { Outcome } from '../../../src/job/outcome.ts';
import { createMemoryJournal } from '../../../src/journal/memory-journal.ts';
import { createRelay } from '../../../src/journal/relay.ts';
import { Slots } from '../../../src/worker/slots.ts';
import { Worker } from '../../../src/worker/worker.ts';
import { policy } from '../../worker/policy.ts';

/** Starts the broker, and a worker of its queue `jobs` with the runner `r`, which does one job at a time. */
export function startWorker(
  { broker, events }: { readonly broker: Broker; readonly events: Announcer },
  run: () => Promise<Outcome>,
  admit: (facts: RunFacts) => boolean = () => true,
): Worker {
  const worker = new Worker({
    queue: 'jobs',
    comesAgainMs: 60_000,
    broker,
    runner: { name: 'r', start: async () => {}, stop: async () => {}, run },
    policy: { ...policy, concurrency: 1 },
    journal: createMemoryJournal(),
    speech: {
      relay: createRelay(broker),
      publishLoosely: () => false,
      events,
      exchange: undefined,
      replyAllowed: () => true,
      replyGapMs: 0,
    },
    slots: new Slots(1),
    suspects: new Slots(1),
    admit,
    events,
    mask: (text) => text,
  });
  broker.start();
  worker.start();
  return worker;
}
