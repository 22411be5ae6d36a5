import { randomUUID } from 'node:crypto';
import { type EventEmitter, once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import type { Broker, Message } from '../broker/broker.ts';
import { createEmbeddedBroker } from '../broker/embedded/embedded-broker.ts';
import type { Config, RunnerConfig } from '../config/config.ts';
import type { WorkEvents } from '../job/events.ts';
import type { Runner } from '../job/runner.ts';
import type { Verdict } from '../job/verdict.ts';
import type { Journal } from '../journal/journal.ts';
import { createMemoryJournal } from '../journal/memory-journal.ts';
import { createRelay } from '../journal/relay.ts';
import { Slots } from '../worker/slots.ts';
import { Worker } from '../worker/worker.ts';
import { policyOf } from './policy-of.ts';

export interface JobToTry {
  readonly config: Config;
  readonly section: RunnerConfig;
  /** The runner of that section, started. */
  readonly runner: Runner;
  readonly body: Buffer;
  readonly isJson: boolean;
  /** Ends the job's whole tree; the verdict is then that of an interrupted run. */
  readonly signal: AbortSignal;
  /** What the worker announces, as it happens. */
  readonly events: EventEmitter<WorkEvents>;
}

export interface TriedJob {
  readonly verdict: Verdict;
  /** The final reply as its requester got it; undefined when the job is not over. */
  readonly reply: Message | undefined;
}

const EXCHANGE = 'rbit';
const REPLY_LIMIT_MS = 10_000;
const CLOSE_LIMIT_MS = 2_000;

/**
 * Runs one job once: a real worker on a broker of its own, in memory, so that the job goes the very way that it would
 * go in a daemon. Resolves when the run is over and the requester has heard of it.
 */
export async function tryJob(job: JobToTry): Promise<TriedJob> {
  const queue = queueOf(job.config, job.section.name);
  const replyTo = `replies.${randomUUID()}`;
  const broker = createEmbeddedBroker({
    file: ':memory:',
    exchange: EXCHANGE,
    queues: new Map([[queue, { bind: [], deadLetter: `${queue}.dead` }]]),
  });
  const decided = noteVerdict();
  const worker = makeWorker(job, queue, broker, decided.journal);
  const onAbort = (): void => worker.abort();
  job.signal.addEventListener('abort', onAbort);
  if (job.signal.aborted) onAbort();
  try {
    broker.start();
    const reply = await listen(broker, replyTo);
    await broker.prepare(queue);
    await broker.publish({
      exchange: '',
      routingKey: queue,
      body: job.body,
      properties: properties(job, replyTo),
    });
    const ended = once(job.events, 'job:ended');
    worker.start();
    await ended;
    const { verdict } = decided;
    if (verdict === undefined) throw new Error('the job ended without a verdict');
    const late = wait(REPLY_LIMIT_MS, undefined, { ref: false });
    return {
      verdict,
      reply: verdict.reply === undefined ? undefined : await Promise.race([reply.final, late]),
    };
  } finally {
    job.signal.removeEventListener('abort', onAbort);
    await worker.stopIntake();
    await broker.close(CLOSE_LIMIT_MS);
  }
}

/** The first queue that is mapped to a runner; for one that is not mapped, its own name. */
function queueOf({ mappings }: Config, runner: string): string {
  return [...mappings].find(([, name]) => name === runner)?.[0] ?? runner;
}

function properties({ isJson }: JobToTry, replyTo: string): Partial<Message['properties']> {
  const json = isJson ? { contentType: 'application/json' } : {};
  return {
    correlationId: randomUUID(),
    messageId: randomUUID(),
    timestamp: Date.now(),
    persistent: true,
    replyTo,
    ...json,
  };
}

/** Opens the queue for replies; `final` is the first one that is not "started". */
async function listen(broker: Broker, replyTo: string): Promise<{ final: Promise<Message> }> {
  const final = Promise.withResolvers<Message>();
  await broker.prepare(replyTo);
  broker.consume(replyTo, {
    prefetch: 1,
    onDelivery(delivery) {
      const { status } = JSON.parse(delivery.message.body.toString()) as { status: string };
      if (status !== 'started') final.resolve(delivery.message);
      void delivery.ack();
    },
  });
  return { final: final.promise };
}

/** A journal that notes what was decided. */
function noteVerdict(): { readonly verdict: Verdict | undefined; readonly journal: Journal } {
  let verdict: Verdict | undefined;
  const journal = createMemoryJournal();
  return {
    get verdict() {
      return verdict;
    },
    journal: {
      ...journal,
      async begin(message) {
        const entry = await journal.begin(message);
        const ended = entry.ended.bind(entry);
        entry.ended = (decided, reply) => {
          verdict = decided;
          return ended(decided, reply);
        };
        return entry;
      },
    },
  };
}

function makeWorker(
  { config, section, runner, events }: JobToTry,
  queue: string,
  broker: Broker,
  journal: Journal,
): Worker {
  const speech = {
    relay: createRelay(broker),
    publishLoosely: () => false,
    events,
    exchange: undefined,
    replyAllowed: () => true,
    replyGapMs: config.rbit.replyGapMs,
  };
  const { mask } = config.secrets;
  const policy = policyOf(section);
  const slots = { slots: new Slots(1), suspects: new Slots(1), admit: () => true };
  return new Worker({
    queue,
    comesAgainMs: 0,
    broker,
    runner,
    policy,
    ...slots,
    journal,
    speech,
    events,
    mask,
  });
}
