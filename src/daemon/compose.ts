import { EventEmitter } from 'node:events';
import type { Broker, Publication } from '../broker/broker.ts';
import { createControlServer } from '../control/server.ts';
import type { Config } from '../config/config.ts';
import type { RunFacts, WorkEvents } from '../job/events.ts';
import type { Runner } from '../job/runner.ts';
import { createMemoryJournal } from '../journal/memory-journal.ts';
import type { Journal } from '../journal/journal.ts';
import { createRelay } from '../journal/relay.ts';
import type { RunList } from '../processors/child/run-list.ts';
import { statusOf } from '../protocol/replies.ts';
import type { ReceiptBroker } from '../receipt/receipt-broker.ts';
import { Crew, type Way } from './crew.ts';
import { Daemon } from './daemon.ts';
import type { Log } from './log.ts';
import { logBroker, logWork } from './log-events.ts';
import { makeBrokerFor } from './make-broker.ts';
import { makeHttp } from './make-http.ts';
import { type DaemonJournal, makeJournal } from './make-journal.ts';
import { makeReceipts, receiptQueues, warnOfStored } from './make-receipts.ts';
import { makeServiceReporter } from './make-service-reporter.ts';
import { makeStint } from './make-stint.ts';
import { operate } from './operate.ts';
import { QueueFacts } from './queue-facts.ts';
import { Reload } from './reload.ts';
import { replyFilter } from './reply-filter.ts';
import { createStatus } from './status.ts';
import type { ServiceManager } from './systemd/service-manager.ts';
import type { StintLimits } from './stint/stint.ts';
import { readVersion } from './version.ts';

const GOODBYE_MS = 500;
/** How long a message that was lost may take to come again, apart from what the broker takes to notice. */
const SHORTEST_WAIT_MS = 15_000;
const SLOWEST_HEARTBEAT_MS = 60_000;

/** What there is before there is a daemon. */
export interface Surroundings {
  readonly log: Log;
  readonly runList: RunList;
  /** Reads the files again that the daemon was started with. Throws ConfigError. */
  readonly read: () => Promise<Config>;
  /** Undefined: nobody wants to hear how the daemon is. */
  readonly manager: ServiceManager | undefined;
  /** Undefined: it works until it is stopped. */
  readonly limits: StintLimits | undefined;
}

/** Puts a daemon together: the only place that knows every concrete part. `runners` are started already. */
export async function compose(
  config: Config,
  runners: ReadonlyMap<string, Runner>,
  { log, runList, read, manager, limits }: Surroundings,
): Promise<Daemon> {
  const events = new EventEmitter<WorkEvents>();
  const { mask } = config.secrets;
  logWork(log, events);

  const journal = makeJournal(config, events, {
    resume: () => crew.resume(),
    suspend: () => crew.suspend(),
  });
  const facts = new QueueFacts(config);
  const { broker: remote, exchange } = await makeBrokerFor(facts.queues, config);
  const made = makeReceipts(config, remote, { journal, events, log });
  const receipts = made?.broker;
  const broker = receipts ?? remote;
  logBroker(log, broker.events);

  // What the receipts take is sent later, and told then.
  const onSent = (reply: Publication): void => void events.emit('reply:sent', { status: statusOf(reply) });
  const wayOver = (one: Broker, itsJournal: Journal): Way => {
    const relay = createRelay(one, one === remote ? onSent : undefined);
    const publishLoosely: Broker['publishLoosely'] = (publication) => one.publishLoosely(publication);
    return {
      broker: one,
      journal: itsJournal,
      speechOf({ rbit: { replyToAllow, replyGapMs } }) {
        return {
          relay,
          publishLoosely,
          events,
          exchange,
          replyAllowed: replyFilter(replyToAllow),
          replyGapMs,
        };
      },
    };
  };
  const done = wayOver(remote, journal);
  // The file itself is what outlives the daemon, so that the journal of its jobs need not.
  const receipt = wayOver(broker, createMemoryJournal());

  const admit = (job: RunFacts): boolean => stint?.admit(job) ?? true;
  const crew = new Crew({
    events,
    mask,
    admit,
    comesAgainMs: comesAgainMs(config),
    facts,
    wayOf: (queue, now) => (receiptQueues(now).has(queue) ? receipt : done),
    onLeft(queue, way) {
      log.info({ queue }, `queue ${queue}: nothing of it is in hand any more`);
      if (way === receipt) void warnOfStored(queue, broker, log);
    },
  });
  crew.change(config, runners);
  const { workers, leaving } = crew;
  const stint = makeStint(limits, {
    events,
    remote,
    receipts,
    isStored: (queue) => crew.wayOf(queue) === receipt,
    workers: () => [...workers, ...leaving],
    mask,
  });
  const reload = new Reload({
    config,
    read,
    crew,
    acks: {
      of(queue) {
        const way = crew.wayOf(queue);
        return way === undefined ? undefined : way === receipt ? 'receipt' : 'done';
      },
      mayReceive: receipts !== undefined,
    },
    runList,
    log,
    onChange: (next) => made?.change(next),
    onBegin: () => service?.reloading(),
    onEnd: () => service?.reloaded(),
  });
  const readStatus = createStatus({
    // What waits is asked of RabbitMQ, also where jobs are worked from this disk.
    broker: {
      events: broker.events,
      count: (queue, signal) => remote.count(queue, signal),
      countConsumers: (queue, signal) => remote.countConsumers(queue, signal),
    },
    workers,
    leaving,
    processorOf: (name) => reload.config.runners.get(name)?.processor ?? '',
    version: readVersion(),
    files: () => reload.config.files,
    mask,
  });
  const handlers = operate({ workers, leaving, readStatus, reload: () => reload.run(), mask });
  const control = createControlServer({
    folder: config.rbit.stateDir,
    handlers,
    onClosed: (reason) =>
      log.warn(`status, cancel, pause, resume and reload do not reach this daemon: ${reason}`),
    onBug: (error) => events.emit('bug', { where: 'the control socket', error }),
  });

  const http = await makeHttp(config, {
    events,
    brokerEvents: broker.events,
    workers,
    leaving,
    log,
    readStatus,
    handlers,
    current: () => reload.config,
  });

  const service = await makeServiceReporter(manager, {
    events,
    brokerEvents: broker.events,
    workers,
    leaving,
    mask,
    log,
  });

  return new Daemon({
    broker,
    http,
    service,
    readStatus,
    control,
    journal: receipts === undefined ? journal : closingBoth(journal, receipts),
    crew,
    reload,
    stint,
    log,
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
