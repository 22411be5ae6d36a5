import { EventEmitter } from 'node:events';
import { createEmbeddedBroker } from '../../src/broker/embedded/embedded-broker.ts';
import type { Broker, Delivery, MessageProperties, QueueOptions } from '../../src/broker/broker.ts';
import type { WorkEvents } from '../../src/job/events.ts';
import type { Runner } from '../../src/job/runner.ts';
import { createMemoryJournal } from '../../src/journal/memory-journal.ts';
import { createRelay, type Relay } from '../../src/journal/relay.ts';
import { RunningJobs } from '../../src/worker/running.ts';
import { Slots } from '../../src/worker/slots.ts';
import type { Workplace } from '../../src/worker/workplace.ts';
import { type Inbox, openInbox } from '../broker/inbox.ts';
import { policy } from './policy.ts';

export const EXCHANGE = 're';

/** A workplace on a broker of its own, with queues `jobs` and `replies`, and `heard` for all that is said on the exchange. */
export interface Bench {
  readonly broker: Broker;
  readonly jobs: Inbox;
  readonly replies: Inbox;
  readonly heard: Inbox;
  /** Sends a job that wants its replies on `replies`, and takes it in hand. */
  deliver(properties?: Partial<MessageProperties>): Promise<Delivery>;
  /** A workplace whose runner does `run`; `relay` instead of a plain one. */
  workplace(
    run: Runner['run'],
    changes?: { relay?: Relay; exchange?: undefined; secret?: string },
  ): Workplace;
}

export async function openBench(): Promise<Bench> {
  const facts = (bind: string[] = []): QueueOptions => ({ bind, deadLetter: 'dead' });
  const queues = new Map([
    ['jobs', facts()],
    ['replies', facts()],
    ['heard', facts(['#'])],
  ]);
  const broker = createEmbeddedBroker({ file: ':memory:', exchange: EXCHANGE, queues });
  broker.start();
  const [jobs, replies, heard] = [...queues.keys()].map((queue) => openInbox(broker, queue));
  if (jobs === undefined || replies === undefined || heard === undefined)
    throw new RangeError('three queues');
  await Promise.all([jobs, replies, heard].map((inbox) => inbox.consuming()));
  const never = new AbortController().signal;
  return {
    broker,
    jobs,
    replies,
    heard,
    async deliver(properties = {}) {
      await broker.publish({
        exchange: '',
        routingKey: 'jobs',
        body: Buffer.from('{}'),
        properties: { replyTo: 'replies', correlationId: 'c', ...properties },
      });
      return jobs.next();
    },
    workplace(run, changes = {}) {
      const events = new EventEmitter<WorkEvents>();
      const { relay = createRelay(broker), secret } = changes;
      return {
        runner: { name: policy.runner, start: async () => {}, stop: async () => {}, run },
        policy,
        journal: createMemoryJournal(),
        speech: {
          relay,
          publishLoosely: (publication) => broker.publishLoosely(publication),
          events,
          exchange: 'exchange' in changes ? undefined : EXCHANGE,
          replyAllowed: () => true,
          replyGapMs: 0,
        },
        running: new RunningJobs(events),
        slots: new Slots(2),
        suspects: new Slots(1),
        admit: () => true,
        events,
        draining: never,
        closing: never,
        mask: (text) => (secret === undefined ? text : text.replaceAll(secret, '***')),
        onOutcome: async () => {},
      };
    },
  };
}

/** The JSON in the bodies of deliveries. */
export function said(inbox: Inbox): unknown[] {
  return inbox.deliveries.map(({ message }) => JSON.parse(message.body.toString()) as unknown);
}
