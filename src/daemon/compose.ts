import { EventEmitter } from 'node:events';
import type { Broker, Publication } from '../broker/broker.ts';
import { createControlServer } from '../control/server.ts';
import type { Config, RunnerConfig } from '../config/config.ts';
import type { WorkEvents } from '../job/events.ts';
import type { Runner } from '../job/runner.ts';
import { createMemoryJournal } from '../journal/memory-journal.ts';
import { createRelay } from '../journal/relay.ts';
import { statusOf } from '../protocol/replies.ts';
import type { ReceiptBroker } from '../receipt/receipt-broker.ts';
import type { Speech } from '../worker/conversation.ts';
import type { Policy } from '../worker/policy.ts';
import { Slots } from '../worker/slots.ts';
import { Worker } from '../worker/worker.ts';
import { Daemon } from './daemon.ts';
import type { Log } from './log.ts';
import { logBroker, logWork } from './log-events.ts';
import { makeBroker } from './make-broker.ts';
import { makeHttp } from './make-http.ts';
import { type DaemonJournal, makeJournal } from './make-journal.ts';
import { deadLetterOptions, makeReceipts, receiptQueues } from './make-receipts.ts';
import { operate } from './operate.ts';
import { replyFilter } from './reply-filter.ts';
import { createStatus } from './status.ts';
import { readVersion } from './version.ts';

const GOODBYE_MS = 500;
/** How long a message that was lost may take to come again, apart from what the broker takes to notice. */
const SHORTEST_WAIT_MS = 15_000;
const SLOWEST_HEARTBEAT_MS = 60_000;

/** Puts a daemon together: the only place that knows every concrete part. `runners` are started already. */
export async function compose(
  config: Config,
  runners: ReadonlyMap<string, Runner>,
  log: Log,
): Promise<Daemon> {
  const workers: Worker[] = [];
  const events = new EventEmitter<WorkEvents>();
  const { mask } = config.secrets;
  logWork(log, events);

  const journal = makeJournal(config, events, {
    resume: () => workers.forEach((worker) => worker.release('journal')),
    suspend: () => workers.forEach((worker) => worker.hold('journal')),
  });
  const { broker: remote, exchange } = await makeBroker(config, deadLetterOptions(config));
  const receipts = makeReceipts(config, remote, { journal, events, log });
  const broker = receipts ?? remote;
  logBroker(log, broker.events);

  // What the receipts take is sent later, and told then.
  const onSent = (reply: Publication): void => void events.emit('reply:sent', { status: statusOf(reply) });
  const speechOn = (one: Broker): Speech => ({
    relay: createRelay(one, one === remote ? onSent : undefined),
    publishLoosely: (publication) => one.publishLoosely(publication),
    events,
    exchange,
    replyAllowed: replyFilter(config.rbit.replyToAllow),
    replyGapMs: config.rbit.replyGapMs,
  });
  const done = { broker: remote, speech: speechOn(remote), journal };
  // The file itself is what outlives the daemon, so that the journal of its jobs need not.
  const receipt = { broker, speech: speechOn(broker), journal: createMemoryJournal() };
  const isReceipt = receiptQueues(config);

  const suspects = new Slots(1);
  const slotsOf = new Map(
    [...config.runners].map(([name, { concurrency }]) => [name, new Slots(concurrency)] as const),
  );

  for (const [queue, name] of config.mappings) {
    const runner = present(runners.get(name), name);
    const policy = policyOf(present(config.runners.get(name), name));
    const slots = present(slotsOf.get(name), name);
    const way = isReceipt.has(queue) ? receipt : done;
    workers.push(
      new Worker({
        queue,
        comesAgainMs: comesAgainMs(config),
        ...way,
        runner,
        policy,
        slots,
        suspects,
        events,
        mask,
      }),
    );
  }
  const readStatus = createStatus({
    // What waits is asked of RabbitMQ, also where jobs are worked from this disk.
    broker: {
      events: broker.events,
      count: (queue, signal) => remote.count(queue, signal),
      countConsumers: (queue, signal) => remote.countConsumers(queue, signal),
    },
    workers,
    processorOf: (name) => config.runners.get(name)?.processor ?? '',
    version: readVersion(),
    files: config.files,
    mask,
  });
  const control = createControlServer({
    folder: config.rbit.stateDir,
    handlers: operate(workers, readStatus, mask),
    onClosed: (reason) => log.warn(`status, cancel, pause and resume do not reach this daemon: ${reason}`),
    onBug: (error) => events.emit('bug', { where: 'the control socket', error }),
  });

  const http = await makeHttp(config, { events, brokerEvents: broker.events, workers, log });

  return new Daemon({
    broker,
    http,
    readStatus,
    control,
    journal: receipts === undefined ? journal : closingBoth(journal, receipts),
    workers,
    runners: [...runners.values()],
    log,
    shutdownTimeoutMs: config.rbit.shutdownTimeoutMs,
    killGraceMs: Math.max(...[...config.runners.values()].map(({ killGraceMs }) => killGraceMs)),
  });
}

/** What is in hand did not take the daemon down: to be written down in both places, also by an end that waits for nothing. */
function closingBoth(journal: DaemonJournal, receipts: ReceiptBroker): DaemonJournal {
  return {
    ...journal,
    async close() {
      await Promise.all([receipts.abandon(GOODBYE_MS), journal.close()]);
    },
  };
}

/** A broker misses a silent connection after two or three heartbeats; without any, when TCP gives up. */
function comesAgainMs({ amqp }: Config): number {
  const heartbeatMs = amqp?.heartbeatMs === 0 ? SLOWEST_HEARTBEAT_MS : (amqp?.heartbeatMs ?? 0);
  return SHORTEST_WAIT_MS + 3 * heartbeatMs;
}

/** How the jobs of a `[runner:NAME]` section are treated, in the worker's words. */
export function policyOf(section: RunnerConfig): Policy {
  return {
    runner: section.name,
    body: section.body,
    required: section.required,
    concurrency: section.concurrency,
    timeoutMs: section.timeoutMs,
    idleTimeoutMs: section.idleTimeoutMs,
    killGraceMs: section.killGraceMs,
    blockedDelay: section.blockedDelay,
    blockedLimit: section.blockedLimit,
    retries: section.retries,
    retryDelay: section.retryDelay,
    crashLimit: section.crashLimit,
    // An unacknowledged message is the broker's, which hands it out again: that is no reason to fail.
    onRestart: section.ack === 'receipt' ? section.onRestart : 'rerun',
    keepFailed: section.keepFailed,
    maxOutput: section.maxOutput,
    redact: section.redact,
    output: section.output,
    notify: section.notify,
  };
}

/** The configuration was validated, so a mapping without its runner is a bug, never a user's mistake. */
function present<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new Error(`runner ${name} is mapped but was not made`);
  return value;
}
